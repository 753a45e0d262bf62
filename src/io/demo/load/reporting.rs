//! A report that is idle in transaction and so holds ACCESS SHARE on expenses, and
//! a scheduler with a session-level advisory lock. Neither comes back: who ends
//! them has resolved it.

use std::future::pending;
use std::path::Path;

use sqlx::{ConnectOptions as _, PgConnection};

use super::super::{DATABASE, options};

/// The scheduler's advisory lock: any number would do.
const LEADER: i64 = 20_260_101;

pub(super) async fn run(directory: &Path, announce: impl Fn(Result<(), sqlx::Error>)) {
    match open(directory).await {
        Ok(_sessions) => {
            announce(Ok(()));
            pending::<()>().await;
        }
        Err(error) => announce(Err(error)),
    }
}

async fn open(directory: &Path) -> Result<(PgConnection, PgConnection), sqlx::Error> {
    let mut scheduler = options(directory, "scheduler", DATABASE).connect().await?;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(LEADER).execute(&mut scheduler).await?;
    let mut report = options(directory, "reporting", DATABASE).connect().await?;
    sqlx::raw_sql("BEGIN").execute(&mut report).await?;
    sqlx::raw_sql("SELECT category_id, sum(amount)::bigint FROM expenses GROUP BY category_id")
        .execute(&mut report)
        .await?;
    Ok((scheduler, report))
}
