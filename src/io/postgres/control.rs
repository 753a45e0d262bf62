//! The control connection: opened up front, kept warm, and the only one that signals.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::time::{Instant, sleep_until};

use super::connect::{Purpose, connect, within};
use super::explain::{ConnectError, is_lost, query_error};
use super::identity;
use crate::domain::activity::{BackendKey, State};
use crate::domain::connection::Spec;
use crate::domain::identity::Identity;
use crate::domain::signal::Kind;
use crate::domain::untrusted::Untrusted;

/// How long one statement of ours may take, the network included.
const LIMIT: Duration = Duration::from_secs(6);
/// How often a signalled backend is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// What a signal came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signalled {
    /// The server delivered it. Whether it took effect is for [`Control::check_gone`].
    Sent,
    /// No backend has that pid any more.
    Gone,
    /// The pid belongs to another backend, which began at this moment: nothing was signalled.
    Reused(DateTime<Utc>),
    /// When the backend began is hidden from our role: nothing was signalled.
    Hidden,
    /// It is one of our own connections: nothing was signalled.
    Ours,
    /// It is no longer as [`Only`] asks for: nothing was signalled.
    Changed,
    /// Our role may not.
    NotPermitted(String),
    /// The server did not deliver it: the process ended just then, or is none of its sessions.
    NotDelivered,
}

/// What must still be so for a signal to be sent; looked at in the same statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// It is the backend that is meant.
    Same,
    /// And the statement that began at this moment still runs in it.
    WhileRunning(DateTime<Utc>),
    /// And its transaction has written nothing.
    Unwritten,
}

/// What a backend does, as far as the server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Running {
    /// The statement that began at this moment.
    Since(DateTime<Utc>),
    /// No statement: it waits for its client.
    Nothing,
    /// The server does not track it (`track_activities` is off), or it is a call that is no
    /// statement.
    CannotTell,
}

/// What is looked for after a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// The session ends (terminate).
    SessionEnds,
    /// The statement that began at this moment no longer runs (cancel).
    StatementEnds(DateTime<Utc>),
}

/// What became of a signalled backend within the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// What was aimed at has happened.
    Done,
    /// It goes on: the signal waits until the process looks for it, which it does not do in
    /// a system call or in code that holds interrupts off.
    Still,
}

/// Why the control connection has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no connection, and none could be opened.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server does not say who it is.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// The connection broke after the statement was sent: it may have had its effect.
    #[error(
        "the control connection to {to} broke while the server worked ({why}): cannot tell \
         whether it was done; look at the session before trying again"
    )]
    Lost {
        /// The connection.
        to: String,
        /// The reason.
        why: String,
    },
    /// The server refused the statement.
    #[error("the server {to} refused: {why}")]
    Server {
        /// The connection.
        to: String,
        /// The server's message and SQLSTATE.
        why: String,
    },
}

/// A connection for signals and for looking after what was signalled.
#[derive(Debug)]
pub struct Control {
    spec: Spec,
    connection: Option<PgConnection>,
    protected: Vec<i32>,
}

impl Control {
    /// Opens the connection.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn open(spec: Spec) -> Result<Self, ConnectError> {
        let connection = connect(&spec, Purpose::Control).await?;
        Ok(Self { spec, connection: Some(connection), protected: Vec::new() })
    }

    /// Returns how it connects.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Returns true if the connection was there when it was last used.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.connection.is_some()
    }

    /// Returns which server this connection is to: the one that a signal would reach.
    ///
    /// # Errors
    /// [`Error`] when nobody answers, or not in full.
    pub async fn identity(&mut self) -> Result<Identity, Error> {
        self.keep_warm().await?;
        let spec = self.spec.clone();
        let found = identity::identity(self.connection().await?, &spec).await;
        if matches!(found, Err(identity::Error::Unknown { .. })) {
            self.connection = None;
        }
        Ok(found?)
    }

    /// Gives the connection back; the next use opens another one.
    pub async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            // It is given up however that ends.
            drop(within(LIMIT, connection.close()).await);
        }
    }

    /// Names the pids of our other connections (monitor, lease), which are never signalled.
    /// By pid and not by `application_name`, which anybody can give to anything.
    pub fn protect(&mut self, pids: Vec<i32>) {
        self.protected = pids;
    }

    /// Asks the server for a sign of life, and connects again if the connection is lost.
    ///
    /// # Errors
    /// [`Error::Connect`] when the server cannot be reached; back off and call again.
    pub async fn keep_warm(&mut self) -> Result<(), Error> {
        if let Some(connection) = &mut self.connection
            && !matches!(within(LIMIT, connection.ping()).await, Some(Ok(())))
        {
            self.connection = None;
        }
        self.connection().await?;
        Ok(())
    }

    async fn connection(&mut self) -> Result<&mut PgConnection, ConnectError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.spec, Purpose::Control).await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// Signals the backend if, in the same statement, it is still the one that is meant, and
    /// as `only` asks for. Never repeated by itself: a second cancel could hit the next
    /// statement.
    ///
    /// # Errors
    /// [`Error`]; after [`Error::Lost`] it may have been delivered.
    pub async fn signal(
        &mut self,
        kind: Kind,
        key: BackendKey,
        only: Only,
    ) -> Result<Signalled, Error> {
        let Some(start) = key.backend_start else {
            return Ok(Signalled::Hidden);
        };
        if self.protected.contains(&key.pid) {
            return Ok(Signalled::Ours);
        }
        self.keep_warm().await?;
        let running = match only {
            Only::WhileRunning(began) => Some(began),
            Only::Same | Only::Unwritten => None,
        };
        let query = sqlx::query(guarded(kind)).bind(key.pid).bind(start);
        let query = query.bind(running).bind(only == Only::Unwritten);
        match self.fetch(query).await {
            Ok(None) => Ok(Signalled::Gone),
            Ok(Some(row)) => self.read(&row),
            Err(Fetch::Forbidden(message)) => Ok(Signalled::NotPermitted(message)),
            Err(Fetch::Failed(error)) => Err(error),
        }
    }

    /// Returns what runs in the backend now; `None`: that backend is there no more.
    ///
    /// # Errors
    /// [`Error`] when that cannot be seen.
    pub async fn running(&mut self, key: BackendKey) -> Result<Option<Running>, Error> {
        let query = sqlx::query(RUNNING).bind(key.pid).bind(key.backend_start);
        let row = self.fetch(query).await.map_err(|fetch| self.failed(fetch))?;
        let running = row.map(|row| running(&row)).transpose();
        running.map_err(|error| self.broken(&error))
    }

    /// Cancels the statement that runs in a backend of our own, known by its pid and the
    /// `application_name` that we gave it; between two statements nothing is sent.
    ///
    /// # Errors
    /// As [`Self::signal`].
    pub async fn cancel_own(&mut self, pid: i32, application: &str) -> Result<Signalled, Error> {
        let query = sqlx::query(CANCEL_OWN).bind(pid).bind(application);
        match self.fetch(query).await {
            Ok(None) => Ok(Signalled::Gone),
            Ok(Some(row)) => self.read(&row),
            Err(Fetch::Forbidden(message)) => Ok(Signalled::NotPermitted(message)),
            Err(Fetch::Failed(error)) => Err(error),
        }
    }

    /// Returns the backends of our own act that wait for a lock now, by the
    /// `application_name` that we gave them.
    ///
    /// # Errors
    /// [`Error`] when that cannot be seen.
    pub async fn waiting(&mut self, application: &str) -> Result<Vec<Waiting>, Error> {
        let query = sqlx::query(WAITING).bind(application);
        let row = self.fetch(query).await.map_err(|fetch| self.failed(fetch))?;
        let waiting = row.map(|row| waiting(&row)).transpose();
        waiting.map(Option::unwrap_or_default).map_err(|error| self.broken(&error))
    }

    /// Cancels the statement of a backend of our own act, if it is still that backend, under
    /// our name, in that statement, and still waits for a lock.
    ///
    /// # Errors
    /// As [`Self::signal`].
    pub async fn cancel_waiting(
        &mut self,
        one: &Waiting,
        application: &str,
    ) -> Result<Signalled, Error> {
        let query = sqlx::query(CANCEL_WAITING).bind(one.key.pid).bind(one.key.backend_start);
        let query = query.bind(application).bind(one.began);
        match self.fetch(query).await {
            Ok(None) => Ok(Signalled::Gone),
            Ok(Some(row)) => self.read(&row),
            Err(Fetch::Forbidden(message)) => Ok(Signalled::NotPermitted(message)),
            Err(Fetch::Failed(error)) => Err(error),
        }
    }

    /// Looks after a signalled backend until the aim is reached or `deadline` has passed.
    ///
    /// # Errors
    /// [`Error`] when that cannot be seen.
    pub async fn check_gone(
        &mut self,
        key: BackendKey,
        aim: Aim,
        deadline: Duration,
    ) -> Result<After, Error> {
        let end = Instant::now() + deadline;
        loop {
            if self.has_ended(key, aim).await? {
                return Ok(After::Done);
            }
            let now = Instant::now();
            if now >= end {
                return Ok(After::Still);
            }
            sleep_until(end.min(now + LOOK)).await;
        }
    }

    async fn has_ended(&mut self, key: BackendKey, aim: Aim) -> Result<bool, Error> {
        let statement = match aim {
            Aim::SessionEnds => None,
            Aim::StatementEnds(began) => Some(began),
        };
        let query = sqlx::query(LIVES).bind(key.pid).bind(key.backend_start).bind(statement);
        let row = self.fetch(query).await.map_err(|fetch| self.failed(fetch))?;
        Ok(row.is_none())
    }

    /// Returns the sessions that bear this `application_name`, with their databases.
    ///
    /// # Errors
    /// [`Error`] when that cannot be seen.
    pub async fn find_application(&mut self, name: &str) -> Result<Vec<Session>, Error> {
        self.find(name, false).await
    }

    /// Returns the sessions whose `application_name` begins with `name`.
    ///
    /// # Errors
    /// [`Error`] when that cannot be seen.
    pub async fn find_beginning(&mut self, name: &str) -> Result<Vec<Session>, Error> {
        self.find(name, true).await
    }

    async fn find(&mut self, name: &str, beginning: bool) -> Result<Vec<Session>, Error> {
        let query = sqlx::query(FIND).bind(name).bind(beginning);
        let row = self.fetch(query).await.map_err(|fetch| self.failed(fetch))?;
        let sessions = row.map(|row| sessions(&row)).transpose();
        sessions.map(Option::unwrap_or_default).map_err(|error| self.broken(&error))
    }

    /// Runs a statement that returns at most one row.
    async fn fetch(&mut self, query: Query<'_>) -> Result<Option<PgRow>, Fetch> {
        let connection = self.connection().await.map_err(Error::from)?;
        let answer = within(LIMIT, query.fetch_optional(connection)).await;
        match answer {
            Some(Ok(row)) => Ok(row),
            Some(Err(sqlx::Error::Database(error))) if error.code().as_deref() == Some("42501") => {
                Err(Fetch::Forbidden(Untrusted::new(error.message()).one_line()))
            }
            Some(Err(error)) => Err(Fetch::Failed(self.broken(&error))),
            None => {
                let why = format!("no answer within {} s", LIMIT.as_secs());
                Err(Fetch::Failed(self.lost(why)))
            }
        }
    }

    /// Sorts a driver's error; one that is not of the statement costs the connection.
    fn broken(&mut self, error: &sqlx::Error) -> Error {
        let why = query_error(error);
        match error {
            _ if is_lost(error) => self.lost(why),
            _ => Error::Server { to: self.spec.describe(), why },
        }
    }

    fn lost(&mut self, why: String) -> Error {
        self.connection = None;
        Error::Lost { to: self.spec.describe(), why }
    }

    fn failed(&self, fetch: Fetch) -> Error {
        match fetch {
            Fetch::Failed(error) => error,
            Fetch::Forbidden(why) => Error::Server { to: self.spec.describe(), why },
        }
    }

    fn read(&mut self, row: &PgRow) -> Result<Signalled, Error> {
        verdict(row).map_err(|error| self.broken(&error))
    }
}

/// A backend found by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its pid.
    pub pid: i32,
    /// Its database's OID.
    pub database_oid: u32,
    /// Its database.
    pub database: String,
}

/// A backend of our own act that waits for a lock.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Waiting {
    /// Which backend.
    pub key: BackendKey,
    /// When the statement began that waits.
    pub began: DateTime<Utc>,
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Why a statement brought no row.
enum Fetch {
    /// SQLSTATE 42501.
    Forbidden(String),
    /// Anything else.
    Failed(Error),
}

impl From<Error> for Fetch {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// One statement that looks and signals: `CASE` calls the function only for the row that is
/// still the backend meant, to the microsecond, and still as it has to be.
macro_rules! guarded {
    ($function:literal, $same:literal, $only:literal) => {
        concat!(
            "SELECT (",
            $same,
            ")::bool AS same, (",
            $only,
            ")::bool AS meant, ",
            "(a.pid = pg_backend_pid())::bool AS self, a.backend_start::timestamptz, ",
            "CASE WHEN ",
            $same,
            " AND ",
            $only,
            " AND a.pid <> pg_backend_pid() THEN ",
            $function,
            "(a.pid)::bool END AS sent ",
            "FROM pg_catalog.pg_stat_activity a WHERE a.pid = $1"
        )
    };
    ($function:literal) => {
        guarded!(
            $function,
            "a.backend_start = $2",
            "($3::timestamptz IS NULL OR (a.state = 'active' AND a.query_start = $3)) \
             AND NOT ($4::bool AND a.backend_xid IS NOT NULL)"
        )
    };
}

fn guarded(kind: Kind) -> &'static str {
    match kind {
        Kind::Cancel => guarded!("pg_catalog.pg_cancel_backend"),
        Kind::Terminate => guarded!("pg_catalog.pg_terminate_backend"),
    }
}

const CANCEL_OWN: &str = guarded!(
    "pg_catalog.pg_cancel_backend",
    "a.application_name = $2",
    "(a.state IS NULL OR a.state = 'active')"
);

const CANCEL_WAITING: &str = guarded!(
    "pg_catalog.pg_cancel_backend",
    "a.backend_start = $2 AND a.application_name = $3",
    "a.state = 'active' AND a.query_start = $4 AND a.wait_event_type = 'Lock'"
);

const WAITING: &str = "
    SELECT array_agg(a.pid::int4), array_agg(a.backend_start::timestamptz),
           array_agg(a.query_start::timestamptz)
      FROM pg_catalog.pg_stat_activity a
     WHERE a.application_name = $1 AND a.datname = current_database()
       AND a.state = 'active' AND a.wait_event_type = 'Lock'
       AND a.backend_start IS NOT NULL AND a.query_start IS NOT NULL
    HAVING count(*) > 0";

const RUNNING: &str = "
    SELECT a.state::text, a.query_start::timestamptz
      FROM pg_catalog.pg_stat_activity a
     WHERE a.pid = $1 AND a.backend_start = $2";

const LIVES: &str = "
    SELECT 1::int4
      FROM pg_catalog.pg_stat_activity a
     WHERE a.pid = $1
       AND ($2::timestamptz IS NULL OR a.backend_start = $2)
       AND ($3::timestamptz IS NULL OR (a.state = 'active' AND a.query_start = $3))";

const FIND: &str = "
    SELECT array_agg(a.pid::int4), array_agg(a.datid::int8), array_agg(a.datname::text)
      FROM pg_catalog.pg_stat_activity a
     WHERE (a.application_name = $1 OR ($2::bool AND starts_with(a.application_name, $1)))
       AND a.datid IS NOT NULL AND a.pid <> pg_backend_pid()
    HAVING count(*) > 0";

fn running(row: &PgRow) -> sqlx::Result<Running> {
    let state: Option<String> = row.try_get(0)?;
    Ok(match (state.as_deref().and_then(State::parse), row.try_get(1)?) {
        (Some(State::Active), Some(began)) => Running::Since(began),
        (Some(state), _) if state == State::Idle || state.is_idle_in_transaction() => {
            Running::Nothing
        }
        _ => Running::CannotTell,
    })
}

/// Reads the row of a guarded statement.
fn verdict(row: &PgRow) -> sqlx::Result<Signalled> {
    if row.try_get("self")? {
        return Ok(Signalled::Ours);
    }
    let began: Option<DateTime<Utc>> = row.try_get("backend_start")?;
    let is_meant = row.try_get::<Option<bool>, _>("meant")? == Some(true);
    Ok(match (row.try_get("same")?, row.try_get("sent")?, began) {
        (Some(true), Some(true), _) => Signalled::Sent,
        (Some(true), _, _) if !is_meant => Signalled::Changed,
        (Some(true), _, _) => Signalled::NotDelivered,
        (Some(false), _, Some(began)) => Signalled::Reused(began),
        _ => Signalled::Hidden,
    })
}

fn waiting(row: &PgRow) -> sqlx::Result<Vec<Waiting>> {
    let (pids, starts, began): (Vec<i32>, Vec<DateTime<Utc>>, Vec<DateTime<Utc>>) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let all = pids.into_iter().zip(starts).zip(began);
    let one = |((pid, start), began)| Waiting {
        key: BackendKey { pid, backend_start: Some(start) },
        began,
    };
    Ok(all.map(one).collect())
}

fn sessions(row: &PgRow) -> sqlx::Result<Vec<Session>> {
    let (pids, oids, names): (Vec<i32>, Vec<i64>, Vec<String>) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let all = pids.into_iter().zip(oids).zip(names).map(|((pid, oid), database)| Session {
        pid,
        database_oid: u32::try_from(oid).unwrap_or_default(),
        database,
    });
    Ok(all.collect())
}
