//! Prisma Migrate: `TIMESTAMP_name/migration.sql`, no way down.
//!
//! A file is sent as one message. `migrate deploy` runs all that is pending. Its engine
//! heeds neither `PGAPPNAME` nor `PGOPTIONS` and has no name on the server by which it could
//! be seen, so that no probe can prove where it connects: it is read here, and run by hand.

use super::linear::{self, Place, Record, Says, Sent, Step, Way};
use super::{
    Act, Advisory, Detected, Failure, FailureKind, Intent, Migration, Project, Refused, Rows,
    Setup, Tool, Tree, VersionQuery, join,
};
use crate::domain::change::Name;
use crate::domain::graph::{Problem, Trouble};
use crate::domain::plan::Command;
use crate::domain::reversal::{Kind, Reversal};

/// The key of the schema engine's advisory lock.
const LOCK: i64 = 72_707_369;
const TABLE: &str = "_prisma_migrations";
const SAYS: Says = Says {
    orphan: "the database has it and no directory does: bring it back, e.g. from version control",
    dirty: "it began and neither ended nor was rolled back: Prisma refuses to run anything (P3009); repair what it did, then `prisma migrate resolve`",
    out_of_order: "`prisma migrate deploy` will now run this older one",
};

/// Returns the tool.
#[must_use]
pub fn tool() -> &'static dyn Tool {
    &Prisma
}

struct Prisma;

impl Tool for Prisma {
    fn name(&self) -> &'static str {
        "prisma"
    }

    fn detect(&self, tree: &dyn Tree) -> Option<Detected> {
        ["prisma/migrations", "migrations"].into_iter().find_map(|directory| {
            let entries = tree.list(directory).ok()?;
            let file = |name: &str| join(&join(directory, name), "migration.sql");
            let lock = entries.iter().any(|entry| entry.name == "migration_lock.toml");
            let mut own = entries.iter().filter(|entry| entry.is_dir).map(|e| file(&e.name));
            let first = own.find(|file| tree.read(file).is_ok());
            let why = match (first, lock) {
                (Some(file), _) => format!("{file} is a migration of Prisma"),
                (None, true) => format!("{directory} holds Prisma's migration_lock.toml"),
                (None, false) => return None,
            };
            Some(Detected { directory: directory.to_owned(), why })
        })
    }

    fn version_table(&self, _tree: &dyn Tree) -> Name {
        Name::new(TABLE)
    }

    fn query(&self, table: &Name, _tree: &dyn Tree) -> VersionQuery {
        let finished = linear::time_of("finished_at", true);
        let columns =
            format!("migration_name::text, checksum::text, {finished}, rolled_back_at::text");
        VersionQuery::of(table, &columns, "ORDER BY started_at")
    }

    fn locks_with(&self, lock: &Advisory, _table: &Name) -> Option<&'static str> {
        (lock.key == LOCK).then_some("Prisma waits for it for 10 s, then fails (P1002)")
    }

    fn read(&self, tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
        load(tree, directory, rows)
    }

    fn act(&self, project: &Project, intent: &Intent) -> Result<Act, Refused> {
        act(project, intent)
    }

    fn probe(&self, _project: &Project) -> Option<Command> {
        None
    }

    fn explain(&self, output: &str, _exit: Option<i32>) -> Failure {
        const OWN: &[(&str, FailureKind)] = &[
            ("P3009", FailureKind::Dirty),
            ("P1001", FailureKind::Connection),
            ("P1000", FailureKind::Connection),
        ];
        Failure::of(output, OWN)
    }
}

fn load(tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
    let mut problems = Vec::new();
    let entries = linear::entries(tree, directory, &mut problems);
    let own = entries.iter().filter(|entry| entry.is_dir);
    let steps: Vec<Step> =
        own.filter_map(|e| step(tree, directory, &e.name, &mut problems)).collect();
    let records = records(rows, &steps, &mut problems);
    let graph = linear::graph(&steps, &records, Ord::cmp);
    problems.extend(linear::troubles(&graph, &SAYS));
    let setup = Setup {
        no_timeouts: Some(
            "Prisma's engine takes no heed of PGOPTIONS: neither lock_timeout nor statement_timeout is in force"
                .into(),
        ),
        ..Setup::default()
    };
    let place = Place { tool: "prisma", directory, rows };
    linear::project(&place, steps, graph, problems, setup)
}

fn step(tree: &dyn Tree, directory: &str, name: &str, problems: &mut Vec<Problem>) -> Option<Step> {
    let file = join(&join(directory, name), "migration.sql");
    let text = match linear::text(tree, &file) {
        Ok(text) => text,
        Err(why) => {
            let why =
                format!("{why}; Prisma refuses (P3015): remove the directory, or bring it back");
            problems.push(Problem::new(Trouble::Syntax, name, why));
            return None;
        }
    };
    let way = Way { id: name, file: &file, text: &text, sent: Sent::Message, advice: "" };
    let up = way.script(&linear::whole(&text), problems);
    let why = "Prisma has no way down: write a new migration that undoes it, or restore a backup";
    let reversal = Reversal::new(Kind::Missing, why, None);
    let people = linear::number(name).map_or(name, |(_, rest)| rest).trim_start_matches('_');
    Some(Step {
        name: people.replace('_', " "),
        file,
        migration: Migration { id: name.to_owned(), up, down: None, reversal },
    })
}

/// A row per attempt: one that was rolled back counts for nothing.
fn records(rows: &Rows, steps: &[Step], problems: &mut Vec<Problem>) -> Vec<Record> {
    let Rows::Read(rows) = rows else { return Vec::new() };
    let mut records: Vec<Record> = Vec::new();
    for row in rows.iter().filter(|row| linear::column(row, 3).is_none()) {
        let (Some(id), Some(checksum)) = (linear::column(row, 0), linear::column(row, 1)) else {
            let detail = format!("a row of {TABLE} cannot be read: {row:?}");
            problems.push(Problem::new(Trouble::Dirty, TABLE, detail));
            continue;
        };
        let dirty = linear::column(row, 2).is_none();
        let step = steps.iter().find(|step| step.migration.id == id);
        if let Some(step) = step.filter(|step| !dirty && sha256(step) != checksum) {
            let detail = format!(
                "{} was changed after it ran: what it says now is not what the database has",
                step.file
            );
            problems.push(Problem::new(Trouble::Checksum, id, detail));
        }
        records.retain(|record| record.id != id);
        records.push(Record {
            id: id.to_owned(),
            name: String::new(),
            applied_at: linear::time(row, 2),
            dirty,
        });
    }
    records
}

fn sha256(step: &Step) -> String {
    crate::domain::plan::sha256_hex(step.migration.up.text.raw().as_bytes())
}

fn act(project: &Project, intent: &Intent) -> Result<Act, Refused> {
    let stops = |problem: &Problem| {
        !matches!(problem.kind, Trouble::OutOfOrder | Trouble::Checksum | Trouble::Orphan)
    };
    let turn = linear::turn(project, intent, stops)?;
    linear::only_one_pending(project, "prisma migrate deploy")?;
    let mut act = turn.act(&["prisma", "migrate", "deploy"]);
    act.no_lock_timeout = act.no_lock_timeout.or_else(|| project.setup.no_timeouts.clone());
    Ok(act)
}
