//! Asks a server who it is.

use std::time::Duration;

use sqlx::{PgConnection, Row as _};

use super::connect::within;
use super::explain::query_error;
use crate::domain::connection::Spec;
use crate::domain::identity::Identity;
use crate::domain::untrusted::Untrusted;

/// Why a server's identity is not known. Nothing is done on such a server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Our role may not call `pg_control_system()`, which everybody may by default.
    #[error(
        "the role {role} may not ask the server {to} for its identity; have a superuser run \
         GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system() TO that role"
    )]
    NotPermitted {
        /// Our role.
        role: String,
        /// The connection.
        to: String,
    },
    /// The connection broke or the server refused.
    #[error("cannot tell which server {to} is: {why}; connect again")]
    Unknown {
        /// The connection.
        to: String,
        /// The reason.
        why: String,
    },
}

/// How long the question may take.
const LIMIT: Duration = Duration::from_secs(5);

const SQL: &str = "
    SELECT s.system_identifier::text,
           d.datname::text,
           d.oid::int8,
           current_user::text,
           (NOT pg_is_in_recovery())::bool,
           current_setting('server_version_num')::int4,
           current_setting('server_version')::text
      FROM pg_catalog.pg_control_system() s
      JOIN pg_catalog.pg_database d ON d.datname = current_database()";

/// Returns the identity of the server and database behind a connection made by `spec`.
///
/// # Errors
/// [`Error`]; after [`Error::Unknown`] the connection is not to be used again.
pub async fn identity(connection: &mut PgConnection, spec: &Spec) -> Result<Identity, Error> {
    let unknown = |why: String| Error::Unknown { to: spec.describe(), why };
    let row = within(LIMIT, sqlx::query(SQL).fetch_one(connection))
        .await
        .ok_or_else(|| unknown(format!("no answer within {} s", LIMIT.as_secs())))?
        .map_err(|error| sort(&error, spec))?;
    read(&row, spec).map_err(|error| unknown(query_error(&error)))
}

fn sort(error: &sqlx::Error, spec: &Spec) -> Error {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    if code.as_deref() == Some("42501") {
        let role = Untrusted::new(spec.user.as_str()).one_line();
        return Error::NotPermitted { role, to: spec.describe() };
    }
    Error::Unknown { to: spec.describe(), why: query_error(error) }
}

fn read(row: &sqlx::postgres::PgRow, spec: &Spec) -> sqlx::Result<Identity> {
    let number = |error: std::num::TryFromIntError| sqlx::Error::Decode(error.into());
    Ok(Identity {
        system_identifier: row.try_get(0)?,
        database: row.try_get(1)?,
        database_oid: u32::try_from(row.try_get::<i64, _>(2)?).map_err(number)?,
        host: spec.place.text().to_owned(),
        port: spec.port,
        role: row.try_get(3)?,
        primary: row.try_get(4)?,
        version_num: u32::try_from(row.try_get::<i32, _>(5)?).map_err(number)?,
        version: row.try_get(6)?,
    })
}
