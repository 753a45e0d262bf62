//! What a restore's plan stands on, read on connections of its own: nothing of it waits.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rustix::fs::statvfs;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use tokio::time::timeout;

use super::{around, pooler, server};
use crate::domain::connection::{Place, Spec};
use crate::domain::restore::{
    Act, Extension, Goal, Next, Preflight, Properties, Rights, World, next,
};
use crate::io::postgres::{Purpose, Target, connect, query_error};
use crate::session::restore::Written;

const PREFLIGHT: &str = include_str!("../../../assets/sql/restore/preflight.sql");
const TABLES: &str = include_str!("../../../assets/sql/dumped_tables.sql");
const EXTENSIONS: &str = "
    SELECT e.extname::text, e.extversion::text, a.default_version::text
      FROM pg_catalog.pg_extension e
      LEFT JOIN pg_catalog.pg_available_extensions a ON a.name = e.extname
     ORDER BY 1";

/// How long counting the live tables may take in all; what is left then is not known.
const COUNTING: Duration = Duration::from_secs(6);

/// How long all of it may take: each statement has its own limit on the server, and more than
/// this is a network that carries nothing.
const LIMIT: Duration = Duration::from_secs(45);

/// What was read.
#[derive(Debug)]
pub struct Look {
    /// What restores have left.
    pub world: World,
    /// What speaks against one.
    pub preflight: Preflight,
    /// What belongs to the live database and is in no dump.
    pub properties: Properties,
    /// Rows written into it.
    pub written: Option<Written>,
    /// Rows of its tables; empty if they were not asked for.
    pub live: BTreeMap<String, Option<u64>>,
    /// The server's clock.
    pub now: DateTime<Utc>,
}

/// Reads what a restore of the database `oid` stands on; counts its tables only where the next
/// act towards `goal` loses what is in them.
///
/// # Errors
/// Why it cannot be read.
pub async fn look(target: &Target, oid: u32, goal: Option<&Goal>) -> Result<Look, String> {
    look_within(target, oid, goal, LIMIT).await
}

/// Reads the same within a limit of the caller's choice.
///
/// # Errors
/// Why it cannot be read.
pub async fn look_within(
    target: &Target,
    oid: u32,
    goal: Option<&Goal>,
    limit: Duration,
) -> Result<Look, String> {
    let open = |spec: Spec| async move {
        connect(&spec, Purpose::Reader).await.map_err(|error| error.to_string())
    };
    let mut shared = open(target.maintenance()).await?;
    let mut own = open(target.spec.clone()).await?;
    let Ok(read) = timeout(limit, read(&mut shared, &mut own, target, oid, goal)).await else {
        return Err(format!("no answer within {} s", limit.as_secs()));
    };
    drop(shared.close().await);
    drop(own.close().await);
    read.map_err(|error| query_error(&error))
}

async fn read(
    shared: &mut PgConnection,
    own: &mut PgConnection,
    target: &Target,
    oid: u32,
    goal: Option<&Goal>,
) -> sqlx::Result<Look> {
    let preflight = preflight(shared, own, target, oid).await?;
    let written = server::written(shared, oid).await?;
    let world = server::world(shared, oid, &target.spec.database).await?;
    let loses = |goal| matches!(next(goal, &world), Next::Act(Act::Load | Act::Swap, _));
    let counts = goal.is_some_and(loses);
    Ok(Look {
        preflight,
        properties: server::properties(shared, oid).await?,
        written: written.map(|(rows, since)| Written { rows, since }),
        world,
        live: if counts { count(own).await? } else { BTreeMap::new() },
        now: sqlx::query_scalar("SELECT now()").fetch_one(shared).await?,
    })
}

/// Returns what restores have left on the server for the database `oid` of that name.
///
/// # Errors
/// When the server refuses.
pub async fn world(connection: &mut PgConnection, oid: u32, name: &str) -> sqlx::Result<World> {
    server::world(connection, oid, name).await
}

/// Returns what speaks against a restore of the database `oid`; `shared` may be connected to
/// any database of the server, `own` to that one.
///
/// # Errors
/// When the server refuses.
pub async fn preflight(
    shared: &mut PgConnection,
    own: &mut PgConnection,
    target: &Target,
    oid: u32,
) -> sqlx::Result<Preflight> {
    let row = sqlx::query(PREFLIGHT).bind(i64::from(oid)).fetch_one(shared).await?;
    let extensions = sqlx::query(EXTENSIONS).fetch_all(&mut *own).await?;
    let extension = |row: &PgRow| {
        Ok(Extension {
            name: row.try_get(0)?,
            installed: row.try_get(1)?,
            available: row.try_get(2)?,
        })
    };
    let sql = "SELECT pg_catalog.pg_database_size($1::int8::oid)::int8";
    let size = sqlx::query_scalar::<_, i64>(sql).bind(i64::from(oid)).fetch_one(own).await;
    let number = |at: usize| -> sqlx::Result<u32> {
        Ok(u32::try_from(row.try_get::<i32, _>(at)?).unwrap_or_default())
    };
    let directory: Option<String> = row.try_get(13)?;
    let system: String = row.try_get(14)?;
    let (replicas, pooler) = tokio::join!(
        Box::pin(around::replicas(target, &system, oid)),
        Box::pin(pooler::pooler(target))
    );
    Ok(Preflight {
        replicas,
        pooler,
        rights: Rights {
            role: row.try_get(0)?,
            creates: row.try_get(1)?,
            owns: row.try_get(2)?,
            signals: row.try_get(3)?,
            superuser: row.try_get(4)?,
        },
        owner: row.try_get(5)?,
        size: size.ok().and_then(|size| u64::try_from(size).ok()),
        archive: None,
        free: directory.and_then(|directory| free(&target.spec, &directory)),
        sessions: number(6)?,
        unkillable: number(7)?,
        standbys: row.try_get(8)?,
        slots: row.try_get(9)?,
        subscriptions: row.try_get(10)?,
        prepared: row.try_get(11)?,
        managed: row.try_get(12)?,
        extensions: extensions.iter().map(extension).collect::<sqlx::Result<_>>()?,
    })
}

/// Returns the bytes that are free where a server keeps its data, if it is on this machine: a
/// port may lead anywhere, a socket leads nowhere else.
fn free(target: &Spec, directory: &str) -> Option<u64> {
    let Place::Socket(_) = &target.place else { return None };
    let found = statvfs(directory).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Counts the rows of the live tables, as many as there is time for.
async fn count(connection: &mut PgConnection) -> sqlx::Result<BTreeMap<String, Option<u64>>> {
    let end = Instant::now() + COUNTING;
    let tables = sqlx::query(TABLES).fetch_all(&mut *connection).await?;
    let mut counts = BTreeMap::new();
    for table in &tables {
        let (schema, name, quoted): (String, String, String) =
            (table.try_get(0)?, table.try_get(1)?, table.try_get(2)?);
        let left = end.saturating_duration_since(Instant::now()).as_millis();
        let rows = if left > 0 { count_one(connection, &quoted, left).await? } else { None };
        counts.insert(format!("{schema}.{name}"), rows);
    }
    Ok(counts)
}

/// Returns the rows of a table, or `None` where the server gave up: it is locked, or large.
async fn count_one(
    connection: &mut PgConnection,
    table: &str,
    limit: u128,
) -> sqlx::Result<Option<u64>> {
    let limit = format!("SET statement_timeout = {limit}");
    sqlx::raw_sql(AssertSqlSafe(limit)).execute(&mut *connection).await?;
    let sql = format!("SELECT count(*)::int8 FROM ONLY {table}");
    match sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).fetch_one(connection).await {
        Ok(rows) => Ok(u64::try_from(rows).ok()),
        Err(sqlx::Error::Database(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
