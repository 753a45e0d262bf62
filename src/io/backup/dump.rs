//! `pg_dump` itself: what it is given, what it says, and its end.

use std::collections::{HashMap, VecDeque};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::file::Partial;
use super::snapshot::{Named, Snapshot, Table};
use super::{Job, say};
use crate::domain::backup::Scope;
use crate::domain::untrusted::Untrusted;
use crate::io::child::Failed;
use crate::io::process;
use crate::session::making::PG_DUMP;

/// How long it may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(5);
/// How many of the last words of a failure are told.
const LAST: usize = 6;
/// What stands before the name of a table whose rows are next (`dumpTableData` of PostgreSQL).
const ROWS: &str = "pg_dump: dumping contents of table ";

/// A running `pg_dump`.
pub(super) struct Dump {
    child: Child,
    said: BufReader<ChildStderr>,
}

impl Dump {
    /// Starts it on the snapshot; its standard output is the file.
    pub fn start(
        job: &Job,
        named: &Named,
        snapshot: &Snapshot,
        partial: &Partial,
    ) -> Result<Self, Failed> {
        let program = job.pg_dump.program.display();
        let cannot = |error| Failed::Running(format!("{program}: {error}"));
        let mut command = job.pg_dump.command();
        command.args(PG_DUMP).args(job.pg_dump.connection(&snapshot.database));
        if job.scope == Scope::Schema {
            command.arg("--schema-only");
        }
        if !named.patterns.is_empty() {
            // A name that fits nothing would be left out without a word.
            command.arg("--strict-names");
        }
        command.args(named.patterns.iter().map(|pattern| format!("--table={pattern}")));
        let mut child = command
            .arg(format!("--lock-wait-timeout={}", job.lock_wait.as_millis()))
            .arg(format!("--snapshot={}", snapshot.id))
            .stdin(Stdio::null())
            .stdout(partial.stdout().map_err(cannot)?)
            .stderr(Stdio::piped())
            .spawn()
            .map_err(cannot)?;
        let said = child.stderr.take().expect("it is piped");
        Ok(Self { child, said: BufReader::new(said) })
    }

    /// Follows it to its end. `locked` is told once it has its locks and writes rows.
    pub async fn follow(
        &mut self,
        tables: &[Table],
        locked: oneshot::Sender<()>,
    ) -> Result<(), Failed> {
        let (mut last, mut locked) = (VecDeque::new(), Some(locked));
        let (mut at, mut line) = (Progress::of(tables), Vec::new());
        while self.next_line(&mut line).await {
            let text = Untrusted::from_bytes(line.trim_ascii_end());
            if let Some(table) = text.raw().strip_prefix(ROWS) {
                say(&at.next(table.trim_matches('"')));
                // Whoever waited for it is gone only when all is over.
                locked.take().map(|locked| locked.send(()));
            } else if is_trouble(text.raw()) {
                say(&text.one_line());
                last.push_back(text.one_line());
                last.drain(..last.len().saturating_sub(LAST));
            }
        }
        let status = self.child.wait().await.map_err(|error| Failed::Running(error.to_string()))?;
        if status.success() { Ok(()) } else { Err(Failed::Running(words(status, last))) }
    }

    /// Reads a line, however long and of whatever bytes; false at the end.
    async fn next_line(&mut self, line: &mut Vec<u8>) -> bool {
        line.clear();
        matches!(self.said.read_until(b'\n', line).await, Ok(1..))
    }

    /// Ends it: asked first, so that it cancels its statement on the server.
    pub async fn end(mut self) {
        if let Some(pid) = self.child.id().and_then(process::pid) {
            // It may have ended just now.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        if timeout(GRACE, self.child.wait()).await.is_err() {
            drop(self.child.kill().await);
        }
    }
}

/// How far the rows are: by the tables' pages, since a hundred small ones are nothing beside
/// a large one.
struct Progress {
    pages: HashMap<String, u64>,
    all: u64,
    done: u64,
    begun: usize,
    /// Pages of the table that is written now.
    now: u64,
}

impl Progress {
    fn of(tables: &[Table]) -> Self {
        let pages: HashMap<String, u64> =
            tables.iter().map(|table| (table.name.clone(), table.pages)).collect();
        let all = pages.values().sum();
        Self { pages, all, done: 0, begun: 0, now: 0 }
    }

    /// Takes the table whose rows are next; returns what is told.
    fn next(&mut self, table: &str) -> String {
        self.done += self.now;
        self.now = self.pages.get(table).copied().unwrap_or(0);
        self.begun += 1;
        let percent = (self.done * 100).checked_div(self.all).unwrap_or(0);
        let (begun, tables) = (self.begun, self.pages.len());
        let table = Untrusted::from(table).one_line();
        format!("rows of table {begun}/{tables}, {percent} % done: {table}")
    }
}

/// Returns true for what goes wrong, and for its details.
fn is_trouble(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("pg_dump: ") else { return true };
    ["error:", "warning:", "detail:", "hint:", "fatal:"].iter().any(|word| rest.starts_with(word))
}

fn words(status: ExitStatus, last: VecDeque<String>) -> String {
    if last.is_empty() {
        return format!("pg_dump ended with {status}");
    }
    Vec::from(last).join("; ")
}
