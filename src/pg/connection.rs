//! One connection: start-up, then messages until it ends.
//!
//! After an error in the extended protocol everything up to Sync is skipped. COPY data that comes
//! after a COPY has failed is ignored.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::engine::Canceler;
use crate::model::error::{Error, SqlState};
use crate::pg::authenticate::authenticate;
use crate::pg::charset::{self, Output};
use crate::pg::decode::{self, Frontend};
use crate::pg::encode::{self, Formats};
use crate::pg::error::{Level, put_error, put_notice};
use crate::pg::framing::{Gone, Message, Wire};
use crate::pg::startup::{self, Request, Startup};
use crate::pg::{Encryption, Shared, encode::Format};
use crate::platform::clock;
use crate::session::{Aside, Backends, Interruption, Login, Reply, Rowset, Session};

/// How long a client may take until its session begins.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(10);
/// Packets that ask for encryption before the real one, at the most: one of each kind.
const ENCRYPTION_REQUESTS_MAX: usize = 2;

/// A connection with its session.
pub(crate) struct Connection<S> {
    pub(crate) wire: Wire<S>,
    pub(crate) session: Session,
    pub(crate) canceler: Canceler,
    /// After an error in the extended protocol, until Sync.
    pub(crate) skipping: bool,
    /// Result formats of the unnamed portal, as the client gave them.
    pub(crate) unnamed_formats: Vec<i16>,
    /// Changed settings, told before the next ReadyForQuery.
    changed: Vec<(String, String)>,
    /// Whether ReadyForQuery was the last answer.
    is_ready: bool,
    message_bytes_max: usize,
}

/// Why a statement's answer ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The statement failed; the client is to be told and goes on.
    Failed(Error),
    Gone(Gone),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Gone> for Stop {
    fn from(gone: Gone) -> Self {
        Self::Gone(gone)
    }
}

/// Serves one client from its first byte to its last. `full`: there is no room for its session.
pub(crate) async fn run<S>(stream: S, shared: Shared, full: bool)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut wire = Wire::new(stream, shared.stop.clone());
    let users = shared.options.users.clone();
    let letting_in = async {
        let request = begin(&mut wire, &shared.backends, &shared.options.encryption).await?;
        if let (Some(request), Some(users)) = (&request, &users) {
            authenticate(&mut wire, users, &request.user).await?;
        }
        Ok(request)
    };
    let begun = clock::timeout(STARTUP_TIMEOUT, letting_in).await;
    let request = match begun {
        Ok(Ok(Some(request))) => request,
        Ok(Ok(None) | Err(Gone::Disconnected)) | Err(clock::Elapsed) => return,
        Ok(Err(Gone::Fatal(error))) => return refuse(wire, &error).await,
    };
    if full {
        let error = Error::limit(SqlState::TOO_MANY_CONNECTIONS, "sorry, too many clients already");
        return refuse(wire, &error).await;
    }
    if wire.is_stopping() {
        let error =
            Error::retry(SqlState::CANNOT_CONNECT_NOW, "the database system is shutting down");
        return refuse(wire, &error).await;
    }
    let mut connection = match open(wire, &shared, request) {
        Ok(connection) => connection,
        Err((wire, error)) => return refuse(wire, &error).await,
    };
    let gone = connection.serve().await;
    let Connection { mut wire, session, .. } = connection;
    session.close().await;
    if let Gone::Fatal(error) = gone {
        put_error(Level::Fatal, &error, &mut wire.out);
    }
    // Somebody who says goodbye together with their last question may still read the answer.
    wire.close().await;
}

async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(mut wire: Wire<S>, error: &Error) {
    put_error(Level::Fatal, error, &mut wire.out);
    wire.close().await;
}

/// Reads start-up packets until one asks for a session; `None` if it was a CancelRequest (which
/// older clients never encrypt, and which says nothing that is worth reading).
async fn begin<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    backends: &Backends,
    encryption: &Encryption,
) -> Result<Option<Request>, Gone> {
    for _ in 0..=ENCRYPTION_REQUESTS_MAX {
        let packet = wire.startup_packet().await?;
        match startup::parse(&packet).map_err(Gone::Fatal)? {
            Startup::Session(_) if encryption.required && !wire.is_encrypted() => {
                return Err(Gone::Fatal(Error::user(
                    SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
                    "connections without encryption are refused: connect with sslmode=require",
                )));
            }
            Startup::Session(request) => return Ok(Some(request)),
            Startup::Cancel { pid, secret } => {
                backends.cancel(pid, secret);
                return Ok(None);
            }
            Startup::Ssl => match &encryption.acceptor {
                Some(acceptor) if !wire.is_encrypted() => wire.encrypt(acceptor).await?,
                _ => wire.write_byte(b'N').await?,
            },
            Startup::GssEncryption => wire.write_byte(b'N').await?,
        }
    }
    Err(Gone::Fatal(crate::pg::error::violation("too many requests for encryption")))
}

/// Lets the client in and opens its session.
fn open<S: AsyncRead + AsyncWrite + Unpin>(
    mut wire: Wire<S>,
    shared: &Shared,
    request: Request,
) -> Result<Connection<S>, (Wire<S>, Error)> {
    let place = shared.backends.enter();
    let (pid, secret) = place.key();
    if request.newer || !request.unsupported.is_empty() {
        encode::negotiate_protocol_version(request.unsupported, &mut wire.out);
    }
    let login = Login {
        user: request.user,
        database: request.database,
        settings: request.settings,
        place,
        offers_tls: shared.options.encryption.acceptor.is_some(),
    };
    let mut session = match Session::open(shared.engine.clone(), login) {
        Ok(session) => session,
        Err(error) => return Err((wire, error)),
    };
    let canceler = session.canceler();
    let message_bytes_max = shared.options.message_bytes_max;
    wire.set_message_bytes_max(message_bytes_max);
    encode::authentication_ok(&mut wire.out);
    wire.out.charset = session.charset();
    for (name, value) in session.reported() {
        report(&name, &value, &mut wire.out);
    }
    encode::backend_key_data(pid, secret, &mut wire.out);
    for aside in session.asides() {
        if let Aside::Notice(severity, notice) = aside {
            put_notice(severity, &notice, &mut wire.out);
        }
    }
    encode::ready_for_query(session.status(), &mut wire.out);
    wire.answer_due = true;
    Ok(Connection {
        wire,
        session,
        canceler,
        skipping: false,
        unnamed_formats: Vec::new(),
        changed: Vec::new(),
        is_ready: true,
        message_bytes_max,
    })
}

/// Tells the client of a setting, in ASCII if its encoding hasn't the value.
fn report(name: &str, value: &str, out: &mut Output) {
    if encode::parameter_status(name, value, out).is_err() {
        let value = value.replace(|c: char| !c.is_ascii(), "?");
        encode::parameter_status(name, &value, out).expect("all encodings have ASCII");
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// Answers messages until the connection ends.
    async fn serve(&mut self) -> Gone {
        loop {
            let handled = match self.next_message().await {
                Ok(message) => self.on_message(message).await,
                Err(gone) => return gone,
            };
            if let Err(gone) = handled {
                return gone;
            }
        }
    }

    /// The next message; while there is none, the session's timeouts and losses are minded.
    pub(crate) async fn next_message(&mut self) -> Result<Message, Gone> {
        loop {
            if let Some(message) = self.wire.buffered_message()? {
                return Ok(message);
            }
            if self.wire.answer_due {
                self.wire.flush().await?;
            }
            match self.wire.read_or(self.session.idle(self.is_ready)).await? {
                Some(Interruption::Fatal(error)) => return Err(Gone::Fatal(error)),
                Some(Interruption::Notified) => {
                    self.send_notifications()?;
                    self.wire.answer_due = true;
                }
                Some(Interruption::TransactionLost) | None => {}
            }
        }
    }

    async fn on_message(&mut self, message: Message) -> Result<(), Gone> {
        if self.skipping && !matches!(message.kind, b'S' | b'X') {
            return Ok(());
        }
        self.is_ready = false;
        let extended = matches!(message.kind, b'P' | b'B' | b'D' | b'E' | b'C' | b'H');
        let answered = self.answer(&message).await;
        match answered {
            Ok(()) => Ok(()),
            Err(Stop::Gone(gone)) => Err(gone),
            Err(Stop::Failed(error)) => {
                if let Some(doom) = self.session.doom() {
                    return Err(Gone::Fatal(doom));
                }
                self.send_asides();
                put_error(Level::Error, &error, &mut self.wire.out);
                if extended {
                    self.skipping = true;
                    // A client that sent Flush, and no Sync yet, waits for this.
                    self.wire.answer_due = true;
                    return Ok(());
                }
                self.ready().await
            }
        }
    }

    async fn answer(&mut self, message: &Message) -> Result<(), Stop> {
        let charset = self.wire.out.charset;
        let read = match charset::incoming(charset, message.kind, &message.body) {
            Ok(body) => match decode::decode(message.kind, &body) {
                Ok(frontend) => return self.on_frontend(frontend).await,
                Err(error) => error,
            },
            Err(error) => error,
        };
        self.fail().await?;
        Err(Stop::Failed(read))
    }

    async fn on_frontend(&mut self, message: Frontend<'_>) -> Result<(), Stop> {
        match message {
            Frontend::Query(text) => Box::pin(self.on_query(text)).await,
            Frontend::Parse { name, text, parameter_types } => {
                Box::pin(self.on_parse(name, text, &parameter_types)).await
            }
            Frontend::Bind(bind) => self.on_bind(bind).await,
            Frontend::Describe(target, name) => self.on_describe(target, name).await,
            Frontend::Execute { portal, rows_max } => self.on_execute(portal, rows_max).await,
            Frontend::Close(target, name) => {
                self.on_close(target, name);
                Ok(())
            }
            Frontend::Flush => Ok(self.wire.flush().await?),
            Frontend::Sync => self.on_sync().await,
            // What a client sent before it learned that its COPY has failed.
            Frontend::CopyData(_) | Frontend::CopyDone | Frontend::CopyFail(_) => Ok(()),
            Frontend::FunctionCall => {
                self.fail().await?;
                Err(Error::refused("the function call protocol is not supported").into())
            }
            Frontend::Terminate => Err(Gone::Disconnected.into()),
        }
    }

    /// Fails the transaction for an error that was found outside the session.
    pub(crate) async fn fail(&mut self) -> Result<(), Gone> {
        self.wire.drive(&self.canceler, Box::pin(self.session.fail())).await
    }

    async fn on_query(&mut self, text: &str) -> Result<(), Stop> {
        self.session.set_sync_follows(true);
        let mut script = self.wire.drive(&self.canceler, self.session.script(text)).await??;
        while let Some(reply) =
            self.wire.drive(&self.canceler, self.session.next(&mut script)).await??
        {
            self.send_reply(reply, None).await?;
        }
        self.ready().await?;
        Ok(())
    }

    async fn on_sync(&mut self) -> Result<(), Stop> {
        self.skipping = false;
        self.wire.drive(&self.canceler, self.session.sync()).await??;
        self.ready().await?;
        Ok(())
    }

    /// ReadyForQuery, and everything before it, to the client.
    async fn ready(&mut self) -> Result<(), Gone> {
        self.send_asides();
        for (name, value) in self.changed.drain(..) {
            report(&name, &value, &mut self.wire.out);
        }
        self.send_notifications()?;
        encode::ready_for_query(self.session.status(), &mut self.wire.out);
        self.is_ready = true;
        // Written once no message is left to answer, or the next one takes its time: those of a pipeline
        // share one write.
        self.wire.answer_due = true;
        self.wire.flush_if_full().await
    }

    fn send_notifications(&mut self) -> Result<(), Gone> {
        for notification in self.session.notifications().map_err(Gone::Fatal)? {
            encode::notification_response(&notification, &mut self.wire.out)
                .map_err(Gone::Fatal)?;
        }
        Ok(())
    }

    /// Notices go out where they arise, changed settings before ReadyForQuery; what the client's encoding
    /// is holds at once.
    pub(crate) fn send_asides(&mut self) {
        self.wire.out.charset = self.session.charset();
        for aside in self.session.asides() {
            match aside {
                Aside::Notice(severity, notice) => {
                    put_notice(severity, &notice, &mut self.wire.out);
                }
                Aside::Parameter(name, value) => self.changed.push((name, value)),
            }
        }
    }

    /// Sends what a statement gave. `formats` are the portal's; without them (simple protocol) a
    /// RowDescription comes first and all is text.
    pub(crate) async fn send_reply(
        &mut self,
        reply: Reply,
        formats: Option<&[i16]>,
    ) -> Result<(), Stop> {
        match reply {
            Reply::Rows(rows) => return self.send_rows(rows, formats).await,
            Reply::Complete(tag) => self.complete(&tag),
            Reply::Empty => encode::empty_query_response(&mut self.wire.out),
            Reply::CopyIn { options, columns } => Box::pin(self.copy_in(options, columns)).await?,
            Reply::CopyOut { options, rows } => Box::pin(self.copy_out(options, rows)).await?,
        }
        Ok(())
    }

    pub(crate) fn complete(&mut self, tag: &str) {
        self.send_asides();
        encode::command_complete(tag, &mut self.wire.out);
    }

    async fn send_rows(&mut self, mut rows: Rowset, formats: Option<&[i16]>) -> Result<(), Stop> {
        let columns = rows.columns();
        let formats = if let Some(codes) = formats {
            match encode::formats(codes, columns.len()) {
                Ok(formats) => formats,
                Err(error) => {
                    self.fail().await?;
                    return Err(error.into());
                }
            }
        } else {
            let format = if rows.is_binary() { Format::Binary } else { Format::Text };
            let formats = Formats::All(format);
            if let Err(error) = encode::row_description(&columns, &formats, &mut self.wire.out) {
                self.fail().await?;
                return Err(error.into());
            }
            formats
        };
        self.send_asides();
        while let Some(batch) =
            self.wire.drive(&self.canceler, self.session.fetch(&mut rows)).await??
        {
            for row in batch.iter() {
                let style = self.session.style();
                let written = encode::data_row(row, &columns, &formats, style, &mut self.wire.out);
                if let Err(error) = written {
                    self.fail().await?;
                    return Err(error.into());
                }
                self.wire.flush_if_full().await?;
            }
        }
        let tag = self.wire.drive(&self.canceler, self.session.finish(rows)).await??;
        if let Some(tag) = tag {
            self.complete(&tag);
        } else {
            self.send_asides();
            encode::portal_suspended(&mut self.wire.out);
        }
        Ok(())
    }

    /// The largest message, in bytes.
    pub(crate) fn message_bytes_max(&self) -> usize {
        self.message_bytes_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::watch;
    use crate::tls::certificates::Authority;
    use crate::tls::{Acceptor, KeyPair, Named};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// What a client that sends `bytes` gets: the request that came of it, or the bytes that it is
    /// answered before the connection ends.
    async fn knock(bytes: &[u8]) -> (Option<Request>, Vec<u8>) {
        knock_at(&Encryption::default(), bytes).await
    }

    async fn knock_at(encryption: &Encryption, bytes: &[u8]) -> (Option<Request>, Vec<u8>) {
        let (mut client, server) = tokio::io::duplex(1 << 16);
        let (_stop, stopped) = watch::channel(false);
        let mut wire = Wire::new(server, stopped);
        client.write_all(bytes).await.unwrap();
        let request = match begin(&mut wire, &Backends::default(), encryption).await {
            Ok(request) => request,
            Err(Gone::Fatal(error)) => {
                refuse(wire, &error).await;
                None
            }
            Err(Gone::Disconnected) => {
                drop(wire);
                None
            }
        };
        let mut answer = vec![0; 1 << 16];
        let length = client.read(&mut answer).await.unwrap();
        answer.truncate(length);
        (request, answer)
    }

    fn packet(body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32 + 4).to_be_bytes(), body].concat()
    }

    #[tokio::test]
    async fn encryption_can_be_insisted_on_and_nothing_is_taken_before_it() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new(directory.path(), "authority");
        let (cert, key) = authority.sign("node", "DNS:node");
        let own = KeyPair {
            cert: Named { flag: "cert", path: cert },
            key: Named { flag: "key", path: key },
        };
        let acceptor = Some(Acceptor::new(own, None).unwrap());
        let encryption = Encryption { acceptor, required: true };
        let plain = packet(b"\0\x03\0\0user\0ann\0\0");
        let (request, answer) = knock_at(&encryption, &plain).await;
        assert_eq!(request, None);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.contains("C28000") && answer.contains("sslmode=require"), "{answer}");
        // What somebody put between the request and the handshake.
        let (request, answer) = knock_at(&encryption, &[SSL, &plain].concat()).await;
        assert_eq!(request, None);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.contains("received unencrypted data after SSL request"), "{answer}");
    }

    const SSL: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";

    #[tokio::test]
    async fn encryption_is_declined_and_the_client_goes_on() {
        let (request, answer) = knock(&[SSL, &packet(b"\0\x03\0\0user\0ann\0\0")].concat()).await;
        assert_eq!(request.map(|request| request.user), Some("ann".to_owned()));
        assert_eq!(answer, b"N");
    }

    #[tokio::test]
    async fn a_refusal_is_an_error_and_nothing_after_it() {
        for (bytes, state) in [
            (packet(b"\0\x03\0\0"), "08P01"),
            (packet(b"\0\x02\0\0user\0a\0\0"), "0A000"),
            (packet(b"\0\x03\0\0database\0d\0\0"), "28000"),
        ] {
            let (request, answer) = knock(&bytes).await;
            assert_eq!(request, None);
            let expected = format!("SFATAL\0VFATAL\0C{state}\0M");
            assert_eq!(&answer[5..5 + expected.len()], expected.as_bytes());
            // Its length is that of all that came.
            assert_eq!(answer[1..5], (answer.len() as u32 - 1).to_be_bytes());
        }
    }

    #[tokio::test]
    async fn who_speaks_another_protocol_is_told_nothing() {
        assert_eq!(knock(b"GET / HTTP/1.1\r\n\r\n").await, (None, Vec::new()));
    }

    #[tokio::test]
    async fn requests_for_encryption_have_an_end() {
        let (request, answer) = knock(&SSL.repeat(4)).await;
        assert_eq!(request, None);
        assert!(answer.starts_with(b"NNN"), "{answer:?}");
    }

    /// Futures are moved about, whole, before they run: large ones cost more than most statements. What
    /// is rarely done is boxed, so that it takes no room in what every message goes through.
    #[test]
    fn what_every_message_goes_through_is_small() {
        type Client = Connection<tokio::net::TcpStream>;
        fn size<'a, T: 'a, F>(_: impl FnOnce(&'a mut T) -> F) -> usize {
            size_of::<F>()
        }
        let statement = [
            size::<Session, _>(|session| session.parameter_types("")),
            size::<Session, _>(|session| session.bind("", "", Vec::new(), Vec::new())),
            size::<Session, _>(|session| session.describe_portal("")),
            size::<Session, _>(|session| session.execute("", 0)),
            size::<(Session, Rowset), _>(|(session, rows)| session.fetch(rows)),
            size::<Session, _>(|session| session.sync()),
            size::<Client, _>(|client| client.on_execute("", 0)),
            size::<Client, _>(|client| client.serve()),
        ];
        assert!(statement.iter().all(|size| *size <= 5000), "{statement:?}");
    }
}
