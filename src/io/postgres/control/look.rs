//! Looking at single backends: what they run, what they wait for, whether they are gone.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use tokio::time::{Instant, sleep_until};

use super::{Control, Error};
use crate::domain::activity::{BackendKey, State};

/// How often a signalled backend is looked for.
const LOOK: Duration = Duration::from_millis(50);

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

impl Control {
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
}

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
