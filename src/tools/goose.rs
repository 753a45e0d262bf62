//! goose 3: `VERSION_name.sql` with `-- +goose Up` and `-- +goose Down`.
//!
//! Statements end where `internal/sqlparser` ends them: at a semicolon at the end of a line,
//! or at `StatementEnd`. They are sent one by one. Its program is given an empty DBSTRING, so
//! that pgx reads `PGHOST` and the others. `status` would create its table; in the session
//! that the probe asks for it cannot.

use std::path::Path;

use super::linear::{self, Place, Record, Says, Sent, Span, Step, Way};
use super::{
    Act, Advisory, Detected, Failure, FailureKind, Intent, Migration, Project, Refused, Rows,
    Script, Setup, Tool, Tree, VersionQuery, join,
};
use crate::domain::change::Name;
use crate::domain::graph::{Problem, Trouble};
use crate::domain::hazard::Transactions;
use crate::domain::plan::Command;
use crate::domain::reversal::{self, Kind};
use crate::domain::untrusted::Untrusted;

/// `lock.DefaultLockID` of its library.
const LOCK: i64 = 4_097_083_626;
const TABLE: &str = "goose_db_version";
const ADVICE: &str = "write `-- +goose NO TRANSACTION` at the top of the file";
const SAYS: Says = Says {
    orphan: "the database has it and no file does: goose cannot go down past it; bring the file back, e.g. from version control",
    dirty: "",
    out_of_order: "goose refuses to go up (found missing migrations) unless told -allow-missing; give it a later version",
};

/// Returns the tool.
#[must_use]
pub fn tool() -> &'static dyn Tool {
    &Goose
}

struct Goose;

impl Tool for Goose {
    fn name(&self) -> &'static str {
        "goose"
    }

    fn detect(&self, tree: &dyn Tree) -> Option<Detected> {
        let places = ["migrations", "db/migrations", "sql/migrations", "internal/migrations", ""];
        places.into_iter().find_map(|directory| {
            let entries = tree.list(directory).ok()?;
            let marked = entries.iter().filter(|e| !e.is_dir).find_map(|entry| {
                version(&entry.name)?;
                let path = join(directory, &entry.name);
                let text = linear::text(tree, &path).ok()?;
                text.lines().any(|line| marker(line) == Some("Up")).then_some(path)
            });
            let why = format!("{} has a line `-- +goose Up`", marked?);
            Some(Detected { directory: directory.to_owned(), why })
        })
    }

    fn version_table(&self, tree: &dyn Tree) -> Name {
        configured(tree)
    }

    fn query(&self, table: &Name, _tree: &dyn Tree) -> VersionQuery {
        let time = linear::time_of("tstamp", false);
        let columns = format!("version_id::text, is_applied::text, {time}");
        VersionQuery::of(table, &columns, "ORDER BY id")
    }

    fn locks_with(&self, lock: &Advisory, _table: &Name) -> Option<&'static str> {
        let meanwhile = "goose's own program passes over it, a program that embeds goose waits";
        (lock.key == LOCK).then_some(meanwhile)
    }

    fn read(&self, tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
        load(tree, directory, rows)
    }

    fn act(&self, project: &Project, intent: &Intent) -> Result<Act, Refused> {
        act(project, intent)
    }

    fn probe(&self, project: &Project) -> Option<Command> {
        Some(command(project, "default_transaction_read_only=on", &["status"]))
    }

    fn explain(&self, output: &str, _exit: Option<i32>) -> Failure {
        const OWN: &[(&str, FailureKind)] = &[
            ("missing migrations", FailureKind::Moved),
            ("no migration ", FailureKind::MissingFile),
        ];
        Failure::of(output, OWN)
    }
}

/// Returns the table that the project's `.env` names, as goose reads it, or the usual one.
fn configured(tree: &dyn Tree) -> Name {
    linear::named(linear::dotenv(tree, "GOOSE_TABLE").as_deref().unwrap_or(TABLE))
}

/// Returns the version of a file that goose takes for a migration, and its name.
fn version(name: &str) -> Option<(i64, &str)> {
    let is_test = name.ends_with("_test.go");
    let stem = name.strip_suffix(".sql").or_else(|| name.strip_suffix(".go"))?;
    let (digits, rest) = stem.split_once('_').filter(|_| !is_test)?;
    Some((digits.parse().ok().filter(|version| *version > 0)?, rest))
}

/// Returns what a line tells goose.
fn marker(line: &str) -> Option<&str> {
    line.strip_prefix("--")?.trim().strip_prefix("+goose ").map(str::trim)
}

fn load(tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
    let mut problems = Vec::new();
    let mut names = linear::names(tree, directory, &mut problems);
    names.sort_by_key(|name| version(name).map(|(version, _)| version));
    let steps: Vec<Step> =
        names.iter().filter_map(|name| step(tree, directory, name, &mut problems)).collect();
    let steps = linear::unique(steps, "goose", &mut problems);
    let records = records(rows, &mut problems);
    let graph = linear::graph(&steps, &records, linear::by_number);
    problems.extend(linear::troubles(&graph, &SAYS));
    let setup = Setup {
        table: linear::dotenv(tree, "GOOSE_TABLE"),
        files: linear::present(tree, ".env"),
        no_timeouts: Some(
            "goose connects through pgx, whose releases do not all heed PGOPTIONS: neither lock_timeout nor statement_timeout may be in force"
                .into(),
        ),
        ..Setup::default()
    };
    let place = Place { tool: "goose", directory, rows };
    linear::project(&place, steps, graph, problems, setup)
}

fn step(tree: &dyn Tree, directory: &str, name: &str, problems: &mut Vec<Problem>) -> Option<Step> {
    let (version, title) = version(name)?;
    let (id, file) = (version.to_string(), join(directory, name));
    let text = linear::read(tree, &file, name, problems)?;
    let migration = if name.strip_suffix(".go").is_some() {
        let why = format!("{file} is Go: it runs only in a goose that it is compiled into");
        problems.push(Problem::new(Trouble::Unreachable, id.clone(), why));
        compiled_in(id, &file, text)
    } else {
        of_sql(id, &file, &text, problems)
    };
    Some(Step { name: title.replace('_', " "), file, migration })
}

fn compiled_in(id: String, file: &str, text: String) -> Migration {
    let script = Script {
        file: file.to_owned(),
        text: Untrusted::new(text),
        statements: Vec::new(),
        transactions: Transactions::Unknown,
        complete: false,
    };
    let why = "it is Go, which is not read";
    let reversal = reversal::Reversal::new(Kind::Unknown, why, None);
    Migration { id, up: script.clone(), down: Some(script), reversal }
}

fn of_sql(id: String, file: &str, text: &str, problems: &mut Vec<Problem>) -> Migration {
    let parts = parts(text);
    if let Some((line, why)) = &parts.wrong {
        let detail = format!("{file}:{line}: {why}: goose fails to parse the migration");
        problems.push(Problem::new(Trouble::Syntax, id.clone(), detail));
    }
    let sent = if parts.transaction { Sent::Transaction } else { Sent::Alone };
    let way = Way { id: &id, file, text, sent, advice: ADVICE };
    let mut script =
        |spans: &[Span]| Script { complete: !parts.substitutes, ..way.script(spans, problems) };
    let up = script(&parts.up);
    let down = parts.down.as_deref().map(&mut script);
    let statements = down.as_ref().map(|script| script.statements.as_slice());
    let mut reversal = reversal::judge(&up.statements, statements);
    if reversal.kind == Kind::Missing {
        reversal.why = String::from(
            "there is no `-- +goose Down`: goose runs nothing, removes the version and reports success",
        );
    }
    Migration { id, up, down, reversal }
}

/// A file, taken apart as goose does.
struct Parts {
    up: Vec<Span>,
    down: Option<Vec<Span>>,
    transaction: bool,
    /// True if the values of variables are put in.
    substitutes: bool,
    /// The line, and what goose refuses there.
    wrong: Option<(usize, &'static str)>,
}

fn parts(text: &str) -> Parts {
    let mut parts =
        Parts { up: Vec::new(), down: None, transaction: true, substitutes: false, wrong: None };
    let (mut begun, mut block, mut open) = (false, false, None::<usize>);
    let (mut at, mut last) = (0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let (start, number) = (at, number + 1);
        (at, last) = (at + line.len(), number);
        let mut wrong = None;
        match marker(line) {
            Some("Up") if begun => wrong = Some("a second `-- +goose Up`"),
            Some("Up") => begun = true,
            Some("Down") if !begun || parts.down.is_some() || block => {
                wrong = Some("`-- +goose Down` stands where it may not");
            }
            Some("Down") => {
                wrong = open
                    .take()
                    .map(|_| "a statement before it has no semicolon at the end of a line");
                parts.down = Some(Vec::new());
            }
            Some("StatementBegin") => (block, open) = (true, Some(at)),
            Some("StatementEnd") => {
                block = false;
                parts.close(open.take(), start);
            }
            Some("NO TRANSACTION") => parts.transaction = false,
            Some("ENVSUBST ON") => parts.substitutes = true,
            _ if block => {}
            _ => {
                let is_comment = line.trim_start().starts_with("--") || line.trim().is_empty();
                if !is_comment && !begun {
                    wrong = Some("a statement before `-- +goose Up`");
                } else if !is_comment {
                    open.get_or_insert(start);
                }
                if open.is_some() && ends(line) {
                    parts.close(open.take(), at);
                }
            }
        }
        parts.wrong = parts.wrong.take().or(wrong.map(|why| (number, why)));
    }
    let unfinished = match () {
        () if !begun => Some("no line `-- +goose Up`"),
        () if block => Some("no `-- +goose StatementEnd`"),
        () if open.is_some() => Some("the last statement has no semicolon at the end of a line"),
        () => None,
    };
    parts.wrong = parts.wrong.take().or(unfinished.map(|why| (last.max(1), why)));
    parts
}

impl Parts {
    fn close(&mut self, from: Option<usize>, to: usize) {
        let Some(from) = from else { return };
        self.down.as_mut().unwrap_or(&mut self.up).push(from..to);
    }
}

/// Returns true if a line ends a statement; what follows `--` does not count.
fn ends(line: &str) -> bool {
    let words = line.split_whitespace().take_while(|word| !word.starts_with("--"));
    words.last().is_some_and(|word| word.ends_with(';'))
}

/// The last row of a version tells; version 0 is the table's own.
fn records(rows: &Rows, problems: &mut Vec<Problem>) -> Vec<Record> {
    let Rows::Read(rows) = rows else { return Vec::new() };
    let mut records: Vec<Record> = Vec::new();
    for row in rows {
        let (Some(id), Some(applied)) = (linear::column(row, 0), linear::column(row, 1)) else {
            let detail = format!("a row of {TABLE} cannot be read: {row:?}");
            problems.push(Problem::new(Trouble::Dirty, TABLE, detail));
            continue;
        };
        records.retain(|record| record.id != id);
        if applied == "true" && id != "0" {
            records.push(Record {
                id: id.to_owned(),
                name: String::new(),
                applied_at: linear::time(row, 2),
                dirty: false,
            });
        }
    }
    records
}

fn act(project: &Project, intent: &Intent) -> Result<Act, Refused> {
    let up = matches!(intent, Intent::Up(_));
    // The way down looks at no other file.
    let stops = |problem: &Problem| up || problem.kind != Trouble::OutOfOrder;
    let turn = linear::turn(project, intent, stops)?;
    let (word, to) = match intent {
        Intent::Up(id) => ("up-to", id.clone()),
        Intent::Down(_) => ("down-to", turn.previous.unwrap_or("0").to_owned()),
    };
    let mut act = turn.act(&[]);
    act.command = command(project, "", &[word, &to]);
    act.files.extend(project.setup.files.iter().cloned());
    act.no_lock_timeout = act.no_lock_timeout.or_else(|| project.setup.no_timeouts.clone());
    Ok(act)
}

fn command(project: &Project, database: &str, words: &[&str]) -> Command {
    let directory = Path::new(".").join(&project.directory).display().to_string();
    let mut argv = vec!["goose", "-dir", &directory];
    // The very table that was read, whatever the environment says.
    argv.extend(project.setup.table.iter().flat_map(|table| ["-table", table.as_str()]));
    linear::command(&[&argv[..], &["postgres", database], words].concat())
}
