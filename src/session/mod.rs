//! One client's state, free of any protocol: transaction status, settings, prepared statements,
//! portals. A protocol feeds it statements and drains its replies; below it stand the compiler
//! (`sql`) and the engine.
//!
//! Invariants:
//! * `write` and `view` are only there inside a transaction, and never both.
//! * The write slot is taken at the first statement that needs it, not at BEGIN.
//! * After an error the transaction is failed before the error is returned, whoever caused it.

mod activity;
mod advisory;
mod backend;
mod control;
mod copy;
mod cursor;
mod date_style;
mod explain;
mod feed;
mod listen;
mod perform;
mod portal;
mod prepared;
mod routine;
mod run;
mod script;
mod setting_table;
mod settings;
mod statement;
mod system;
mod taken;
mod temporary;
mod transaction;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::datum::encoding::Encoding;
use crate::datum::{self, Style};
use crate::engine::{Canceler, DatabaseUse, Engine, Limits, Transaction, View};
use crate::model::error::{Error, SqlState};
use crate::model::id::DatabaseId;
use crate::model::pg_type::{Oid, PgType};
use crate::model::value::Value;
use crate::platform::clock;
use crate::sql::OutputColumn;

pub use backend::{Backends, Place};
pub use portal::{Reply, Rowset};
pub use script::Script;
pub use statement::ParameterTypes;

use activity::Activity;
use backend::OpenBackend;
use portal::Portal;
use settings::{Saved, Settings};
use statement::{Cache, Named, Prepared};
use transaction::{Modes, Phase, Savepoints};

/// Prepared statements, and portals, that one session may have.
const NAMED_OBJECTS_MAX: usize = 10_000;

/// Who a session is for, from the start-up packet.
#[derive(Debug)]
pub struct Login {
    pub user: String,
    /// `None` where the client named none.
    pub database: Option<String>,
    /// Start-up parameters and `options`, in order.
    pub settings: Vec<(String, String)>,
    /// Who it is among the sessions of this process.
    pub place: Place,
    /// Whether the server would have encrypted the connection: the setting `ssl`.
    pub offers_tls: bool,
}

/// ReadyForQuery's status byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Idle,
    InTransaction,
    Failed,
}

/// Something to tell the client beside the answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Aside {
    Notice(Severity, Error),
    /// ParameterStatus: a reported setting has changed.
    Parameter(String, String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Debug,
    Info,
    Notice,
    Warning,
}

/// What ends the idleness of a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Interruption {
    /// Tell the client with severity FATAL, then close.
    Fatal(Error),
    /// The open transaction was lost. Nothing is sent now: the answer to the next message says so.
    TransactionLost,
    /// There are [`Session::notifications`] to send.
    Notified,
}

/// A prepared statement, as Describe needs it.
#[derive(Debug, Clone)]
pub struct Described {
    pub parameters: Arc<[PgType]>,
    /// `None`: the statement returns no rows (NoData).
    pub columns: Option<Arc<[OutputColumn]>>,
}

/// One PostgreSQL session.
#[derive(Debug)]
pub struct Session {
    engine: Engine,
    database: DatabaseId,
    database_use: DatabaseUse,
    place: Place,
    offers_tls: bool,
    settings: Settings,
    /// Reported settings as the client knows them.
    told: Vec<(String, String)>,
    /// When that was compared last ([`Settings::changes`]).
    told_changes: u64,
    asides: Vec<Aside>,
    canceler: Canceler,
    activity: Arc<Activity>,

    phase: Phase,
    modes: Modes,
    savepoints: Savepoints,
    /// Settings as they were when the transaction began.
    saved: Option<Saved>,
    /// The open transaction at the leader, once something needed the write slot.
    write: Option<Transaction>,
    /// Why the open transaction is gone, until the client has been told. It must hear of it before
    /// "ROLLBACK" answers its COMMIT: clients take that for success if nothing went wrong before.
    loss: Option<Error>,
    /// REPEATABLE READ's snapshot.
    view: Option<View>,
    /// When the transaction began, in microseconds since 1970.
    transaction_time: Option<i64>,
    statement_time: i64,
    /// The present transaction's number, once something has asked for it.
    transaction_number: OnceLock<i64>,
    /// Whether the pipeline ends after the message that runs now.
    sync_follows: bool,

    statements: HashMap<String, Named>,
    cache: Cache,
    portals: HashMap<String, Portal>,
    copy: Option<copy::CopyIn>,
    ears: listen::Ears,
    locks: advisory::Locks,
    under_way: routine::UnderWay,
    /// What it took of sequences.
    taken: taken::Taken,
    /// Goes up whenever what the open transaction has defined may be gone.
    epoch: u64,
    /// Whether the open transaction has defined anything.
    has_defined: bool,
}

/// Microseconds since 1970-01-01 00:00 UTC.
fn wall_microseconds() -> i64 {
    clock::wall().as_micros() as i64
}

fn no_statement(name: &str) -> Error {
    let message = if name.is_empty() {
        "unnamed prepared statement does not exist".to_owned()
    } else {
        format!("prepared statement \"{name}\" does not exist")
    };
    Error::user(SqlState::INVALID_SQL_STATEMENT_NAME, message)
}

impl Session {
    /// Opens a session: checks the database (3D000) and applies the settings.
    ///
    /// A client that names no database, or just libpq's default (the user's name) where no database
    /// is called so, gets `postgres`.
    pub fn open(engine: Engine, login: Login) -> Result<Self, Error> {
        let named = login.database.filter(|name| !name.is_empty());
        let name = named.unwrap_or_else(|| login.user.clone());
        let (database, name) = match engine.database(&name) {
            Some(id) => (id, name),
            None if name == login.user => (DatabaseId::POSTGRES, "postgres".to_owned()),
            None => {
                return Err(Error::user(
                    SqlState::INVALID_CATALOG_NAME,
                    format!("database \"{name}\" does not exist"),
                ));
            }
        };
        let database_use = engine.enter(database)?;
        let temporary = database_use.temporary_schema();
        let settings = Settings::new(&login.user, (&name, &temporary), &login.settings)?;
        let modes = Modes {
            isolation: settings.default_isolation(),
            read_only: settings.default_read_only(),
            deferrable: false,
        };
        let mut session = Self {
            engine,
            database,
            database_use,
            place: login.place,
            offers_tls: login.offers_tls,
            settings,
            told: Vec::new(),
            told_changes: 0,
            asides: Vec::new(),
            canceler: Canceler::default(),
            activity: Arc::new(Activity::new(wall_microseconds())),
            phase: Phase::Idle,
            modes,
            savepoints: Savepoints::default(),
            saved: None,
            write: None,
            loss: None,
            view: None,
            transaction_time: None,
            statement_time: wall_microseconds(),
            transaction_number: OnceLock::new(),
            sync_follows: true,
            statements: HashMap::new(),
            cache: Cache::default(),
            portals: HashMap::new(),
            copy: None,
            ears: listen::Ears::default(),
            locks: advisory::Locks::default(),
            under_way: routine::UnderWay::default(),
            taken: taken::Taken::default(),
            epoch: 0,
            has_defined: false,
        };
        for (name, value) in &login.settings {
            if let Some(notice) = settings::truncation(name, value) {
                session.notice(Severity::Notice, notice);
            }
        }
        session.told = session.reported();
        session.told_changes = session.settings.changes();
        session.tell_application_name();
        session.place.open(OpenBackend {
            canceler: session.canceler.clone(),
            activity: Arc::clone(&session.activity),
            database,
            database_name: name,
            user: login.user,
        });
        Ok(session)
    }

    pub fn status(&self) -> Status {
        match self.phase {
            Phase::Idle | Phase::Implicit => Status::Idle,
            Phase::Block => Status::InTransaction,
            Phase::Failed => Status::Failed,
        }
    }

    /// The settings that are reported at start-up, and their values.
    ///
    /// A follower says that it is a hot standby, so that clients that look for a primary or a
    /// standby (`target_session_attrs`) find one, although any node takes writes.
    pub fn reported(&self) -> Vec<(String, String)> {
        let mut reported = self.settings.reported();
        for (name, value) in &mut reported {
            if name == "in_hot_standby" && !self.engine.is_leader() {
                "on".clone_into(value);
            }
        }
        reported
    }

    /// Notices and changed parameters since the last call, in order.
    pub fn asides(&mut self) -> Vec<Aside> {
        std::mem::take(&mut self.asides)
    }

    /// Keeps a notice, if the client wants to see one as severe as this.
    fn notice(&mut self, severity: Severity, error: Error) {
        if self.settings.sends(severity) {
            self.asides.push(Aside::Notice(severity, error));
        }
    }

    /// Others see it in `pg_stat_activity`.
    fn tell_application_name(&self) {
        self.activity.is_called(self.settings.application_name());
    }

    /// Notes reported settings that have changed.
    fn report_changes(&mut self) {
        if self.told_changes == self.settings.changes() {
            return;
        }
        self.told_changes = self.settings.changes();
        self.tell_application_name();
        let reported = self.settings.reported();
        for (now, told) in reported.iter().zip(&mut self.told) {
            if now != told && now.0 != "in_hot_standby" {
                self.asides.push(Aside::Parameter(now.0.clone(), now.1.clone()));
                told.clone_from(now);
            }
        }
    }

    pub fn style(&self) -> &Style {
        self.settings.style()
    }

    /// The client's encoding, where its text has other bytes than UTF-8.
    pub fn charset(&self) -> Option<&'static Encoding> {
        self.settings.charset()
    }

    /// Cancels this session's running statement, from another connection.
    pub fn canceler(&self) -> Canceler {
        self.canceler.clone()
    }

    /// Whether the message being handled is the last before a Sync: its statement may then commit
    /// by itself.
    pub fn set_sync_follows(&mut self, follows: bool) {
        self.sync_follows = follows;
    }

    /// Where the waits of a statement that starts now end.
    fn limits(&self) -> Limits {
        Limits {
            deadline: self.settings.statement_timeout().map(|time| clock::now().plus(time)),
            lock_timeout: self.settings.lock_timeout(),
            cancel: self.canceler.clone(),
            under: self.locks.under(),
        }
    }

    /// A number that no other transaction has, on whichever node. Those of a node ascend.
    fn transaction_number(&self) -> i64 {
        let began = self.transaction_time.unwrap_or(self.statement_time);
        *self.transaction_number.get_or_init(|| self.place.transaction_number(began))
    }

    fn now(&self) -> Value {
        datum::timestamptz_from_unix(self.transaction_time.unwrap_or(self.statement_time))
    }

    /// Extended protocol: Parse. `name` is empty for the unnamed statement.
    ///
    /// # Errors
    /// 42P05 for a name that is taken; syntax errors.
    pub async fn prepare(
        &mut self,
        name: &str,
        text: &str,
        parameter_types: &[Oid],
    ) -> Result<(), Error> {
        let result = self.prepare_named(name, text, parameter_types).await;
        self.fail_on_error(result).await
    }

    async fn prepare_named(&mut self, name: &str, text: &str, types: &[Oid]) -> Result<(), Error> {
        if name.is_empty() {
            self.statements.remove(name);
        }
        self.check_new_statement(name)?;
        let prepared = self.cache.get(text, types)?;
        if prepared.parsed.as_ref().is_some_and(|parsed| !parsed.ends_transaction()) {
            self.check_transaction()?;
        }
        // Binding now finds unknown tables and types at Parse, where PostgreSQL finds them.
        if prepared.parsed.is_some() && self.phase != Phase::Failed {
            self.plan(&prepared, false).await?;
        }
        // Nobody asks for the text of the unnamed one.
        let text = if name.is_empty() { "" } else { text };
        self.statements.insert(name.to_owned(), Named::new(prepared, text, false));
        Ok(())
    }

    fn statement(&self, name: &str) -> Result<Arc<Prepared>, Error> {
        let found = self.statements.get(name).map(|named| Arc::clone(&named.prepared));
        found.ok_or_else(|| no_statement(name))
    }

    /// A statement that is about to run, which is counted.
    fn used_statement(&mut self, name: &str) -> Result<Arc<Prepared>, Error> {
        let named = self.statements.get_mut(name).ok_or_else(|| no_statement(name))?;
        named.uses += 1;
        Ok(Arc::clone(&named.prepared))
    }

    /// Describe of a statement.
    ///
    /// # Errors
    /// 26000 if there is no such statement; what compiling it again finds.
    pub async fn describe_statement(&mut self, name: &str) -> Result<Described, Error> {
        let result = self.describe_named(name).await;
        self.fail_on_error(result).await
    }

    async fn describe_named(&mut self, name: &str) -> Result<Described, Error> {
        let prepared = self.statement(name)?;
        if prepared.parsed.is_none() {
            return Ok(Described { parameters: Arc::new([]), columns: None });
        }
        let plan = self.plan(&prepared, true).await?;
        let columns = self.result_columns(&plan);
        drop(prepared.described.set(columns.clone()));
        Ok(Described { parameters: Arc::clone(&plan.parameters), columns })
    }

    /// The parameters' types, for decoding Bind.
    ///
    /// # Errors
    /// 26000 if there is no such statement.
    pub async fn parameter_types(&mut self, statement: &str) -> Result<ParameterTypes, Error> {
        let result = self.parameter_types_of(statement).await;
        self.fail_on_error(result).await
    }

    async fn parameter_types_of(&mut self, statement: &str) -> Result<ParameterTypes, Error> {
        let prepared = self.statement(statement)?;
        if prepared.parsed.is_none() {
            return Ok(ParameterTypes { types: Arc::new([]), forms: Arc::new([]) });
        }
        let plan = self.plan(&prepared, false).await?;
        let forms = Arc::clone(&plan.parameter_forms);
        Ok(ParameterTypes { types: Arc::clone(&plan.parameters), forms })
    }

    pub fn close_statement(&mut self, name: &str) {
        self.statements.remove(name);
    }

    /// Sync: commits what the pipeline left implicit.
    ///
    /// # Errors
    /// The commit's.
    pub async fn sync(&mut self) -> Result<(), Error> {
        let result = match self.phase {
            Phase::Implicit => Box::pin(self.commit()).await,
            Phase::Idle | Phase::Block | Phase::Failed => Ok(()),
        };
        if self.phase == Phase::Idle {
            self.drop_portals(true);
        }
        result
    }

    /// Something failed outside the session (bad Bind bytes ...): the transaction fails, as if a
    /// statement had.
    pub async fn fail(&mut self) {
        self.copy = None;
        match self.phase {
            Phase::Idle | Phase::Failed => {}
            Phase::Implicit => self.end(false).await,
            Phase::Block => {
                self.phase = Phase::Failed;
                self.view = None;
                // Without a savepoint to go back to, nothing of it can be kept: others may write.
                if self.savepoints.depth() == 0
                    && let Some(write) = self.write.take()
                {
                    write.rollback().await;
                }
            }
        }
    }

    async fn fail_on_error<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        if result.is_err() {
            Box::pin(self.fail()).await;
        }
        result
    }

    /// Resolves when an idle session must be ended or its transaction failed: a timeout, a lost
    /// leader. `ready`: the client awaits nothing, and may be told what was notified.
    pub async fn idle(&mut self, ready: bool) -> Interruption {
        if ready {
            self.activity.rests(self.status(), wall_microseconds);
        }
        let (name, state, message) = match self.phase {
            Phase::Idle => (
                "idle_session_timeout",
                SqlState(*b"57P05"),
                "terminating connection due to idle-session timeout",
            ),
            _ => (
                "idle_in_transaction_session_timeout",
                SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                "terminating connection due to idle-in-transaction timeout",
            ),
        };
        let timeout = self.settings.timeout(name);
        let waited = async {
            match timeout {
                Some(timeout) => clock::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        let lost = async {
            match &mut self.write {
                Some(write) if !write.is_lost() => write.lost().await,
                _ => std::future::pending().await,
            }
        };
        let told = ready && self.phase == Phase::Idle;
        let ears = &self.ears;
        let heard = async {
            if told {
                ears.heard().await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = waited => Interruption::Fatal(Error::limit(state, message)),
            () = heard => Interruption::Notified,
            () = self.canceler.terminated() => Interruption::Fatal(backend::terminated()),
            () = self.locks.lost() => match self.locks.doom() {
                Some(error) => Interruption::Fatal(error),
                None => {
                    self.locks.end_transaction().await;
                    self.lose_transaction(advisory::lost());
                    Interruption::TransactionLost
                }
            },
            error = lost => {
                self.lose_transaction(error);
                Interruption::TransactionLost
            }
        }
    }

    fn lose_transaction(&mut self, error: Error) {
        self.write = None;
        self.savepoints = Savepoints::default();
        self.loss = Some(error);
        if self.phase == Phase::Block {
            self.phase = Phase::Failed;
        }
    }

    /// Before anything that doesn't end the transaction: why it can't go on, if it can't.
    fn check_transaction(&mut self) -> Result<(), Error> {
        match self.loss.take() {
            Some(loss) => Err(loss),
            None if self.phase == Phase::Failed => Err(transaction::failed()),
            None => Ok(()),
        }
    }

    /// Ends the session; an open transaction is rolled back.
    pub async fn close(mut self) {
        self.end(false).await;
        self.end_temporary().await;
    }
}
