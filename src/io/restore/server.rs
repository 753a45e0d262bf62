//! The server as the acts of a restore reach it: from its maintenance database.

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row as _};

use super::{Failed, Job};
use crate::domain::restore::{Found, Grant, Mark, Properties, Setting, World, literal, quoted};
use crate::domain::untrusted::Untrusted;
use crate::io::child;
use crate::io::postgres::query_error;

/// A dead peer is noticed on either side within a minute; nothing waits for a lock for long.
const SETTINGS: [(&str, &str); 6] = [
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("lock_timeout", "5s"),
    ("statement_timeout", "30s"),
    ("idle_in_transaction_session_timeout", "60s"),
];

const PROPERTIES: &str = include_str!("../../../assets/sql/restore/properties.sql");
const GRANTS: &str = include_str!("../../../assets/sql/restore/grants.sql");
const SETTINGS_OF: &str = include_str!("../../../assets/sql/restore/settings.sql");
/// The first key of our locks on names of databases; no other part of the program has it.
const CLAIMS: i32 = 1_819_043_442;
const CLAIM: &str = "
    SELECT pg_catalog.pg_try_advisory_lock($1,
        ('x' || encode(substr(sha256(convert_to($2::text, 'UTF8')), 1, 4), 'hex'))::bit(32)::int4)";
const FOUND: &str = include_str!("../../../assets/sql/restore/found.sql");

/// Connects to `database`, or to the one that the environment names: the maintenance database.
pub(super) async fn connect(database: Option<&str>) -> Result<PgConnection, String> {
    let options = PgConnectOptions::new().options(SETTINGS);
    child::connect(match database {
        Some(database) => options.database(database),
        None => options,
    })
    .await
}

/// Connects to the maintenance database of the server that is meant, where the databases are
/// still those that were confirmed.
pub(super) async fn open(job: &Job) -> Result<PgConnection, Failed> {
    let mut connection = connect(None).await.map_err(Failed::NotRun)?;
    let is_meant = is_meant(&mut connection, job).await.map_err(|why| refused(&why))?;
    match is_meant {
        true => Ok(connection),
        false => Err(Failed::NotRun("these are not the databases that were confirmed".to_owned())),
    }
}

async fn is_meant(connection: &mut PgConnection, job: &Job) -> sqlx::Result<bool> {
    let system: String = sqlx::query_scalar(
        "SELECT s.system_identifier::text FROM pg_catalog.pg_control_system() s",
    )
    .fetch_one(&mut *connection)
    .await?;
    let live = oid_of(connection, &job.database).await?;
    let new = oid_of(connection, &job.new).await?;
    Ok(system == job.system_identifier && live == Some(job.oid) && new == job.new_oid)
}

/// Returns the OID of the database of that name.
pub(super) async fn oid_of(connection: &mut PgConnection, name: &str) -> sqlx::Result<Option<u32>> {
    let sql = "SELECT d.oid::int8 FROM pg_catalog.pg_database d WHERE d.datname = $1";
    let oid: Option<i64> = sqlx::query_scalar(sql).bind(name).fetch_optional(connection).await?;
    Ok(oid.and_then(|oid| u32::try_from(oid).ok()))
}

/// Runs a statement that returns nothing.
pub(super) async fn execute(connection: &mut PgConnection, sql: &str) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.map(drop)
}

/// Writes a mark into the comment of a database.
pub(super) async fn mark(
    connection: &mut PgConnection,
    database: &str,
    mark: &Mark,
) -> sqlx::Result<()> {
    comment(connection, database, Some(&mark.text())).await
}

/// Sets the comment of a database.
pub(super) async fn comment(
    connection: &mut PgConnection,
    database: &str,
    text: Option<&str>,
) -> sqlx::Result<()> {
    let text = text.map_or_else(|| "NULL".to_owned(), literal);
    execute(connection, &format!("COMMENT ON DATABASE {} IS {text}", quoted(database))).await
}

/// Returns the comment of a database.
pub(super) async fn comment_of(
    connection: &mut PgConnection,
    oid: u32,
) -> sqlx::Result<Option<String>> {
    let sql = "SELECT pg_catalog.shobj_description($1::int8::oid, 'pg_database')::text";
    sqlx::query_scalar(sql).bind(i64::from(oid)).fetch_one(connection).await
}

/// Refuses a database to which nobody can connect: an interrupted DROP DATABASE has left it
/// (`DATCONNLIMIT_INVALID_DB` of PostgreSQL 13.12, 14.9, 15.4, 16 and later), and its name can be
/// changed all the same.
pub(super) async fn is_whole(
    connection: &mut PgConnection,
    name: &str,
    oid: u32,
) -> Result<(), Failed> {
    let sql =
        "SELECT d.datconnlimit = -2 FROM pg_catalog.pg_database d WHERE d.oid = $1::int8::oid";
    let asked = sqlx::query_scalar::<_, bool>(sql).bind(i64::from(oid)).fetch_optional(connection);
    if asked.await.map_err(|error| refused(&error))? != Some(true) {
        return Ok(());
    }
    let name = Untrusted::from(name).one_line();
    Err(Failed::NotRun(format!(
        "an interrupted DROP DATABASE has left {name}: nobody could connect to it"
    )))
}

/// Rows written into a database as the server counts them, and since when it counts.
pub(super) async fn written(
    connection: &mut PgConnection,
    oid: u32,
) -> sqlx::Result<Option<(u64, Option<DateTime<Utc>>)>> {
    let sql = "SELECT (s.tup_inserted + s.tup_updated + s.tup_deleted)::int8, s.stats_reset
                 FROM pg_catalog.pg_stat_database s WHERE s.datid = $1::int8::oid";
    let row = sqlx::query(sql).bind(i64::from(oid)).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(None) };
    let rows: Option<i64> = row.try_get(0)?;
    let rows = rows.and_then(|rows| u64::try_from(rows).ok());
    Ok(rows.zip(Some(row.try_get(1)?)))
}

/// Takes the lock that tells others who is loading the database of that name, until the
/// connection ends; false: somebody else has it.
pub(super) async fn claim(connection: &mut PgConnection, name: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar(CLAIM).bind(CLAIMS).bind(name).fetch_one(connection).await
}

/// Returns what restores have left on the server for one database.
pub(super) async fn world(
    connection: &mut PgConnection,
    oid: u32,
    name: &str,
) -> sqlx::Result<World> {
    let rows =
        sqlx::query(FOUND).bind(name).bind(i64::from(CLAIMS)).fetch_all(&mut *connection).await?;
    let read = |row: &PgRow| {
        let comment: Option<String> = row.try_get(2)?;
        let mark = comment.as_deref().and_then(Mark::read);
        let is_broken: bool = row.try_get(4)?;
        Ok(Found {
            busy: row.try_get(3)?,
            name: row.try_get(0)?,
            oid: u32::try_from(row.try_get::<i64, _>(1)?).unwrap_or_default(),
            mark: if is_broken { mark.map(Mark::given_up) } else { mark },
        })
    };
    let found = rows.iter().map(read).collect::<sqlx::Result<_>>()?;
    let sql = "SELECT d.datname::text FROM pg_catalog.pg_database d ORDER BY 1";
    let taken = sqlx::query_scalar(sql).fetch_all(connection).await?;
    Ok(World { oid, name: name.to_owned(), found, taken })
}

/// Returns what belongs to a database and is in no dump of it.
pub(super) async fn properties(
    connection: &mut PgConnection,
    oid: u32,
) -> sqlx::Result<Properties> {
    let oid = i64::from(oid);
    let row = sqlx::query(PROPERTIES).bind(oid).fetch_one(&mut *connection).await?;
    let has_grants: bool = row.try_get(11)?;
    let grants = match has_grants {
        true => {
            let rows = sqlx::query(GRANTS).bind(oid).fetch_all(&mut *connection).await?;
            Some(rows.iter().map(grant).collect::<sqlx::Result<_>>()?)
        }
        false => None,
    };
    let rows = sqlx::query(SETTINGS_OF).bind(oid).fetch_all(connection).await?;
    let setting = |row: &PgRow| Ok(Setting { role: row.try_get(0)?, text: row.try_get(1)? });
    Ok(Properties {
        owner: row.try_get(0)?,
        encoding: row.try_get(1)?,
        collate: row.try_get(2)?,
        ctype: row.try_get(3)?,
        provider: row.try_get(4)?,
        locale: row.try_get(5)?,
        rules: row.try_get(6)?,
        tablespace: row.try_get(7)?,
        connections: row.try_get(8)?,
        is_template: row.try_get(9)?,
        comment: row.try_get(10)?,
        grants,
        settings: rows.iter().map(setting).collect::<sqlx::Result<_>>()?,
    })
}

fn grant(row: &PgRow) -> sqlx::Result<Grant> {
    Ok(Grant { role: row.try_get(0)?, privilege: row.try_get(1)?, grantable: row.try_get(2)? })
}

/// Returns what the server said, safe to show.
pub(super) fn words(error: &sqlx::Error) -> String {
    query_error(error)
}

/// The server refused before anything was changed.
pub(super) fn refused(error: &sqlx::Error) -> Failed {
    Failed::NotRun(format!("the server refused: {}", words(error)))
}
