//! What stands around the server: replicas, on which sessions go on reading the database from
//! before a swap.

use std::time::Duration;

use futures_util::future::join_all;
use sqlx::Row as _;
use sqlx::postgres::PgConnection;
use tokio::time::{sleep, timeout};

use super::say;
use crate::domain::restore::Replica;
use crate::domain::untrusted::Untrusted;
use crate::io::postgres::target::{environment, read};
use crate::io::postgres::{Purpose, Target, connect, query_error};

/// A replica to which we are connected answers at once, or not.
const CONSOLE: Duration = Duration::from_secs(5);
/// How long a replica may take to replay a swap.
const REPLAY: Duration = Duration::from_secs(10);
const APART: Duration = Duration::from_millis(50);

/// The kind of others' sessions is hidden from a role without `pg_read_all_stats`.
const READERS: &str = "
    SELECT s.system_identifier::text, pg_catalog.pg_is_in_recovery(),
           pg_catalog.pg_has_role(current_user, 'pg_signal_backend', 'USAGE'),
           (SELECT count(*)::int4 FROM pg_catalog.pg_stat_activity a
             WHERE a.datid = $1::int8::oid AND a.usesysid IS NOT NULL
               AND coalesce(a.backend_type, 'client backend') = 'client backend'
               AND NOT starts_with(a.application_name, 'lockkeeper/'))
      FROM pg_catalog.pg_control_system() s";

/// Reads every replica that the configuration names: how many sessions are in the database `oid`.
pub(super) async fn replicas(target: &Target, system: &str, oid: u32) -> Vec<Replica> {
    let all = target.replicas.iter().map(async |dsn| {
        let readers = readers(target, dsn.as_str(), system, oid).await;
        let name = shown(dsn.as_str());
        Replica { name, dsn: dsn.as_str().to_owned(), readers }
    });
    join_all(all).await
}

async fn readers(target: &Target, dsn: &str, system: &str, oid: u32) -> Result<u32, String> {
    let asked = timeout(CONSOLE + target.spec.timeout, ask(target, dsn, system, oid)).await;
    asked.unwrap_or_else(|_| Err("it does not answer in time".to_owned()))
}

async fn ask(target: &Target, dsn: &str, system: &str, oid: u32) -> Result<u32, String> {
    let mut connection = open(dsn, &target.maintenance().database).await?;
    let row = sqlx::query(READERS).bind(i64::from(oid)).fetch_one(&mut connection).await;
    let row = row.map_err(|error| query_error(&error))?;
    let told = |error: sqlx::Error| query_error(&error);
    let (is_other, in_recovery): (String, bool) =
        (row.try_get(0).map_err(told)?, row.try_get(1).map_err(told)?);
    if is_other != system || !in_recovery {
        return Err("it is no replica of this server".to_owned());
    }
    if !row.try_get::<bool, _>(2).map_err(told)? {
        return Err("our role may not end sessions there".to_owned());
    }
    let count: i32 = row.try_get(3).map_err(told)?;
    Ok(u32::try_from(count).unwrap_or_default())
}

async fn open(dsn: &str, database: &str) -> Result<PgConnection, String> {
    let spec = read(dsn, &environment()).map_err(|error| error.to_string())?;
    let opened = connect(&spec.in_database(database), Purpose::Reader).await;
    opened.map_err(|error| error.to_string())
}

/// Ends the sessions that still read the database from before a swap, on each replica once it
/// has replayed the swap: earlier they would come back to the same. The swap is done whatever
/// comes of this; what was not ended is said.
pub(super) async fn end_readers(primary: &mut PgConnection, dsns: &[String], oid: u32) -> String {
    if dsns.is_empty() {
        return String::new();
    }
    let sql = "SELECT pg_catalog.pg_current_wal_lsn()::text, current_database()::text";
    let at: Result<(String, String), _> = sqlx::query_as(sql).fetch_one(primary).await;
    let ended = dsns.iter().map(async |dsn| {
        let name = shown(dsn);
        let ended = match &at {
            Ok((lsn, database)) => end_on(dsn, database, lsn, oid).await,
            Err(error) => Err(query_error(error)),
        };
        match ended {
            Ok(ended) => {
                say(&format!("{ended} sessions were ended on the replica {name}"));
                None
            }
            Err(why) => Some(format!(
                "; on the replica {name} sessions may go on reading the OLD database, end them \
                 there: {why}"
            )),
        }
    });
    join_all(ended).await.into_iter().flatten().collect()
}

async fn end_on(dsn: &str, database: &str, lsn: &str, oid: u32) -> Result<i64, String> {
    let mut replica = open(dsn, database).await?;
    let replayed = async {
        let sql = "SELECT coalesce(pg_catalog.pg_last_wal_replay_lsn() >= $1::pg_lsn, true)";
        while !sqlx::query_scalar::<_, bool>(sql).bind(lsn).fetch_one(&mut replica).await? {
            sleep(APART).await;
        }
        let sql = "SELECT count(pg_catalog.pg_terminate_backend(a.pid))::int8
                     FROM pg_catalog.pg_stat_activity a
                    WHERE a.datid = $1::int8::oid AND a.usesysid IS NOT NULL
                      AND coalesce(a.backend_type, 'client backend') = 'client backend'";
        sqlx::query_scalar(sql).bind(i64::from(oid)).fetch_one(&mut replica).await
    };
    match timeout(REPLAY, replayed).await {
        Ok(ended) => ended.map_err(|error: sqlx::Error| query_error(&error)),
        Err(_) => Err(format!("it has not replayed the swap within {} s", REPLAY.as_secs())),
    }
}

fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}
