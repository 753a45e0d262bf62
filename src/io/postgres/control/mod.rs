//! The control connection: opened up front, kept warm, and the only one that signals.

mod look;
mod signal;

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection};

use super::connect::{Purpose, connect, within};
use super::explain::{ConnectError, is_lost, query_error};
use super::identity;
use crate::domain::connection::Spec;
use crate::domain::identity::Identity;
use crate::domain::untrusted::Untrusted;

pub use look::{After, Aim, Running, Session, Waiting};
pub use signal::{Only, Signalled};

/// How long one statement of ours may take, the network included.
const LIMIT: Duration = Duration::from_secs(6);

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
