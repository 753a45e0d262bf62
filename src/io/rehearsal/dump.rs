//! The dump that a copy is made of: by the program that backups are made with, on this machine or
//! behind the prefix of `[backups.client]`.

use std::fs::OpenOptions;
use std::io::{self, BufReader};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use super::Order;
use super::copy::told;
use crate::domain::connection::Spec;
use crate::domain::untrusted::Untrusted;
use crate::io::act::inherited;
use crate::io::allowed::Allowed;
use crate::io::blocking::blocking;
use crate::io::client;
use crate::io::driver::environment;
use crate::io::postgres::{Purpose, connect};
use crate::io::site::Site;
use crate::io::tool::Tool;
use crate::session::making::PG_DUMP;

/// What `pg_dump` is called on the target.
const DUMPS: &str = "lockkeeper/rehearse dump";

/// Writes the dump of the target, a server of that major version.
pub(super) async fn dump(
    site: &Site,
    order: &Order,
    major: u32,
    path: &Path,
    tell: &mut dyn FnMut(&str),
) -> Result<(), String> {
    let allowed = Allowed::in_state(&site.paths.state);
    let found = client::find(site, &allowed, "pg_dump", major).await?;
    let spec = &site.target.spec;
    tell(&format!("pg_dump {} reads {}", found.version, spec.database));
    let tool = Tool::of(&found);
    let mut arguments = arguments(order);
    let mut held = None;
    if tool.is_elsewhere() {
        // Where a prefix leads nobody knows: no other server has this snapshot.
        let (connection, snapshot) = exported(spec).await?;
        arguments.push(format!("--snapshot={snapshot}"));
        held = Some(connection);
    }
    let mut command = command(&tool, spec, arguments);
    command.current_dir(&site.project);
    let written = blocking(|| write(command, path));
    if let Some(connection) = held {
        drop(connection.close().await);
    }
    written
}

fn arguments(order: &Order) -> Vec<String> {
    let mut arguments: Vec<String> = PG_DUMP.map(str::to_owned).to_vec();
    arguments.push("--lock-wait-timeout=5000".to_owned());
    if order.schema_only {
        arguments.push("--schema-only".to_owned());
    }
    arguments.extend(order.exclude.iter().map(|table| format!("--exclude-table-data={table}")));
    arguments
}

/// Returns a snapshot of the target, and the connection that it lasts as long as.
async fn exported(spec: &Spec) -> Result<(PgConnection, String), String> {
    let opened = connect(spec, Purpose::Work).await;
    let mut connection = opened.map_err(|error| error.to_string())?;
    let taken = async {
        let begin = "SET idle_in_transaction_session_timeout = 0; \
                     BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        sqlx::raw_sql(begin).execute(&mut connection).await?;
        let sql = "SELECT pg_catalog.pg_export_snapshot()::text";
        sqlx::query_scalar(sql).fetch_one(&mut connection).await
    };
    let taken: sqlx::Result<String> = taken.await;
    taken.map(|snapshot| (connection, snapshot)).map_err(|error| told(&error))
}

fn command(tool: &Tool, spec: &Spec, arguments: Vec<String>) -> Command {
    let environment = environment::for_backup(spec, DUMPS, "");
    let mut command = tool.command().into_std();
    command.env_clear().envs(inherited()).env("LC_ALL", "C");
    command.envs(environment.iter().map(|(name, value)| (name, value.expose())));
    command.args(arguments).args(tool.connection_by(&spec.database, &environment));
    command
}

/// Writes the dump through a pipe of ours: its end ends `pg_dump`, however we end.
fn write(mut command: Command, path: &Path) -> Result<(), String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let cannot = |error: io::Error| format!("pg_dump: {error}");
    let mut child = command.spawn().map_err(cannot)?;
    let said = child.stderr.take().expect("it is piped");
    let last = thread::spawn(move || trouble(BufReader::new(said)));
    let mut from = child.stdout.take().expect("it is piped");
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let copied = file.and_then(|mut file| io::copy(&mut from, &mut file));
    drop(from);
    let status = child.wait().map_err(cannot)?;
    let last = last.join().unwrap_or_default();
    let copied = copied.map_err(|error| format!("{}: {error}", path.display()));
    if status.success() {
        return copied.map(drop);
    }
    let last = if last.is_empty() { format!("it ended with {status}") } else { last.join("; ") };
    Err(format!("the source cannot be dumped: {}", Untrusted::new(last).one_line()))
}

/// Returns the last lines that tell what went wrong: `pg_dump`'s own, or if it has none, those of
/// what was to run it.
fn trouble(said: impl io::BufRead) -> Vec<String> {
    const LAST: usize = 4;
    let is_trouble =
        |rest: &str| ["error:", "detail:", "hint:"].iter().any(|word| rest.starts_with(word));
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for line in said.lines().map_while(Result::ok) {
        match line.strip_prefix("pg_dump: ") {
            Some(rest) if is_trouble(rest) => own.push(line),
            None if own.is_empty() && !line.trim().is_empty() => others.push(line),
            _ => {}
        }
        // However much is said.
        others.drain(..others.len().saturating_sub(LAST));
    }
    let mut last = if own.is_empty() { others } else { own };
    last.drain(..last.len().saturating_sub(LAST));
    last
}
