//! The one connection that reads what is asked for now and then: the version table, the
//! schema, who holds what, one backend. Every statement has the limits of the control
//! connections, so none waits long behind a migration's lock.

use std::time::{Duration, Instant};

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::connect::{Purpose, connect};
use super::explain::{ConnectError, query_error};
use super::identity;
use crate::domain::activity::BackendKey;
use crate::domain::change::Name;
use crate::domain::connection::Spec;
use crate::domain::evidence::Value;
use crate::domain::fingerprint::{Part, Schema};
use crate::domain::identity::Identity;
use crate::domain::mend::Invalid;
use crate::domain::untrusted::Untrusted;
use crate::session::news::BackendDetail;
use crate::tools::{Advisory, Rows, VersionQuery};

const HOLDERS: &str = include_str!("../../../assets/sql/holders.sql");
const EXCLUSIVE: &str = include_str!("../../../assets/sql/exclusive.sql");
const NAMED_TABLES: &str = include_str!("../../../assets/sql/named_tables.sql");
const FINGERPRINT: &str = include_str!("../../../assets/sql/fingerprint.sql");
const INVALID: &str = include_str!("../../../assets/sql/invalid_indexes.sql");
const ADVISORY: &str = include_str!("../../../assets/sql/advisory.sql");
const BACKEND: &str = include_str!("../../../assets/sql/backend.sql");
const BACKEND_LOCKS: &str = include_str!("../../../assets/sql/backend_locks.sql");

/// How long one question may take before the connection counts as broken; the server's own
/// limit is shorter.
const LIMIT: Duration = Duration::from_secs(8);
/// How long a sign of life may take: nothing has to be read for it.
const PING: Duration = Duration::from_secs(2);
/// An answer that is no older is a sign of life itself: it was one of the same reading. Where the
/// server went away in between, that question fails instead of being asked anew.
const FRESH: Duration = Duration::from_millis(100);

/// How much longer than the server we wait for it to give up.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no connection, and none could be opened.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server does not say who it is.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// The server refused.
    #[error("{why}")]
    Refused {
        /// The SQLSTATE.
        code: String,
        /// The server's message and SQLSTATE.
        why: String,
    },
    /// The connection broke, or what came is not what was asked for.
    #[error("{0}")]
    Query(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let why = query_error(&error);
        match error.as_database_error().and_then(DatabaseError::code) {
            Some(code) => Self::Refused { code: code.into_owned(), why },
            None => Self::Query(why),
        }
    }
}

impl Error {
    /// Adds what to do about a table that cannot be read.
    fn about(self, table: &str, role: &str) -> Self {
        let Self::Refused { code, why } = self else { return self };
        let advice = match code.as_str() {
            "42501" => format!("; have its owner run GRANT SELECT ON {table} TO {}", quoted(role)),
            "55P03" => "; another session has locked it: see who, and read it again".to_owned(),
            _ => String::new(),
        };
        Self::Refused { code, why: why + &advice }
    }
}

/// Returns a role as SQL names it: quoted where it has to be.
fn quoted(role: &str) -> String {
    Untrusted::new(Name::new(role).quoted()).one_line()
}

/// Somebody who holds or awaits a lock on a relation.
#[derive(Clone, Debug, PartialEq)]
pub struct Holding {
    /// The session; `None` for a prepared transaction.
    pub pid: Option<i32>,
    /// The server's name of the mode, e.g. `AccessShareLock`.
    pub mode: String,
    /// It has the lock; otherwise it waits for it.
    pub granted: bool,
    /// The relation.
    pub relation: Name,
    /// `application_name`.
    pub application: Untrusted,
    /// The role.
    pub user: Option<Untrusted>,
    /// What it does.
    pub state: Option<String>,
    /// How long its transaction has been open, in seconds.
    pub open_s: Option<f64>,
}

/// The connection.
#[derive(Debug)]
pub struct Reader {
    spec: Spec,
    connection: Option<PgConnection>,
    /// When it answered last, of a connection that is open.
    answered: Option<Instant>,
}

impl Reader {
    /// Returns a reader that connects when it is first asked.
    #[must_use]
    pub fn new(spec: Spec) -> Self {
        Self { spec, connection: None, answered: None }
    }

    pub(super) async fn connection(&mut self) -> Result<&mut PgConnection, Error> {
        let is_fresh = self.answered.is_some_and(|at| at.elapsed() < FRESH);
        if let Some(connection) = self.connection.as_mut().filter(|_| !is_fresh)
            && !matches!(timeout(PING, connection.ping()).await, Ok(Ok(())))
        {
            self.lose();
        }
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.spec, Purpose::Reader).await?,
        };
        Ok(self.connection.insert(connection))
    }

    pub(super) async fn rows(&mut self, query: Query<'_>) -> Result<Vec<PgRow>, Error> {
        let connection = self.connection().await?;
        let read = timeout(LIMIT, query.fetch_all(connection)).await;
        self.kept(read.map(|read| read.map_err(Error::from)), LIMIT)
    }

    /// Returns who answers, asked anew.
    ///
    /// # Errors
    /// When nobody answers, or not in full.
    pub async fn identity(&mut self) -> Result<Identity, Error> {
        let spec = self.spec.clone();
        // A reading begins with it, however soon after another one.
        self.answered = None;
        let connection = self.connection().await?;
        let found = identity::identity(connection, &spec).await;
        match found {
            Ok(_) => self.answered = Some(Instant::now()),
            Err(identity::Error::Unknown { .. }) => self.lose(),
            Err(_) => {}
        }
        Ok(found?)
    }

    /// Returns who answers to a connection made just now: an old one may lead to a server
    /// that nobody else reaches any more.
    ///
    /// # Errors
    /// When nobody answers, or not in full.
    pub async fn identity_anew(&mut self) -> Result<Identity, Error> {
        self.close().await;
        self.identity().await
    }

    /// Drops a connection that is of no use any more.
    pub(super) fn lose(&mut self) {
        self.connection = None;
        self.answered = None;
    }

    /// Gives the connection back; the next question opens another one.
    pub async fn close(&mut self) {
        self.answered = None;
        if let Some(connection) = self.connection.take() {
            // It is given up however that ends.
            drop(timeout(PING, connection.close()).await);
        }
    }

    /// Returns the pid of this connection, which is opened if there is none.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn pid(&mut self) -> Result<i32, Error> {
        let rows = self.rows(sqlx::query("SELECT pg_backend_pid()::int4")).await?;
        let row = rows.first().ok_or_else(|| Error::Query("no row".to_owned()))?;
        Ok(row.try_get(0)?)
    }

    /// Reads the version table of a tool, which may not be there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn version_rows(&mut self, query: &VersionQuery) -> Result<Rows, Error> {
        let exists = self.rows(sqlx::query(AssertSqlSafe(query.exists.clone()))).await?;
        if !exists.first().map(|row| row.try_get::<bool, _>(0)).transpose()?.unwrap_or(false) {
            return Ok(Rows::Absent);
        }
        let rows = self.rows(sqlx::query(AssertSqlSafe(query.rows.clone()))).await;
        let rows = rows.map_err(|error| error.about(&query.table, &self.spec.user))?;
        let texts = |row: &PgRow| (0..row.len()).map(|at| row.try_get(at)).collect();
        let rows = rows.iter().map(texts).collect::<Result<_, sqlx::Error>>()?;
        let locks = self.rows(sqlx::query(ADVISORY)).await?;
        let locks = locks.iter().map(advisory).collect::<Result<Vec<_>, _>>()?;
        Ok(if locks.is_empty() { Rows::Read(rows) } else { Rows::Locked(rows, locks) })
    }

    /// Reads every part of the schema with its hash, in one snapshot and without a wait for
    /// anybody's lock.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn schema(&mut self) -> Result<Schema, Error> {
        let rows = self.rows(sqlx::query(FINGERPRINT)).await?;
        let parts = rows.iter().map(part).collect::<Result<Vec<_>, _>>()?;
        Ok(Schema::new(parts))
    }

    /// Returns the indexes that no query uses.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn invalid_indexes(&mut self) -> Result<Vec<Invalid>, Error> {
        let rows = self.rows(sqlx::query(INVALID)).await?;
        Ok(rows.iter().map(invalid).collect::<Result<_, _>>()?)
    }

    /// Returns who holds or awaits locks on the relations of these names.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn holders(&mut self, relations: &[String]) -> Result<Vec<Holding>, Error> {
        let rows = self.rows(sqlx::query(HOLDERS).bind(relations)).await?;
        rows.iter().map(holding).collect()
    }

    /// Returns who holds or awaits ACCESS EXCLUSIVE on any table.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn exclusive(&mut self) -> Result<Vec<Holding>, Error> {
        let rows = self.rows(sqlx::query(EXCLUSIVE)).await?;
        rows.iter().map(holding).collect()
    }

    /// Returns each of these names with the table that it is of, quoted for SQL, if it is one's.
    ///
    /// # Errors
    /// When it cannot be read, or a name is none.
    pub async fn named_tables(
        &mut self,
        names: &[String],
    ) -> Result<Vec<(String, Option<String>)>, Error> {
        let rows = self.rows(sqlx::query(NAMED_TABLES).bind(names)).await?;
        let mut named = Vec::new();
        for row in &rows {
            if row.try_get(1)? {
                named.push((row.try_get(0)?, row.try_get(4)?));
            }
        }
        Ok(named)
    }

    /// Returns the bytes that the database takes; it waits for nobody's lock.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn database_size(&mut self) -> Result<u64, Error> {
        let sql = "SELECT pg_catalog.pg_database_size(current_database())::int8";
        let rows = self.rows(sqlx::query(sql)).await?;
        let row = rows.first().ok_or_else(|| Error::Query("no row".to_owned()))?;
        Ok(u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0))
    }

    /// Returns the whole query and the locks of one backend.
    ///
    /// # Errors
    /// When it cannot be read, or the backend has ended.
    pub async fn backend(&mut self, key: BackendKey) -> Result<BackendDetail, Error> {
        let rows = self.rows(sqlx::query(BACKEND).bind(key.pid).bind(key.backend_start)).await?;
        let gone = || Error::Query(format!("pid {} has ended", key.pid));
        let query: String = rows.first().ok_or_else(gone)?.try_get(0)?;
        let rows = self.rows(sqlx::query(BACKEND_LOCKS).bind(key.pid)).await?;
        let locks = rows.iter().map(lock_line).collect::<Result<_, _>>()?;
        Ok(BackendDetail { backend: key, query: Untrusted::new(query), locks })
    }

    /// Returns the one value of the one row that `select` gives, as text, in a READ ONLY
    /// transaction; `binds` are its `$1`, `$2`… That stops no function: the caller has checked
    /// what it calls.
    ///
    /// # Errors
    /// When it takes longer than `limit`, fails, or gives more than one row or column.
    pub async fn value(
        &mut self,
        select: &str,
        binds: &[Value],
        limit: Duration,
    ) -> Result<Option<String>, Error> {
        let connection = self.connection().await?;
        // The server gives up first, so that the connection stays in step.
        let read = timeout(limit + GRACE, value(connection, select, binds, limit)).await;
        self.kept(read, limit)
    }

    /// Keeps the connection if it has answered within `limit`, and drops it if it has not.
    pub(super) fn kept<T>(
        &mut self,
        read: Result<Result<T, Error>, Elapsed>,
        limit: Duration,
    ) -> Result<T, Error> {
        let Ok(read) = read else {
            self.lose();
            return Err(Error::Query(format!("no answer within {} s", limit.as_secs_f64())));
        };
        self.answered = read.is_ok().then(Instant::now);
        read
    }
}

async fn value(
    connection: &mut PgConnection,
    select: &str,
    binds: &[Value],
    limit: Duration,
) -> Result<Option<String>, Error> {
    let mut transaction = connection.begin_with("BEGIN TRANSACTION READ ONLY").await?;
    let limited = format!("SET LOCAL statement_timeout = {}", limit.as_millis().max(1));
    sqlx::query(AssertSqlSafe(limited)).execute(&mut *transaction).await?;
    // Whoever waits for a lock here stands in the queue before the users of the table.
    sqlx::query("SET LOCAL lock_timeout = '100ms'").execute(&mut *transaction).await?;
    let wrapped = format!(
        "SELECT (SELECT count(*) FROM jsonb_object_keys(to_jsonb(probe)))::int8, \
                probe.value::text FROM (SELECT * FROM ({select}\n) AS asked LIMIT 2) AS probe (value)"
    );
    let query = binds.iter().try_fold(sqlx::query(AssertSqlSafe(wrapped)), bind)?;
    let rows = query.fetch_all(&mut *transaction).await?;
    transaction.rollback().await?;
    match rows.as_slice() {
        [] => Ok(None),
        [row] if row.try_get::<i64, _>(0)? == 1 => Ok(row.try_get(1)?),
        [_] => Err(Error::Query("it gives several columns: a probe gives one value".to_owned())),
        _ => Err(Error::Query("it gives several rows: a probe gives one value".to_owned())),
    }
}

/// Binds a value as the type that is the nearest to it; a length of time goes as text, for
/// `$1::interval`.
fn bind<'q>(query: Query<'q>, value: &Value) -> Result<Query<'q>, Error> {
    Ok(match value {
        Value::Bool(value) => query.bind(*value),
        Value::Int(value) => query.bind(*value),
        Value::Float(value) => query.bind(*value),
        Value::Percent(value) => query.bind(value.value()),
        Value::Text(text) => query.bind(text.clone()),
        Value::Level(level) => query.bind(level.to_string()),
        Value::Period(period) => {
            query.bind(format!("{} milliseconds", period.duration().as_millis()))
        }
        Value::List(names) => query.bind(names.clone()),
        Value::Answer { text, .. } => query.bind(text.clone()),
        Value::Unknown(why) => return Err(Error::Query(format!("a bind is not known: {why}"))),
    })
}

pub(super) type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

pub(super) fn part(row: &PgRow) -> Result<(Part, String), sqlx::Error> {
    let part = Part {
        kind: row.try_get(0)?,
        space: row.try_get(1)?,
        owner: row.try_get(2)?,
        name: row.try_get(3)?,
    };
    Ok((part, row.try_get(4)?))
}

fn advisory(row: &PgRow) -> Result<Advisory, sqlx::Error> {
    Ok(Advisory {
        key: row.try_get(0)?,
        pid: row.try_get(1)?,
        application: row.try_get(2)?,
        database: row.try_get(3)?,
        schema: row.try_get(4)?,
    })
}

fn invalid(row: &PgRow) -> Result<Invalid, sqlx::Error> {
    let name = |at: usize| -> Result<Name, sqlx::Error> {
        Ok(Name::within(row.try_get::<String, _>(at)?, row.try_get::<String, _>(at + 1)?))
    };
    Ok(Invalid {
        oid: row.try_get(0)?,
        name: name(1)?,
        table: name(3)?,
        building: row.try_get(5)?,
        bound: row.try_get(6)?,
    })
}

fn holding(row: &PgRow) -> Result<Holding, Error> {
    let (schema, name): (String, String) = (row.try_get(3)?, row.try_get(4)?);
    Ok(Holding {
        pid: row.try_get(0)?,
        mode: row.try_get(1)?,
        granted: row.try_get(2)?,
        relation: Name::within(schema, name),
        application: Untrusted::new(row.try_get::<String, _>(5)?),
        user: row.try_get::<Option<String>, _>(6)?.map(Untrusted::new),
        state: row.try_get(7)?,
        open_s: row.try_get(8)?,
    })
}

fn lock_line(row: &PgRow) -> Result<String, sqlx::Error> {
    let (granted, mode): (bool, String) = (row.try_get(0)?, row.try_get(1)?);
    let object = Untrusted::new(row.try_get::<String, _>(2)?).one_line();
    let verb = if granted { "holds" } else { "WAITS for" };
    Ok(format!("{verb} {mode} on {object}"))
}
