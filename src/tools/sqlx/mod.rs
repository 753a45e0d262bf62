//! sqlx 0.9: `VERSION_description.sql`, or `.up.sql` and `.down.sql`.
//!
//! Files, order and checks are those of `sqlx-core`'s `migrate` module, which our
//! own hidden child also runs, so that no `sqlx-cli` is needed.

mod files;
mod rows;

use crate::domain::change::Name;
use crate::domain::graph::{Graph, Node, Problem, State, Trouble};
use crate::domain::plan::Command;
use crate::domain::reversal;

use super::linear::{self, Sent, Way};
use super::{
    Act, Advisory, Detected, Failure, FailureKind, Intent, Migration, Project, Refused, Rows,
    Script, Setup, Tool, Tree, VersionQuery,
};
use files::{File, Part};
use rows::Row;

/// What the key of the advisory lock is made of, with the database's name
/// (`generate_lock_id` of `sqlx-postgres` 0.9).
const LOCK: i64 = 0x3d32_ad9e;

/// The version table: its name cannot be configured without code.
pub const TABLE: &str = "_sqlx_migrations";

const ADVICE: &str = "begin the file with `-- no-transaction` and keep it alone there";

/// How many digits of the file's checksum its child is given: enough for nobody to find
/// another file, few enough for a person to read.
const CHECKSUM: usize = 16;

/// The hidden command by which this program runs sqlx's migrator.
pub const CHILD: &str = "__sqlx";

/// Returns the tool.
#[must_use]
pub fn tool() -> &'static dyn Tool {
    &Sqlx
}

/// The tool of `cargo sqlx` and of applications that embed `sqlx::migrate!`.
struct Sqlx;

impl Tool for Sqlx {
    fn name(&self) -> &'static str {
        "sqlx"
    }

    fn detect(&self, tree: &dyn Tree) -> Option<Detected> {
        ["migrations", ""].into_iter().find_map(|directory| {
            let files = files::list(tree, directory).ok()?.files;
            let first = files.first()?;
            let why = format!("{} is named as sqlx names a migration", first.path);
            Some(Detected { directory: directory.to_owned(), why })
        })
    }

    fn version_table(&self, _tree: &dyn Tree) -> Name {
        Name::new(TABLE)
    }

    fn query(&self, table: &Name, _tree: &dyn Tree) -> VersionQuery {
        rows::query(table)
    }

    fn locks_with(&self, lock: &Advisory, _table: &Name) -> Option<&'static str> {
        let key = LOCK.wrapping_mul(i64::from(crc32fast::hash(lock.database.as_bytes())));
        (lock.key == key).then_some("sqlx waits for it without end")
    }

    fn read(&self, tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
        load(tree, directory, rows)
    }

    fn act(&self, project: &Project, intent: &Intent) -> Result<Act, Refused> {
        act(project, intent)
    }

    fn probe(&self, _project: &Project) -> Option<Command> {
        Some(child(&["probe"]))
    }

    fn explain(&self, output: &str, exit: Option<i32>) -> Failure {
        explain(output, exit)
    }
}

fn load(tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
    let mut problems = Vec::new();
    let files = match files::list(tree, directory) {
        Ok(listing) => {
            problems.extend(listing.problems);
            listing.files
        }
        Err(unreadable) => {
            problems.push(Problem::new(Trouble::Syntax, directory, unreadable.to_string()));
            Vec::new()
        }
    };
    let applied = rows::read(rows, &mut problems);
    let migrations = migrations(&files, &mut problems);
    let nodes = nodes(&files, &applied, &mut problems);
    order(&nodes, &mut problems);
    Project {
        tool: "sqlx",
        directory: directory.to_owned(),
        connected: *rows != Rows::Unknown,
        graph: Graph { nodes },
        migrations,
        problems,
        setup: Setup::default(),
    }
}

/// Returns the migrations that have a way up; a way down alone is a problem.
fn migrations(files: &[File], problems: &mut Vec<Problem>) -> Vec<Migration> {
    let mut migrations: Vec<Migration> = Vec::new();
    for file in files.iter().filter(|file| file.part != Part::Down) {
        let id = file.version.to_string();
        if migrations.iter().any(|other| other.id == id) {
            let detail = format!(
                "{} has the version of another file: sqlx would run both and fail on the second",
                file.path
            );
            problems.push(Problem::new(Trouble::DuplicateId, id, detail));
            continue;
        }
        migrations.push(migration(file, files, problems));
    }
    for file in files.iter().filter(|file| file.part == Part::Down) {
        let id = file.version.to_string();
        if !migrations.iter().any(|migration| migration.id == id) {
            let detail = format!("{} has no .up.sql beside it", file.path);
            problems.push(Problem::new(Trouble::Unreachable, id, detail));
        }
    }
    migrations
}

fn migration(file: &File, files: &[File], problems: &mut Vec<Problem>) -> Migration {
    let down = files.iter().find(|other| other.part == Part::Down && other.version == file.version);
    let up = script(file, problems);
    let down = down.map(|file| script(file, problems));
    let statements = down.as_ref().map(|script| script.statements.as_slice());
    let mut reversal = reversal::judge(&up.statements, statements);
    if reversal.kind == reversal::Kind::Missing {
        reversal.why = String::from(
            "there is no .down.sql: sqlx skips it on the way down and reports success",
        );
    }
    Migration { id: file.version.to_string(), up, down, reversal }
}

/// sqlx sends a file as one message, so that its statements share a transaction even under
/// `-- no-transaction`, unless there is only one.
fn script(file: &File, problems: &mut Vec<Problem>) -> Script {
    let id = file.version.to_string();
    let sent = if file.no_transaction { Sent::Message } else { Sent::Transaction };
    let way = Way { id: &id, file: &file.path, text: &file.text, sent, advice: ADVICE };
    way.script(&linear::whole(&file.text), problems)
}

/// Joins files and rows in the order of sqlx: by version.
fn nodes(files: &[File], applied: &[Row], problems: &mut Vec<Problem>) -> Vec<Node> {
    let mut versions: Vec<i64> =
        files.iter().filter(|file| file.part != Part::Down).map(|file| file.version).collect();
    versions.extend(applied.iter().map(|row| row.version));
    versions.sort_unstable();
    versions.dedup();
    let mut parent: Option<String> = None;
    let mut nodes = Vec::new();
    for version in versions {
        let file = files.iter().find(|f| f.version == version && f.part != Part::Down);
        let row = applied.iter().find(|row| row.version == version);
        let node = node(version, file, row, parent.take(), problems);
        parent = Some(node.id.clone());
        nodes.push(node);
    }
    nodes
}

fn node(
    version: i64,
    file: Option<&File>,
    row: Option<&Row>,
    parent: Option<String>,
    problems: &mut Vec<Problem>,
) -> Node {
    let state = match (file, row) {
        (_, Some(row)) if !row.success => State::Dirty,
        (Some(_), Some(_)) => State::Applied,
        (Some(_), None) => State::Pending,
        (None, _) => State::Orphan,
    };
    problems.extend(trouble(version, file, row, state));
    let description = file.map(|file| file.description.clone());
    Node {
        id: version.to_string(),
        name: description.or_else(|| row.map(|row| row.description.clone())).unwrap_or_default(),
        file: file.map(|file| file.path.clone()),
        parents: parent.into_iter().collect(),
        state,
        applied_at: row.and_then(|row| row.installed_on),
    }
}

fn trouble(version: i64, file: Option<&File>, row: Option<&Row>, state: State) -> Option<Problem> {
    let id = version.to_string();
    match (state, file, row) {
        (State::Dirty, ..) => Some(Problem::new(
            Trouble::Dirty,
            id,
            format!(
                "{TABLE} says that it did not succeed: sqlx refuses to run anything; look at what it did, repair it, then correct the row"
            ),
        )),
        (State::Orphan, ..) => Some(Problem::new(
            Trouble::Orphan,
            id,
            "the database has it and no file does: sqlx refuses to run anything; bring the file back, e.g. from version control",
        )),
        (_, Some(file), Some(row)) if file.checksum != row.checksum => Some(Problem::new(
            Trouble::Checksum,
            id,
            format!(
                "{} was changed after it ran: sqlx refuses to go up; restore the file as it was",
                file.path
            ),
        )),
        _ => None,
    }
}

/// sqlx runs a pending migration even if a later one has run.
fn order(nodes: &[Node], problems: &mut Vec<Problem>) {
    let Some(last) = nodes.iter().rposition(|node| node.state != State::Pending) else { return };
    for node in nodes[..last].iter().filter(|node| node.state == State::Pending) {
        let detail =
            format!("{} has run already, and sqlx will now run this older one", nodes[last].id);
        problems.push(Problem::new(Trouble::OutOfOrder, node.id.clone(), detail));
    }
}

fn act(project: &Project, intent: &Intent) -> Result<Act, Refused> {
    if !project.connected {
        return Err(Refused::UnknownState);
    }
    refuse_problems(project, intent)?;
    match intent {
        Intent::Up(id) => up(project, intent, id),
        Intent::Down(id) => down(project, intent, id),
    }
}

/// Returns an error for whatever would make sqlx, or the server, refuse.
fn refuse_problems(project: &Project, intent: &Intent) -> Result<(), Refused> {
    let stops = |problem: &&Problem| match problem.kind {
        Trouble::OutOfOrder => false,
        // The way down compares no checksums.
        Trouble::Checksum => matches!(intent, Intent::Up(_)),
        // A file that cannot be read at all must not be passed over as if it were not there.
        Trouble::Syntax if project.migration(&problem.id).is_none() => true,
        Trouble::Syntax | Trouble::Unreachable => problem.id == intent.migration(),
        _ => true,
    };
    match project.problems.iter().find(stops) {
        Some(problem) => Err(Refused::Problem(format!("{}: {}", problem.id, problem.detail))),
        None => Ok(()),
    }
}

fn up(project: &Project, intent: &Intent, id: &str) -> Result<Act, Refused> {
    let (_, migration) = linear::expect(project, intent)?;
    let first = project.graph.pending().next().map_or(id, |node| node.id.as_str());
    if first != id {
        return Err(Refused::NotNext { id: id.to_owned(), first: first.to_owned() });
    }
    let before = latest(project);
    let after = later(before.as_deref(), id);
    Ok(one(project, "up", id, before, Some(after), &migration.up))
}

fn down(project: &Project, intent: &Intent, id: &str) -> Result<Act, Refused> {
    let (_, migration) = linear::expect(project, intent)?;
    let before = latest(project);
    if before.as_deref() != Some(id) {
        let first = before.unwrap_or_default();
        return Err(Refused::NotNext { id: id.to_owned(), first });
    }
    let script = migration.down.as_ref().ok_or_else(|| Refused::NoWayDown(id.to_owned()))?;
    let after = project.graph.applied().rev().nth(1).map(|node| node.id.clone());
    Ok(one(project, "down", id, before, after, script))
}

/// Returns the highest version that the database has.
fn latest(project: &Project) -> Option<String> {
    project.graph.applied().next_back().map(|node| node.id.clone())
}

/// Running an older migration leaves the highest version where it was.
fn later(before: Option<&str>, id: &str) -> String {
    let number = |text: &str| text.parse::<i64>().unwrap_or_default();
    match before {
        Some(before) if number(before) > number(id) => before.to_owned(),
        _ => id.to_owned(),
    }
}

fn one(
    project: &Project,
    way: &str,
    id: &str,
    before: Option<String>,
    after: Option<String>,
    script: &Script,
) -> Act {
    let from = before.clone().unwrap_or_else(|| String::from("0"));
    // The way down names what stays: sqlx undoes everything above it.
    let to = if way == "up" { id } else { after.as_deref().unwrap_or("0") };
    let source = if project.directory.is_empty() { "." } else { &project.directory };
    Act {
        command: child(&[
            way,
            "--to",
            to,
            "--from",
            &from,
            "--source",
            source,
            "--checksum",
            &files::checksum(script.text.raw())[..CHECKSUM],
        ]),
        before: before.into_iter().collect(),
        after: after.into_iter().collect(),
        files: vec![script.file.clone()],
        no_lock_timeout: script.no_lock_timeout(),
    }
}

/// Returns the command of our own child; the database reaches it by the environment alone.
fn child(words: &[&str]) -> Command {
    let argv = ["lockkeeper", CHILD].iter().chain(words).map(|word| (*word).to_owned()).collect();
    let env = ["DATABASE_URL", "PGAPPNAME", "PGOPTIONS"].map(str::to_owned).to_vec();
    Command { argv, env, cwd: String::new() }
}

fn explain(output: &str, exit: Option<i32>) -> Failure {
    const OWN: &[(&str, FailureKind)] = &[
        ("was previously applied but is missing", FailureKind::MissingFile),
        ("was previously applied but has been modified", FailureKind::Changed),
        ("is partially applied; fix and remove row", FailureKind::Dirty),
    ];
    Failure::of_child(output, exit, OWN)
}
