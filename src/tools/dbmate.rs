//! dbmate 2: `VERSION_name.sql` with `-- migrate:up` and `-- migrate:down`.
//!
//! Which files count, their order (by name, not by number) and where a block ends are those
//! of `pkg/dbmate` 2.36.0. A block is sent as one message. Rows without a file are passed
//! over. `status` looks whether the table is there and creates nothing, so that it serves to
//! show where dbmate connects: it is told by `DATABASE_URL` alone ([project] environment).

use std::path::Path;

use super::linear::{self, Place, Record, Says, Sent, Span, Step, Way};
use super::{
    Act, Detected, Failure, FailureKind, Intent, Migration, Project, Refused, Rows, Script, Setup,
    Tool, Tree, VersionQuery, join,
};
use crate::domain::change::Name;
use crate::domain::graph::{Problem, Trouble};
use crate::domain::plan::Command;
use crate::domain::reversal;

const TABLE: &str = "schema_migrations";
const ADVICE: &str = "write `transaction:false` behind `-- migrate:up` and keep it alone there";
const SAYS: Says = Says {
    orphan: "the database has it and no file does: dbmate passes over it and would roll back the one before; bring the file back, e.g. from version control",
    dirty: "",
    out_of_order: "dbmate will now run this older one",
};

/// Returns the tool.
#[must_use]
pub fn tool() -> &'static dyn Tool {
    &Dbmate
}

struct Dbmate;

impl Tool for Dbmate {
    fn name(&self) -> &'static str {
        "dbmate"
    }

    fn detect(&self, tree: &dyn Tree) -> Option<Detected> {
        let given = linear::dotenv(tree, "DBMATE_MIGRATIONS_DIR");
        let given =
            given.as_deref().map(|path| path.trim_start_matches("./").trim_end_matches('/'));
        let usual = ["db/migrations", "migrations", ""];
        given.into_iter().chain(usual).find_map(|directory| {
            let entries = tree.list(directory).ok()?;
            let marked = entries.iter().filter(|e| !e.is_dir).find_map(|entry| {
                let path = join(directory, &entry.name);
                version(&entry.name)?;
                let text = linear::text(tree, &path).ok()?;
                (!blocks(&text).ups.is_empty()).then_some(path)
            });
            let why = format!("{} has a line `-- migrate:up`", marked?);
            Some(Detected { directory: directory.to_owned(), why })
        })
    }

    fn version_table(&self, tree: &dyn Tree) -> Name {
        configured(tree)
    }

    fn query(&self, table: &Name, _tree: &dyn Tree) -> VersionQuery {
        let columns = "version::text, to_jsonb(held)->>'dirty'";
        VersionQuery::of(table, columns, "held ORDER BY version")
    }

    fn read(&self, tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
        load(tree, directory, rows)
    }

    fn act(&self, project: &Project, intent: &Intent) -> Result<Act, Refused> {
        act(project, intent)
    }

    fn probe(&self, project: &Project) -> Option<Command> {
        Some(command(project, "status"))
    }

    fn explain(&self, output: &str, _exit: Option<i32>) -> Failure {
        Failure::of(output, &[("out of order with already", FailureKind::Moved)])
    }
}

/// Returns the table that the project's `.env` names, as dbmate reads it, or the usual one.
fn configured(tree: &dyn Tree) -> Name {
    let given = linear::dotenv(tree, "DBMATE_MIGRATIONS_TABLE");
    linear::named(given.as_deref().unwrap_or(TABLE))
}

/// Returns the table as dbmate is told it.
fn table(project: &Project) -> String {
    project.setup.table.clone().unwrap_or_else(|| TABLE.to_owned())
}

/// Returns the version of a file that dbmate takes for a migration.
fn version(name: &str) -> Option<&str> {
    let (version, _) = linear::number(name)?;
    // Case matters: dbmate passes over `.SQL`.
    name.strip_suffix(".sql").map(|_| version)
}

fn load(tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
    let mut problems = Vec::new();
    // Sorted by name, which is dbmate's order.
    let names = linear::names(tree, directory, &mut problems);
    let files = names.iter().filter(|name| version(name).is_some());
    let steps: Vec<Step> =
        files.filter_map(|name| step(tree, directory, name, &mut problems)).collect();
    problems.extend(twice(&steps));
    let records = records(rows, &steps, &mut problems);
    let graph = linear::graph(&steps, &records, Ord::cmp);
    problems.extend(linear::troubles(&graph, &SAYS));
    let place = Place { tool: "dbmate", directory, rows };
    let setup = Setup {
        table: linear::dotenv(tree, "DBMATE_MIGRATIONS_TABLE"),
        files: linear::present(tree, ".env"),
        ..Setup::default()
    };
    linear::project(&place, steps, graph, problems, setup)
}

fn step(tree: &dyn Tree, directory: &str, name: &str, problems: &mut Vec<Problem>) -> Option<Step> {
    let file = join(directory, name);
    let text = linear::read(tree, &file, name, problems)?;
    let blocks = blocks(&text);
    if let Some(why) = blocks.wrong() {
        problems.push(Problem::new(Trouble::Syntax, name, format!("{file}: {why}")));
    }
    let mut script = |block: &Block| -> Script {
        let sent = if block.transaction { Sent::Transaction } else { Sent::Message };
        let way = Way { id: name, file: &file, text: &text, sent, advice: ADVICE };
        way.script(std::slice::from_ref(&block.span), problems)
    };
    let nothing = Block { span: 0..0, transaction: true };
    let up = script(blocks.ups.first().unwrap_or(&nothing));
    let down = blocks.downs.first().map(&mut script);
    let statements = down.as_ref().map(|script| script.statements.as_slice());
    let reversal = reversal::judge(&up.statements, statements);
    let people = name.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches('_');
    Some(Step {
        name: people.trim_end_matches(".sql").replace('_', " "),
        file: file.clone(),
        migration: Migration { id: name.to_owned(), up, down, reversal },
    })
}

/// A block of a file.
struct Block {
    span: Span,
    transaction: bool,
}

/// The blocks of a file.
struct Blocks {
    ups: Vec<Block>,
    downs: Vec<Block>,
    /// The first line that says something before any block.
    stray: Option<usize>,
    /// True if the first block is a way down.
    upside_down: bool,
}

impl Blocks {
    fn wrong(&self) -> Option<String> {
        if self.ups.is_empty() {
            return Some("no line `-- migrate:up`: dbmate refuses to run it".into());
        }
        if self.upside_down {
            return Some("`-- migrate:down` stands before `-- migrate:up`: dbmate refuses".into());
        }
        if self.ups.len() > 1 || self.downs.len() > 1 {
            return Some("more than one block of a kind: only the first is read here".into());
        }
        if let Some(line) = self.stray {
            return Some(format!("line {line} stands before `-- migrate:up`: dbmate refuses"));
        }
        self.downs.is_empty().then(|| {
            "no line `-- migrate:down`: dbmate refuses to run it, in either direction".into()
        })
    }
}

fn blocks(text: &str) -> Blocks {
    let mut blocks = Blocks { ups: Vec::new(), downs: Vec::new(), stray: None, upside_down: false };
    let mut open: Option<(bool, Block)> = None;
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if let Some((is_up, transaction)) = marker(line) {
            blocks.close(open.take(), at);
            blocks.upside_down |= !is_up && blocks.ups.is_empty();
            open = Some((is_up, Block { span: at..at, transaction }));
        } else if open.is_none() && !line.trim().is_empty() && !line.trim().starts_with("--") {
            blocks.stray.get_or_insert(number + 1);
        }
        at += line.len();
    }
    blocks.close(open, text.len());
    blocks
}

impl Blocks {
    fn close(&mut self, open: Option<(bool, Block)>, end: usize) {
        let Some((is_up, block)) = open else { return };
        let block = Block { span: block.span.start..end, ..block };
        if is_up { self.ups.push(block) } else { self.downs.push(block) }
    }
}

/// Returns whether a line begins the way up, and whether in a transaction.
fn marker(line: &str) -> Option<(bool, bool)> {
    let rest = line.strip_prefix("--")?.trim_start().strip_prefix("migrate:")?;
    let (is_up, options) = match rest.strip_prefix("up") {
        Some(options) => (true, options),
        None => (false, rest.strip_prefix("down")?),
    };
    let ends = options.is_empty() || options.starts_with(char::is_whitespace);
    let transaction = !options.split_whitespace().any(|option| option == "transaction:false");
    ends.then_some((is_up, transaction))
}

/// To dbmate both files have run as soon as one has.
fn twice(steps: &[Step]) -> Vec<Problem> {
    let same = |pair: &[Step]| version(&pair[0].migration.id) == version(&pair[1].migration.id);
    steps
        .windows(2)
        .filter(|pair| same(pair))
        .map(|pair| {
            let detail = format!(
                "{} and {} have the same version: once one has run, dbmate takes both for applied",
                pair[0].file, pair[1].file
            );
            Problem::new(Trouble::DuplicateId, pair[1].migration.id.clone(), detail)
        })
        .collect()
}

fn records(rows: &Rows, steps: &[Step], problems: &mut Vec<Problem>) -> Vec<Record> {
    let Rows::Read(rows) = rows else { return Vec::new() };
    let mut records = Vec::new();
    for row in rows {
        let is_other = linear::column(row, 1).is_some();
        let Some(held) = linear::column(row, 0).filter(|_| !is_other) else {
            let detail = format!(
                "a row of {TABLE} is not dbmate's: {row:?}; with a column `dirty` the table is golang-migrate's, name the tool: [project] tool"
            );
            problems.push(Problem::new(Trouble::Dirty, TABLE, detail));
            continue;
        };
        let named = steps.iter().map(|step| step.migration.id.as_str());
        let mut ids: Vec<&str> = named.filter(|id| version(id) == Some(held)).collect();
        if ids.is_empty() {
            ids.push(held);
        }
        records.extend(ids.into_iter().map(|id| Record {
            id: id.to_owned(),
            name: String::new(),
            applied_at: None,
            dirty: false,
        }));
    }
    records
}

/// Orphans stop, though not dbmate itself: it would roll back another one.
fn act(project: &Project, intent: &Intent) -> Result<Act, Refused> {
    let turn = linear::turn(project, intent, |problem| problem.kind != Trouble::OutOfOrder)?;
    let file = turn.script.file.clone();
    let mut act = turn.act(&[]);
    act.command = match intent {
        Intent::Down(_) => command(project, "rollback"),
        Intent::Up(_) if project.graph.pending().nth(1).is_none() => command(project, "migrate"),
        Intent::Up(_) => alone(project, &file),
    };
    act.files.extend(project.setup.files.iter().cloned());
    Ok(act)
}

/// Returns the command that runs one of several pending migrations: `migrate` runs all that
/// lie in the directory, and passes over rows without a file, so it is given a directory that
/// holds a copy of this file and nothing else.
fn alone(project: &Project, file: &str) -> Command {
    const START: &str = "alone=$(mktemp -d) && trap 'rm -rf \"$alone\"' EXIT && cp \"$0\" \"$alone\" && \"$@\" --migrations-dir \"$alone\" migrate";
    let table = table(project);
    linear::command(&[
        "sh",
        "-c",
        START,
        file,
        "dbmate",
        "--no-dump-schema",
        "--migrations-table",
        &table,
    ])
}

/// Returns a command of dbmate. It must not write `schema.sql` with `pg_dump` behind an act,
/// and must look at the very table that was read, whatever its `.env` says.
fn command(project: &Project, word: &str) -> Command {
    let directory = Path::new(".").join(&project.directory).display().to_string();
    linear::command(&[
        "dbmate",
        "--no-dump-schema",
        "--migrations-table",
        &table(project),
        "--migrations-dir",
        &directory,
        word,
    ])
}
