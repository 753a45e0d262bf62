//! Flyway: `V1__x.sql`, `U1__x.sql`, `R__x.sql`, and `.conf` beside a script.
//!
//! Versions compare part by part (`1.10` after `1.9`). The checksum is the CRC-32 of the lines
//! without their ends. Flyway connects through JDBC, which heeds neither `PGAPPNAME` nor
//! `PGOPTIONS`, so that no probe can prove where it connects: it is read here, and run by hand.
//! `undo` needs a paid edition.

use std::cmp::Ordering;

use super::linear::{self, Place, Record, Says, Sent, Step, Way};
use super::{
    Act, Advisory, Detected, Entry, Failure, FailureKind, Intent, Migration, Project, Refused,
    Rows, Script, Setup, Tool, Tree, VersionQuery, join,
};
use crate::domain::change::{Change, Name};
use crate::domain::graph::{Graph, Node, Problem, Trouble};
use crate::domain::plan::Command;
use crate::domain::reversal::{self, Kind, Reversal};

const TABLE: &str = "flyway_schema_history";
/// `Flyway` in ASCII.
const LOCK: i64 = 0x466c_7977_6179;
const ADVICE: &str =
    "write executeInTransaction=false into a .conf beside the file, or give it a file of its own";
const SAYS: Says = Says {
    orphan: "the database has it and no file does: Flyway refuses (Detected applied migration not resolved locally); bring the file back, e.g. from version control",
    dirty: "it failed, and the server could not roll all of it back: Flyway refuses to run anything; repair what it did, then `flyway repair`",
    out_of_order: "Flyway refuses (Detected resolved migration not applied to database) unless told -outOfOrder=true; give it a later version",
};

/// Returns the tool.
#[must_use]
pub fn tool() -> &'static dyn Tool {
    &Flyway
}

struct Flyway;

impl Tool for Flyway {
    fn name(&self) -> &'static str {
        "flyway"
    }

    fn detect(&self, tree: &dyn Tree) -> Option<Detected> {
        let places = ["sql", "migrations", "db/migration", "src/main/resources/db/migration", ""];
        places.into_iter().find_map(|directory| {
            let files = files(tree, directory).ok()?;
            let first = files.iter().find(|path| matches!(parsed(path), Some(File::Up(..))))?;
            let why = format!("{} is named as Flyway names a migration", join(directory, first));
            Some(Detected { directory: directory.to_owned(), why })
        })
    }

    fn version_table(&self, tree: &dyn Tree) -> Name {
        configured(tree)
    }

    fn query(&self, table: &Name, _tree: &dyn Tree) -> VersionQuery {
        let time = linear::time_of("installed_on", false);
        let columns = format!(
            "version::text, description::text, type::text, checksum::text, {time}, success::text"
        );
        VersionQuery::of(table, &columns, "ORDER BY installed_rank")
    }

    fn locks_with(&self, lock: &Advisory, _table: &Name) -> Option<&'static str> {
        // The key of a table is this one and the hash of its name, a Java `int`
        // (`PostgreSQLAdvisoryLockTemplate`).
        let apart = lock.key.checked_sub(LOCK).and_then(|apart| i32::try_from(apart).ok());
        apart.map(|_| "Flyway tries for it once a second, 50 times, then fails")
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
            ("Migration checksum mismatch", FailureKind::Changed),
            ("not resolved locally", FailureKind::MissingFile),
            ("Detected failed migration", FailureKind::Dirty),
            ("resolved migration not applied", FailureKind::Moved),
        ];
        Failure::of(output, OWN)
    }
}

/// Returns the history table that `flyway.conf` or `flyway.toml` names, or the usual one.
fn configured(tree: &dyn Tree) -> Name {
    let files = ["flyway.toml", "flyway.conf", "conf/flyway.conf"];
    let value = |key: &str| {
        files.iter().find_map(|file| {
            let text = linear::text(tree, file).ok()?;
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            let (_, value) = lines.find(|(name, _)| {
                let name = name.trim();
                name.strip_prefix("flyway.").unwrap_or(name) == key
            })?;
            let first = value.trim().trim_start_matches('[').split([',', ']']).next()?;
            let plain = first.trim().trim_matches(['"', '\'']).to_owned();
            (!plain.is_empty()).then_some(plain)
        })
    };
    Name {
        schema: value("defaultSchema").or_else(|| value("schemas")),
        name: value("table").unwrap_or_else(|| TABLE.to_owned()),
    }
}

/// A script by its name.
enum File {
    Up(String, String),
    Undo(String),
    Repeatable(String),
}

/// Returns what a path is to Flyway, by its last part.
fn parsed(path: &str) -> Option<File> {
    let stem = path.rsplit('/').next()?.strip_suffix(".sql")?;
    let (head, description) = stem.split_once("__")?;
    let description = description.replace('_', " ");
    if head == "R" {
        return Some(File::Repeatable(description));
    }
    let undo = head.strip_prefix('U').map(normal);
    match (head.strip_prefix('V').map(normal), undo) {
        (Some(version), _) => Some(File::Up(version?, description)),
        (_, Some(version)) => Some(File::Undo(version?)),
        _ => None,
    }
}

/// Returns a version without leading zeros, with dots.
fn normal(version: &str) -> Option<String> {
    let parts: Option<Vec<String>> = version
        .split(['.', '_'])
        .map(|part| Some(part.parse::<u128>().ok()?.to_string()))
        .collect();
    parts.map(|parts| parts.join("."))
}

fn order(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| -> Option<Vec<u128>> {
        let mut parts: Vec<u128> =
            text.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
        while parts.last() == Some(&0) {
            parts.pop();
        }
        Some(parts)
    };
    match (parts(a), parts(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        // Repeatable ones come last, by description.
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

/// Returns the files below a directory, which Flyway reads through, relative to it.
fn files(tree: &dyn Tree, directory: &str) -> Result<Vec<String>, super::Unreadable> {
    const DEPTH: usize = 4;
    let mut found = Vec::new();
    let mut open = vec![(String::new(), 0)];
    while let Some((below, depth)) = open.pop() {
        let at = if below.is_empty() { directory.to_owned() } else { join(directory, &below) };
        for Entry { name, is_dir } in tree.list(&at)? {
            let path = join(&below, &name);
            // Without a directory of its own the whole project would be read through.
            let deeper = depth < DEPTH && !directory.is_empty();
            match is_dir {
                true if deeper => open.push((path, depth + 1)),
                true => {}
                false => found.push(path),
            }
        }
    }
    found.sort();
    Ok(found)
}

fn load(tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
    let mut problems = Vec::new();
    let paths = files(tree, directory).unwrap_or_else(|unreadable| {
        problems.push(Problem::new(Trouble::Syntax, directory, unreadable.to_string()));
        Vec::new()
    });
    let mut steps: Vec<Step> =
        paths.iter().filter_map(|path| step(tree, &join(directory, path), &mut problems)).collect();
    steps.sort_by(|a, b| order(&a.migration.id, &b.migration.id).then_with(|| a.name.cmp(&b.name)));
    let mut steps = linear::unique(steps, "Flyway", &mut problems);
    for path in &paths {
        undo(tree, &join(directory, path), &mut steps, &mut problems);
    }
    let history = History::of(rows, &steps, &mut problems);
    if let Some(baseline) = &history.baseline {
        steps.retain(|step| {
            order(&step.migration.id, baseline).is_gt()
                || history.records.iter().any(|record| record.id == step.migration.id)
        });
    }
    let mut graph = linear::graph(&steps, &history.records, order);
    for node in graph.nodes.iter_mut().filter(|node| is_repeatable(&node.id)) {
        node.parents.clear();
    }
    problems.extend(troubles(&graph));
    let setup = Setup {
        no_timeouts: Some(
            "Flyway connects through JDBC, which takes no heed of PGOPTIONS: neither lock_timeout nor statement_timeout is in force"
                .into(),
        ),
        ..Setup::default()
    };
    let place = Place { tool: "flyway", directory, rows };
    linear::project(&place, steps, graph, problems, setup)
}

/// A repeatable one has no place in the row: it runs after whatever has run.
fn troubles(graph: &Graph) -> Vec<Problem> {
    let (repeatable, versioned): (Vec<Node>, Vec<Node>) =
        graph.nodes.iter().cloned().partition(|node| is_repeatable(&node.id));
    let mut problems = linear::troubles(&Graph { nodes: versioned }, &SAYS);
    let repeatable = linear::troubles(&Graph { nodes: repeatable }, &SAYS).into_iter();
    problems.extend(repeatable.filter(|problem| problem.kind != Trouble::OutOfOrder));
    problems
}

fn is_repeatable(id: &str) -> bool {
    id.starts_with("R__")
}

fn step(tree: &dyn Tree, file: &str, problems: &mut Vec<Problem>) -> Option<Step> {
    let (id, name) = match parsed(file)? {
        File::Up(version, description) => (version, description),
        File::Repeatable(description) => (format!("R__{description}"), description),
        File::Undo(_) => return None,
    };
    let up = script(tree, file, &id, problems)?;
    let reversal = if is_repeatable(&id) {
        let why = "it is run again whenever it changes: Flyway has no way down for it";
        Reversal::new(Kind::Missing, why, None)
    } else {
        let mut reversal = reversal::judge(&up.statements, None);
        reversal.why = String::from("there is no U script");
        reversal
    };
    Some(Step {
        name,
        file: file.to_owned(),
        migration: Migration { id, up, down: None, reversal },
    })
}

fn undo(tree: &dyn Tree, file: &str, steps: &mut [Step], problems: &mut Vec<Problem>) {
    let Some(File::Undo(id)) = parsed(file) else { return };
    let Some(script) = script(tree, file, &id, problems) else { return };
    if let Some(Step { migration, .. }) = steps.iter_mut().find(|step| step.migration.id == id) {
        migration.reversal = reversal::judge(&migration.up.statements, Some(&script.statements));
        migration.down = Some(script);
    } else {
        let detail = format!("{file} undoes a version that no file has");
        problems.push(Problem::new(Trouble::Unreachable, id, detail));
    }
}

/// Flyway leaves the transaction out where the `.conf` says so, or where every statement
/// refuses one.
fn script(tree: &dyn Tree, file: &str, id: &str, problems: &mut Vec<Problem>) -> Option<Script> {
    let text = linear::read(tree, file, file, problems)?;
    let conf = linear::text(tree, &format!("{file}.conf")).unwrap_or_default();
    let conf_says = conf.lines().any(|line| {
        line.split_once('=').is_some_and(|(key, value)| {
            key.trim() == "executeInTransaction" && value.trim() == "false"
        })
    });
    let refuses =
        |s: &crate::domain::change::Statement| s.changes.iter().any(Change::refuses_transaction);
    let statements = crate::source::sql::compile(&text).statements;
    let alone = conf_says || (!statements.is_empty() && statements.iter().all(refuses));
    let sent = if alone { Sent::Alone } else { Sent::Transaction };
    let way = Way { id, file, text: &text, sent, advice: ADVICE };
    let script = way.script(&linear::whole(&text), problems);
    // `${…}` is replaced when it runs.
    Some(Script { complete: !text.contains("${"), ..script })
}

/// What the history table says, row after row.
#[derive(Default)]
struct History {
    records: Vec<Record>,
    baseline: Option<String>,
}

impl History {
    fn of(rows: &Rows, steps: &[Step], problems: &mut Vec<Problem>) -> Self {
        let mut history = Self::default();
        let Rows::Read(rows) = rows else { return history };
        for row in rows {
            if history.take(row, steps, problems).is_none() {
                let detail = format!("a row of {TABLE} cannot be read: {row:?}");
                problems.push(Problem::new(Trouble::Dirty, TABLE, detail));
            }
        }
        history
    }

    fn take(
        &mut self,
        row: &[Option<String>],
        steps: &[Step],
        problems: &mut Vec<Problem>,
    ) -> Option<()> {
        let description = linear::column(row, 1).unwrap_or_default();
        let id = match linear::column(row, 0) {
            Some(version) => normal(version).unwrap_or_else(|| version.to_owned()),
            None => format!("R__{description}"),
        };
        let kind = linear::column(row, 2)?;
        let success = linear::column(row, 5)? == "true";
        self.records.retain(|record| record.id != id);
        match kind {
            "BASELINE" => self.baseline = Some(id),
            "SCHEMA" | "DELETE" => {}
            _ if kind.starts_with("UNDO") && success => {}
            _ => self.ran(id, description, row, !success, steps, problems),
        }
        Some(())
    }

    fn ran(
        &mut self,
        id: String,
        description: &str,
        row: &[Option<String>],
        dirty: bool,
        steps: &[Step],
        problems: &mut Vec<Problem>,
    ) {
        let step = steps.iter().find(|step| step.migration.id == id);
        let changed = step
            .zip(linear::column(row, 3))
            .is_some_and(|(step, held)| held.parse() != Ok(checksum(step.migration.up.text.raw())));
        if changed && is_repeatable(&id) {
            // It is pending again.
            return;
        }
        if changed {
            let file = step.map(|step| step.file.as_str()).unwrap_or_default();
            let detail = format!(
                "{file} was changed after it ran: Flyway refuses (Migration checksum mismatch); restore the file as it was"
            );
            problems.push(Problem::new(Trouble::Checksum, id.clone(), detail));
        }
        let name = description.to_owned();
        let applied_at = linear::time(row, 4);
        self.records.push(Record { id, name, applied_at, dirty });
    }
}

/// Returns Flyway's checksum: of the lines without their ends, and without a byte order mark.
fn checksum(text: &str) -> i32 {
    let mut crc = crc32fast::Hasher::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        crc.update(line.as_bytes());
    }
    crc.finalize().cast_signed()
}

/// A repeatable one may run behind a versioned one, whatever its target.
fn act(project: &Project, intent: &Intent) -> Result<Act, Refused> {
    let counts = |node: &&Node| is_repeatable(&node.id) == is_repeatable(intent.migration());
    let turn = linear::turn_among(project, intent, |_| true, counts)?;
    let repeatable: Vec<&str> = project
        .graph
        .pending()
        .map(|node| node.id.as_str())
        .filter(|id| is_repeatable(id) && *id != intent.migration())
        .collect();
    if !repeatable.is_empty() {
        return Err(Refused::Problem(format!(
            "Flyway may run {} in the same go: repeatable migrations run at every migrate",
            repeatable.join(", ")
        )));
    }
    let target = format!("-target={}", intent.migration());
    let (target, word) = match intent {
        Intent::Up(id) if is_repeatable(id) => (None, "migrate"),
        Intent::Up(_) => (Some(target), "migrate"),
        Intent::Down(_) => (Some(target), "undo"),
    };
    let mut argv = vec!["flyway".to_owned()];
    argv.extend(table(project));
    argv.extend(target);
    argv.push(word.to_owned());
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let mut act = turn.act(&argv);
    act.no_lock_timeout = act.no_lock_timeout.or_else(|| project.setup.no_timeouts.clone());
    Ok(act)
}

/// Names the table to Flyway where the configuration names another one than its own files do.
fn table(project: &Project) -> Vec<String> {
    let Some(table) = project.setup.table.as_deref().map(linear::named) else { return Vec::new() };
    let schema = table.schema.map(|schema| format!("-defaultSchema={schema}"));
    schema.into_iter().chain([format!("-table={}", table.name)]).collect()
}
