//! A client of PostgreSQL's protocol, version 3.0, that hides nothing: an answer is every message
//! that came, in order. Drivers hide what is compared here (notices, positions, type modifiers).
//!
//! Blocking, one statement at a time. An answer that doesn't come within [`PATIENCE`] is an error.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_secs(20);
/// The largest answer that is taken from a server, in bytes: a query that should have been refused may
/// never end.
const ANSWER_BYTES_MAX: usize = 32 << 20;
/// The largest message that is taken from a server, in bytes.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// A value as it was sent: `None` is NULL.
pub type Value = Option<Vec<u8>>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub table: u32,
    pub attribute: i16,
    pub type_oid: u32,
    pub typmod: i32,
    pub binary: bool,
}

/// The fields of an ErrorResponse or a NoticeResponse by their letters.
pub type Fields = BTreeMap<char, String>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// ParameterDescription.
    Parameters(Vec<u32>),
    Columns(Vec<Column>),
    Row(Vec<Value>),
    CopyOut(Vec<u8>),
    Tag(String),
    EmptyQuery,
    Suspended,
    Notice(Fields),
    Error(Fields),
    /// ParameterStatus.
    Setting(String, String),
    /// NotificationResponse: channel and payload.
    Notification(String, String),
}

/// All that came for one statement, until ReadyForQuery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub events: Vec<Event>,
    /// `I`, `T` or `E`.
    pub status: char,
}

impl Answer {
    pub fn error(&self) -> Option<&Fields> {
        self.events.iter().find_map(|event| match event {
            Event::Error(fields) => Some(fields),
            _ => None,
        })
    }

    pub fn rows(&self) -> impl Iterator<Item = &Vec<Value>> {
        self.events.iter().filter_map(|event| match event {
            Event::Row(row) => Some(row),
            _ => None,
        })
    }

    pub fn parameters(&self) -> Option<&[u32]> {
        self.events.iter().find_map(|event| match event {
            Event::Parameters(types) => Some(types.as_slice()),
            _ => None,
        })
    }
}

/// What a statement is sent with by the extended protocol.
#[derive(Debug, Default)]
pub struct Bound<'a> {
    pub values: &'a [Value],
    /// Types of the parameters; those that are left out are for the server to find.
    pub types: &'a [u32],
    pub binary_values: bool,
    pub binary_results: bool,
}

pub struct Connection {
    reader: BufReader<TcpStream>,
    pub settings: BTreeMap<String, String>,
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the server broke the protocol: {what}"))
}

/// Reads the parts of a message.
struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn take(&mut self, count: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(|| broken("too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn u8(&mut self) -> io::Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn i16(&mut self) -> io::Result<i16> {
        Ok(i16::from_be_bytes(self.take(2)?.try_into().expect("two bytes")))
    }

    fn i32(&mut self) -> io::Result<i32> {
        Ok(i32::from_be_bytes(self.take(4)?.try_into().expect("four bytes")))
    }

    fn text(&mut self) -> io::Result<String> {
        let end = self.0.iter().position(|&byte| byte == 0).ok_or_else(|| broken("no NUL"))?;
        let text = String::from_utf8_lossy(self.take(end)?).into_owned();
        self.take(1)?;
        Ok(text)
    }

    fn count(&mut self) -> io::Result<usize> {
        usize::try_from(self.i16()?).map_err(|_| broken("a negative count"))
    }

    fn fields(&mut self) -> io::Result<Fields> {
        let mut fields = Fields::new();
        loop {
            match self.u8()? {
                0 => return Ok(fields),
                letter => {
                    let value = self.text()?;
                    fields.insert(letter.into(), value);
                }
            }
        }
    }

    fn column(&mut self) -> io::Result<Column> {
        let name = self.text()?;
        let (table, attribute) = (self.i32()?.cast_unsigned(), self.i16()?);
        let type_oid = self.i32()?.cast_unsigned();
        let _length = self.i16()?;
        let typmod = self.i32()?;
        let binary = self.i16()? == 1;
        Ok(Column { name, table, attribute, type_oid, typmod, binary })
    }

    fn value(&mut self) -> io::Result<Value> {
        match usize::try_from(self.i32()?) {
            Ok(length) => Ok(Some(self.take(length)?.to_vec())),
            Err(_) => Ok(None),
        }
    }
}

/// Messages to the server, gathered to be sent at once.
#[derive(Default)]
struct Messages(Vec<u8>);

impl Messages {
    fn add(&mut self, letter: u8, body: &[&[u8]]) {
        self.0.push(letter);
        let length = 4 + body.iter().map(|part| part.len()).sum::<usize>();
        self.0.extend(i32::try_from(length).expect("a short message").to_be_bytes());
        for part in body {
            self.0.extend(*part);
        }
    }

    fn bind(&mut self, bound: &Bound<'_>) {
        let count = |length: usize| i16::try_from(length).expect("few values").to_be_bytes();
        let mut body = vec![0, 0];
        body.extend(count(1));
        body.extend(i16::from(bound.binary_values).to_be_bytes());
        body.extend(count(bound.values.len()));
        for value in bound.values {
            let length = value
                .as_ref()
                .map_or(-1, |bytes| i32::try_from(bytes.len()).expect("a short value"));
            body.extend(length.to_be_bytes());
            body.extend(value.iter().flatten());
        }
        body.extend(count(1));
        body.extend(i16::from(bound.binary_results).to_be_bytes());
        self.add(b'B', &[&body]);
    }
}

impl Connection {
    /// Connects as `postgres`, in UTC, with ISO dates.
    pub fn open(address: &str, database: &str) -> io::Result<Self> {
        let address = address
            .to_socket_addrs()?
            .find(std::net::SocketAddr::is_ipv4)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such host"))?;
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut connection =
            Self { reader: BufReader::with_capacity(1 << 16, stream), settings: BTreeMap::new() };
        let mut body = (3_i32 << 16).to_be_bytes().to_vec();
        for (name, value) in [
            ("user", "postgres"),
            ("database", database),
            ("application_name", "differential"),
            ("client_encoding", "UTF8"),
            ("DateStyle", "ISO, MDY"),
            ("TimeZone", "UTC"),
        ] {
            for text in [name, value] {
                body.extend(text.as_bytes());
                body.push(0);
            }
        }
        body.push(0);
        let length = i32::try_from(body.len() + 4).expect("a short message");
        connection.send(&[&length.to_be_bytes(), body.as_slice()].concat())?;
        let answer = connection.answer(None)?;
        if let Some(error) = answer.error() {
            return Err(io::Error::other(format!("refused: {error:?}")));
        }
        for event in answer.events {
            if let Event::Setting(name, value) = event {
                connection.settings.insert(name, value);
            }
        }
        Ok(connection)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// The simple protocol. `copied` is what a COPY FROM STDIN in it is fed with.
    pub fn simple(&mut self, sql: &str, copied: Option<&[u8]>) -> io::Result<Answer> {
        let mut messages = Messages::default();
        messages.add(b'Q', &[sql.as_bytes(), &[0]]);
        self.send(&messages.0)?;
        self.answer(Some((copied, false)))
    }

    /// The extended protocol: Parse, Describe of the statement, Bind, Describe of the portal,
    /// Execute and Sync, sent at once.
    pub fn extended(&mut self, sql: &str, bound: &Bound<'_>) -> io::Result<Answer> {
        let mut messages = Messages::default();
        let types: Vec<u8> = bound.types.iter().flat_map(|oid| oid.to_be_bytes()).collect();
        let count = i16::try_from(bound.types.len()).expect("few types").to_be_bytes();
        messages.add(b'P', &[&[0], sql.as_bytes(), &[0], &count, &types]);
        messages.add(b'D', &[b"S\0"]);
        messages.bind(bound);
        messages.add(b'D', &[b"P\0"]);
        messages.add(b'E', &[&[0, 0, 0, 0, 0]]);
        messages.add(b'S', &[]);
        self.send(&messages.0)?;
        self.answer(Some((None, true)))
    }

    fn message(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.reader.read_exact(&mut head)?;
        let length = i32::from_be_bytes(head[1..].try_into().expect("four bytes"));
        let length = usize::try_from(length)
            .ok()
            .and_then(|length| length.checked_sub(4))
            .filter(|length| *length <= MESSAGE_BYTES_MAX)
            .ok_or_else(|| broken("a length out of range"))?;
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body)?;
        Ok((head[0], body))
    }

    /// Answers CopyInResponse; after the extended protocol's, the Sync has to be sent again.
    fn feed(&mut self, copied: Option<&[u8]>, extended: bool) -> io::Result<()> {
        let mut messages = Messages::default();
        match copied {
            Some(data) => {
                for part in data.chunks(1 << 16) {
                    messages.add(b'd', &[part]);
                }
                messages.add(b'c', &[]);
            }
            None => messages.add(b'f', &[b"no data\0"]),
        }
        if extended {
            messages.add(b'S', &[]);
        }
        self.send(&messages.0)
    }

    /// Reads until ReadyForQuery; before the session has begun, also until an error.
    fn answer(&mut self, running: Option<(Option<&[u8]>, bool)>) -> io::Result<Answer> {
        let mut events = Vec::new();
        let mut bytes = 0;
        loop {
            let (letter, body) = self.message()?;
            bytes += body.len();
            if bytes > ANSWER_BYTES_MAX {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "an answer without end"));
            }
            let mut body = Body(&body);
            match letter {
                b'Z' => return Ok(Answer { events, status: body.u8()?.into() }),
                b't' => {
                    let count = body.count()?;
                    let types: io::Result<_> =
                        (0..count).map(|_| Ok(body.i32()?.cast_unsigned())).collect();
                    events.push(Event::Parameters(types?));
                }
                b'T' => {
                    let count = body.count()?;
                    let columns: io::Result<_> = (0..count).map(|_| body.column()).collect();
                    events.push(Event::Columns(columns?));
                }
                b'D' => {
                    let count = body.count()?;
                    let row: io::Result<_> = (0..count).map(|_| body.value()).collect();
                    events.push(Event::Row(row?));
                }
                b'C' => events.push(Event::Tag(body.text()?)),
                b'I' => events.push(Event::EmptyQuery),
                b's' => events.push(Event::Suspended),
                b'N' => events.push(Event::Notice(body.fields()?)),
                b'E' => {
                    events.push(Event::Error(body.fields()?));
                    if running.is_none() {
                        return Ok(Answer { events, status: 'I' });
                    }
                }
                b'S' => events.push(Event::Setting(body.text()?, body.text()?)),
                b'A' => {
                    body.i32()?;
                    events.push(Event::Notification(body.text()?, body.text()?));
                }
                b'G' => {
                    let (copied, extended) = running.ok_or_else(|| broken("COPY at start"))?;
                    self.feed(copied, extended)?;
                }
                b'd' => events.push(Event::CopyOut(body.0.to_vec())),
                // Authentication, BackendKeyData, ParseComplete, BindComplete, CloseComplete,
                // NoData, CopyOutResponse, CopyDone.
                b'R' if body.i32()? != 0 => return Err(broken("authentication is asked for")),
                b'R' | b'K' | b'1' | b'2' | b'3' | b'n' | b'H' | b'c' => {}
                other => return Err(broken(&format!("a message {:?}", char::from(other)))),
            }
        }
    }
}
