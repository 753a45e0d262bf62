//! SQL of a runbook's step, sent as it was confirmed, in one message.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Instant;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::{ended, explain, notice, say};
use crate::io::child;
use crate::io::child::Failed;
use crate::io::postgres::connect::watch_client;

/// Runs the child's command line, which is the SQL alone; `connect` says how to reach the
/// database.
pub fn main(
    args: &[OsString],
    connect: impl FnOnce() -> Result<PgConnectOptions, String>,
) -> ExitCode {
    notice::to_stderr();
    let text = match args {
        [text] => text.to_str().ok_or_else(|| "the SQL is not UTF-8".to_owned()),
        _ => Err("exactly one argument is taken: the SQL".to_owned()),
    };
    let done = text.and_then(|text| Ok((text, connect()?))).map_err(Failed::NotRun);
    ended(done.and_then(|(text, options)| child::runtime()?.block_on(run(text, options))))
}

async fn run(text: &str, options: PgConnectOptions) -> Result<(), Failed> {
    let connected = options.disable_statement_logging().connect().await;
    let mut connection = connected
        .map_err(|error| Failed::NotRun(format!("cannot connect: {}", explain(&error))))?;
    // Without it, a statement that waits for a lock runs on after its program is gone.
    watch_client(&mut connection).await;
    let sent = send(text, &mut connection).await;
    drop(connection.close().await);
    sent
}

async fn send(text: &str, connection: &mut PgConnection) -> Result<(), Failed> {
    let began = Instant::now();
    let done = sqlx::raw_sql(AssertSqlSafe(text)).execute(connection).await;
    let done = done.map_err(|error| Failed::Running(explain(&error)))?;
    let (rows, took) = (done.rows_affected(), began.elapsed().as_secs_f64());
    say(&format!("done in {took:.3} s · {rows} rows"));
    Ok(())
}
