//! SQL of a runbook's step, sent as it was confirmed: in one message, or one statement with the
//! values of its parameters beside it.

use std::ffi::OsString;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Instant;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection};
use sqlx::query::Query;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Either, Executor as _, Postgres,
    SqlSafeStr as _, Statement as _, TypeInfo as _,
};

use super::{ended, explain, notice, say};
use crate::io::child;
use crate::io::child::Failed;
use crate::io::postgres::connect::watch_client;
use crate::io::postgres::connect_error;

/// What the child was given.
struct Given {
    text: String,
    /// The values of `$1`, `$2`…
    values: Vec<String>,
}

/// Runs the child's command line, which is the SQL and the values of its parameters; `connect`
/// says how to reach the database.
pub fn main(
    args: &[OsString],
    connect: impl FnOnce() -> Result<PgConnectOptions, String>,
) -> ExitCode {
    notice::to_stderr();
    let done = given(args).and_then(|given| Ok((given, connect()?))).map_err(Failed::NotRun);
    ended(done.and_then(|(given, options)| child::runtime()?.block_on(run(&given, options))))
}

fn given(args: &[OsString]) -> Result<Given, String> {
    let words: Option<Vec<&str>> = args.iter().map(|word| word.to_str()).collect();
    match words.ok_or("the SQL or a value is not UTF-8")?.as_slice() {
        [text, values @ ..] => Ok(Given {
            text: (*text).to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        }),
        [] => Err("the SQL is missing".to_owned()),
    }
}

async fn run(given: &Given, options: PgConnectOptions) -> Result<(), Failed> {
    let connected = options.disable_statement_logging().connect().await;
    let mut connection = connected
        .map_err(|error| Failed::NotRun(format!("cannot connect: {}", connect_error(&error))))?;
    // Without it, a statement that waits for a lock runs on after its program is gone.
    watch_client(&mut connection).await;
    let began = Instant::now();
    let sent = match given.values.is_empty() {
        true => send(&given.text, &mut connection).await,
        false => send_bound(given, &mut connection).await,
    };
    drop(connection.close().await);
    let took = began.elapsed().as_secs_f64();
    sent.map(|rows| say(&format!("done in {took:.3} s · {rows} rows")))
}

async fn send(text: &str, connection: &mut PgConnection) -> Result<u64, Failed> {
    let done = sqlx::raw_sql(AssertSqlSafe(text)).execute(connection).await;
    done.map(|done| done.rows_affected()).map_err(|error| Failed::Running(explain(&error)))
}

/// Prepares the statement, so that the server says which type each parameter has, and sends the
/// values as those types.
async fn send_bound(given: &Given, connection: &mut PgConnection) -> Result<u64, Failed> {
    let text = AssertSqlSafe(given.text.clone()).into_sql_str();
    let prepared = connection.prepare(text).await;
    let prepared = prepared.map_err(|error| Failed::NotRun(explain(&error)))?;
    let types: Vec<String> = match prepared.parameters() {
        Some(Either::Left(types)) => types.iter().map(|one| one.name().to_owned()).collect(),
        _ => Vec::new(),
    };
    if types.len() != given.values.len() {
        let (takes, values) = (types.len(), given.values.len());
        let what = format!("the statement takes {takes} values, and {values} are given");
        return Err(Failed::NotRun(what));
    }
    let mut query = prepared.query();
    for (at, (name, value)) in types.iter().zip(&given.values).enumerate() {
        query = bind(query, name, value)
            .map_err(|why| Failed::NotRun(format!("${}: {why}", at + 1)))?;
        say(&format!("${} is bound as {}", at + 1, name.to_lowercase()));
    }
    let done = query.execute(connection).await;
    done.map(|done| done.rows_affected()).map_err(|error| Failed::Running(explain(&error)))
}

type Bound<'q> = Query<'q, Postgres, PgArguments>;

/// Binds a value as the type that the server expects.
fn bind<'q>(query: Bound<'q>, name: &str, value: &str) -> Result<Bound<'q>, String> {
    Ok(match name {
        "BOOL" => query.bind(read::<bool>(name, value)?),
        "INT2" => query.bind(read::<i16>(name, value)?),
        "INT4" => query.bind(read::<i32>(name, value)?),
        "INT8" => query.bind(read::<i64>(name, value)?),
        "FLOAT4" => query.bind(read::<f32>(name, value)?),
        "FLOAT8" => query.bind(read::<f64>(name, value)?),
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" => query.bind(value.to_owned()),
        other => {
            let other = other.to_lowercase();
            return Err(format!(
                "it is of the type {other}, which is not bound: write $n::text::{other}"
            ));
        }
    })
}

fn read<T: FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{value:?} is no {}", name.to_lowercase()))
}
