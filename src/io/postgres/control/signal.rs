//! Signals: one guarded statement each, which looks and acts in one.

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::look::Waiting;
use super::{Control, Error, Fetch, Query};
use crate::domain::activity::BackendKey;
use crate::domain::signal::Kind;

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

impl Control {
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
        self.send(query).await
    }

    /// Cancels the statement that runs in a backend of our own, known by its pid and the
    /// `application_name` that we gave it; between two statements nothing is sent. `again`: one
    /// was cancelled before, and only what has run for 3 s is no work of cleaning up.
    ///
    /// # Errors
    /// As [`Self::signal`].
    pub async fn cancel_own(
        &mut self,
        pid: i32,
        application: &str,
        again: bool,
    ) -> Result<Signalled, Error> {
        let query = sqlx::query(CANCEL_OWN).bind(pid).bind(application).bind(again);
        self.send(query).await
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
        self.send(query).await
    }

    async fn send(&mut self, query: Query<'_>) -> Result<Signalled, Error> {
        match self.fetch(query).await {
            Ok(None) => Ok(Signalled::Gone),
            Ok(Some(row)) => verdict(&row).map_err(|error| self.broken(&error)),
            Err(Fetch::Forbidden(message)) => Ok(Signalled::NotPermitted(message)),
            Err(Fetch::Failed(error)) => Err(error),
        }
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
    "(a.state IS NULL OR a.state = 'active') \
     AND (NOT $3::bool OR a.query_start < clock_timestamp() - interval '3 s')"
);

const CANCEL_WAITING: &str = guarded!(
    "pg_catalog.pg_cancel_backend",
    "a.backend_start = $2 AND a.application_name = $3",
    "a.state = 'active' AND a.query_start = $4 AND a.wait_event_type = 'Lock'"
);

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
