//! A login, and nothing more: proof that somebody has a database role of their own.

use std::time::Duration;

use serde::Serialize;
use sqlx::{PgConnection, Row as _};

use super::connect::{Purpose, connect, within};
use super::explain::query_error;
use crate::domain::connection::Spec;

/// How long the question may take.
const LIMIT: Duration = Duration::from_secs(5);

/// What the server says of a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Login {
    /// `session_user`: who logged in, whatever role was set afterwards.
    pub role: String,
    /// The cluster.
    pub system_identifier: String,
    /// The database.
    pub database: String,
    /// The backend, with its start: what the server's log knows it by.
    pub pid: i32,
    /// When the backend began, as the server says it.
    pub backend_start: String,
    /// How the server authenticated it (`system_user`, PostgreSQL 16); `None`: it does not
    /// tell, or asked for no proof (`trust`).
    pub authenticated: Option<String>,
}

const SQL: &str = "
    SELECT session_user::text,
           s.system_identifier::text,
           current_database()::text,
           pg_backend_pid()::int4,
           a.backend_start::text
      FROM pg_catalog.pg_control_system() s, pg_catalog.pg_stat_activity a
     WHERE a.pid = pg_backend_pid()";

/// Logs in by `spec`, and out again.
///
/// # Errors
/// A sentence for the person: the server does not answer, refuses, or does not tell who it is.
pub async fn login(spec: &Spec) -> Result<Login, String> {
    let mut connection = connect(spec, Purpose::Reader)
        .await
        .map_err(|e| format!("{}; {}", e.what(), e.advice()))?;
    let read = within(LIMIT, read(&mut connection)).await;
    // What was asked is known by now; how the session ends changes nothing.
    drop(sqlx::Connection::close(connection).await);
    read.ok_or_else(|| format!("no answer within {} s", LIMIT.as_secs()))?
        .map_err(|error| query_error(&error))
}

async fn read(connection: &mut PgConnection) -> sqlx::Result<Login> {
    let row = sqlx::query(SQL).fetch_one(&mut *connection).await?;
    let version: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::int4")
        .fetch_one(&mut *connection)
        .await?;
    let authenticated = if version >= 160_000 {
        sqlx::query_scalar("SELECT system_user::text").fetch_one(&mut *connection).await?
    } else {
        None
    };
    Ok(Login {
        role: row.try_get(0)?,
        system_identifier: row.try_get(1)?,
        database: row.try_get(2)?,
        pid: row.try_get(3)?,
        backend_start: row.try_get(4)?,
        authenticated,
    })
}
