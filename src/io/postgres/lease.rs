//! One writer per target: an advisory lock, held by an idle session of its own.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::time::sleep;

use super::connect::{Purpose, connect, within};
use super::explain::{ConnectError, query_error};
use super::fault::Fault;
use super::identity;
use crate::domain::connection::Spec;
use crate::domain::identity::Identity;
use crate::domain::untrusted::Untrusted;

/// How long one question may take: a lease that does not answer counts as lost.
const LIMIT: Duration = Duration::from_secs(10);

/// How long the backend of a session whose client has died may take to notice.
const LEAVES: Duration = Duration::from_millis(500);

/// The right to act on a target, while its session lives.
///
/// Losing it stops nothing and starts nothing by itself; that is for the caller to tell.
#[derive(Debug)]
pub struct Lease {
    key: i64,
    pid: i32,
    to: String,
    connection: Option<PgConnection>,
}

/// Why there is no lease.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection to the maintenance database.
    #[error("the lease needs a connection of its own: {0}")]
    Connect(#[from] ConnectError),
    /// Somebody else acts on the target.
    #[error("{}", held(holder.as_ref()))]
    Held {
        /// Who; unknown when our role may not see it, or it let go just then.
        holder: Option<Holder>,
    },
    /// A second connection was given the same lock: a pooler shares one session among several.
    #[error(
        "a second connection to {to} was given the lease as well, so a connection pooler stands \
         between; give the server's own address and port"
    )]
    PoolerSuspected {
        /// The connection.
        to: String,
    },
    /// A lock on a replica keeps nobody from the primary.
    #[error("{to} is a replica: a lease there keeps nobody out; connect to the primary")]
    Replica {
        /// The connection.
        to: String,
    },
    /// The maintenance connection reached another server than the target's.
    #[error(
        "{to} is another server (system identifier {found}) than the target's ({wanted}); \
         correct maintenance_db or the address"
    )]
    OtherServer {
        /// The connection.
        to: String,
        /// The target's system identifier.
        wanted: String,
        /// The one that answered.
        found: String,
    },
    /// The server's identity is unknown.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// The session that held it has ended or does not answer.
    #[error(
        "the lease on {to} is lost ({why}): another operator may act now. What runs goes on; \
         start nothing before the lease is taken again"
    )]
    Lost {
        /// The connection.
        to: String,
        /// The reason.
        why: String,
    },
}

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The session's pid.
    pub pid: i32,
    /// Its role.
    pub user: Untrusted,
    /// Its `application_name`.
    pub application: Untrusted,
    /// Where it connects from; `local` for a Unix socket.
    pub client: Untrusted,
    /// When the session began.
    pub since: Option<DateTime<Utc>>,
}

fn held(holder: Option<&Holder>) -> String {
    let next = "wait until that run ends, or follow it with lockkeeper follow";
    let Some(Holder { pid, user, application, client, since }) = holder else {
        return format!("another session holds the lease on this target; {next}");
    };
    let since = since.map_or_else(String::new, |since| format!(" since {}", since.to_rfc3339()));
    format!(
        "the lease on this target is held by {} as role {} from {} (pid {pid}{since}); {next}",
        application.one_line(),
        user.one_line(),
        client.one_line(),
    )
}

/// Returns the advisory lock's number for a database of a server.
#[must_use]
pub fn key(target: &Identity) -> i64 {
    let mut hash = Sha256::new();
    for part in ["lockkeeper lease", &target.system_identifier, &target.database] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let (first, _) = digest.split_first_chunk().expect("a SHA-256 has more than eight bytes");
    i64::from_be_bytes(*first)
}

impl Lease {
    /// Takes the lease on `target` through `maintenance`, and proves by a second connection
    /// that it keeps others out.
    ///
    /// Advisory locks belong to a database: all operators must name the same maintenance
    /// database, which is `postgres` unless the configuration says otherwise.
    ///
    /// # Errors
    /// [`Error`]; nothing is held then.
    pub async fn take(maintenance: &Spec, target: &Identity) -> Result<Self, Error> {
        let mut connection = open(maintenance).await?;
        check_server(&mut connection, maintenance, target).await?;
        let key = key(target);
        let lost = |why| Error::Lost { to: maintenance.describe(), why };
        let mut is_last = false;
        while !ask_for_lock(&mut connection, key).await.map_err(lost)? {
            if is_last {
                let holder = holder(&mut connection, key).await.map_err(lost)?;
                return Err(Error::Held { holder });
            }
            // That of a console that was just killed is free as soon as its backend notices.
            sleep(LEAVES).await;
            is_last = true;
        }
        prove_exclusive(maintenance, key).await?;
        let pid = backend_pid(&mut connection).await.map_err(lost)?;
        Ok(Self { key, pid, to: maintenance.describe(), connection: Some(connection) })
    }

    /// Returns who holds the lease on `target`, if somebody does; takes nothing.
    ///
    /// # Errors
    /// [`Error`]: it is not known then.
    pub async fn look(maintenance: &Spec, target: &Identity) -> Result<Option<Holder>, Error> {
        let mut connection = open(maintenance).await?;
        check_server(&mut connection, maintenance, target).await?;
        let lost = |why| Error::Lost { to: maintenance.describe(), why };
        let found = holder(&mut connection, key(target)).await.map_err(lost);
        // It was only asked: how the session ends changes nothing.
        let _ = within(LIMIT, connection.close()).await;
        found
    }

    /// Returns the pid of the session that holds it, which is never to be signalled.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Asks the session for a sign of life. Once lost, it stays lost.
    ///
    /// # Errors
    /// [`Error::Lost`]; no answer in time counts as lost, because unknown is not held.
    pub async fn is_alive(&mut self) -> Result<(), Error> {
        let Some(connection) = &mut self.connection else {
            return Err(self.lost("its session ended earlier".into()));
        };
        match backend_pid(connection).await {
            Ok(pid) if pid == self.pid => Ok(()),
            Ok(_) => Err(self.lost("another session answers in its place".into())),
            Err(why) => Err(self.lost(why)),
        }
    }

    fn lost(&mut self, why: String) -> Error {
        self.connection = None;
        Error::Lost { to: self.to.clone(), why }
    }

    /// Gives the lease back.
    ///
    /// # Errors
    /// [`Error::Lost`] when it was not held any more.
    pub async fn release(mut self) -> Result<(), Error> {
        self.is_alive().await?;
        let Some(mut connection) = self.connection.take() else {
            return Ok(());
        };
        let sql = "SELECT pg_advisory_unlock($1::int8)::bool";
        let freed: bool = answer(sqlx::query(sql).bind(self.key), &mut connection)
            .await
            .map_err(|why| Error::Lost { to: self.to.clone(), why })?;
        // The lock is gone or was not there: how the session ends changes nothing.
        let _ = within(LIMIT, connection.close()).await;
        if freed { Ok(()) } else { Err(self.lost("the session did not hold the lock".into())) }
    }
}

async fn open(maintenance: &Spec) -> Result<PgConnection, Error> {
    connect(maintenance, Purpose::Lease).await.map_err(|error| match error.fault {
        Fault::Pooler => Error::PoolerSuspected { to: error.to },
        _ => Error::Connect(error),
    })
}

async fn check_server(
    connection: &mut PgConnection,
    maintenance: &Spec,
    target: &Identity,
) -> Result<(), Error> {
    let found = identity::identity(connection, maintenance).await?;
    if found.system_identifier != target.system_identifier {
        return Err(Error::OtherServer {
            to: maintenance.describe(),
            wanted: target.system_identifier.clone(),
            found: found.system_identifier,
        });
    }
    if found.primary { Ok(()) } else { Err(Error::Replica { to: maintenance.describe() }) }
}

/// Checks that a second session is refused: behind a pooler it would share the first one's.
async fn prove_exclusive(maintenance: &Spec, key: i64) -> Result<(), Error> {
    let mut second = open(maintenance).await?;
    let given = ask_for_lock(&mut second, key)
        .await
        .map_err(|why| Error::Lost { to: maintenance.describe(), why })?;
    let _ = within(LIMIT, second.close()).await;
    if given { Err(Error::PoolerSuspected { to: maintenance.describe() }) } else { Ok(()) }
}

async fn ask_for_lock(connection: &mut PgConnection, key: i64) -> Result<bool, String> {
    let sql = "SELECT pg_try_advisory_lock($1::int8)::bool";
    answer(sqlx::query(sql).bind(key), connection).await
}

async fn backend_pid(connection: &mut PgConnection) -> Result<i32, String> {
    answer(sqlx::query("SELECT pg_backend_pid()::int4"), connection).await
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Runs a statement that returns one value.
async fn answer<T>(query: Query<'_>, connection: &mut PgConnection) -> Result<T, String>
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    let row = in_time(query.fetch_one(connection)).await?;
    row.try_get(0).map_err(|error| query_error(&error))
}

async fn in_time<T>(work: impl Future<Output = sqlx::Result<T>>) -> Result<T, String> {
    within(LIMIT, work)
        .await
        .ok_or_else(|| format!("no answer within {} s", LIMIT.as_secs()))?
        .map_err(|error| query_error(&error))
}

/// `pg_locks` shows an int8 key as two halves in `classid` and `objid`, with `objsubid` 1.
const HOLDER: &str = "
    SELECT l.pid::int4,
           a.usename::text,
           a.application_name::text,
           coalesce(host(a.client_addr), 'local')::text,
           a.backend_start::timestamptz
      FROM pg_catalog.pg_locks l
      LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
       AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d
                          WHERE d.datname = current_database())
       AND (l.classid::int8 << 32 | l.objid::int8) = $1::int8
     LIMIT 1";

async fn holder(connection: &mut PgConnection, key: i64) -> Result<Option<Holder>, String> {
    let row = in_time(sqlx::query(HOLDER).bind(key).fetch_optional(connection)).await?;
    row.map(|row| {
        let text = |index| row.try_get::<Option<String>, usize>(index);
        Ok(Holder {
            pid: row.try_get(0)?,
            user: text(1)?.unwrap_or_else(|| "?".into()).into(),
            application: text(2)?.unwrap_or_else(|| "?".into()).into(),
            client: text(3)?.unwrap_or_else(|| "?".into()).into(),
            since: row.try_get(4)?,
        })
    })
    .transpose()
    .map_err(|error| query_error(&error))
}
