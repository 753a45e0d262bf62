//! golang-migrate 4: `VERSION_title.up.sql` and `.down.sql`, and one row.
//!
//! Read as `source/parse.go` and `database/postgres` do. A file is sent as one message; the
//! row is marked dirty before and clean after, so that whatever fails leaves it dirty. Its
//! program takes the database only as an argument: here one without host, user and
//! password, for which lib/pq reads `PGHOST` and the others. Its advisory lock is named after
//! the path of that URL: it keeps our own runs apart, not those under another URL.

use super::linear::{self, Place, Record, Says, Sent, Step, Way};
use super::{
    Act, Advisory, Detected, Failure, FailureKind, Intent, Migration, Project, Refused, Rows,
    Script, Setup, Tool, Tree, VersionQuery, join,
};
use crate::domain::change::Name;
use crate::domain::graph::{Problem, Trouble};
use crate::domain::hazard::Transactions;
use crate::domain::plan::Command;
use crate::domain::restore::quoted;
use crate::domain::reversal::{self, Kind};
use crate::domain::untrusted::Untrusted;

/// `advisoryLockIDSalt` of `database.GenerateAdvisoryLockId`.
const SALT: u32 = 1_486_364_155;
const TABLE: &str = "schema_migrations";
const NAME: &str = "golang-migrate";
/// Everything is left to the environment.
const URL: &str = "postgres:///";
/// `version` would create its table: in such a session it cannot.
const READ_ONLY: &str = "default_transaction_read_only=on";
const SAYS: Says = Says {
    orphan: "the database is at this version and no file has it: golang-migrate fails (no migration found for version); bring the file back, e.g. from version control",
    dirty: "the version is marked dirty: golang-migrate refuses to run anything; look at what it did, repair it, then `migrate force` the version that holds",
    out_of_order: "golang-migrate never runs what is below its version",
};

/// Returns the tool.
#[must_use]
pub fn tool() -> &'static dyn Tool {
    &GolangMigrate
}

struct GolangMigrate;

impl Tool for GolangMigrate {
    fn name(&self) -> &'static str {
        NAME
    }

    fn detect(&self, tree: &dyn Tree) -> Option<Detected> {
        let of_go = tree.read("go.mod").is_ok();
        let of_rust = tree.read("Cargo.toml").is_ok();
        // sqlx takes the same names; six digits are those of `migrate create -seq`.
        let own = |file: &Part| of_go || (!of_rust && file.digits == 6);
        let places = ["migrations", "db/migrations", "db/migration", "internal/migrations", ""];
        places.into_iter().find_map(|directory| {
            let entries = tree.list(directory).ok()?;
            let mut files = entries.iter().filter(|entry| !entry.is_dir);
            let file = files.find(|entry| part(&entry.name).is_some_and(|file| own(&file)))?;
            let path = join(directory, &file.name);
            let why = format!("{path} is named as golang-migrate names a migration");
            Some(Detected { directory: directory.to_owned(), why })
        })
    }

    fn version_table(&self, _tree: &dyn Tree) -> Name {
        Name::new(TABLE)
    }

    fn query(&self, table: &Name, _tree: &dyn Tree) -> VersionQuery {
        VersionQuery::of(table, "version::text, to_jsonb(held)->>'dirty'", "held")
    }

    fn locks_with(&self, lock: &Advisory, table: &Name) -> Option<&'static str> {
        let schema = table.schema.as_deref().or(lock.schema.as_deref())?;
        // Its program takes the path of the URL for the database's name, its library may not.
        let databases = [format!("/{}", lock.database), lock.database.clone(), "/".to_owned()];
        let key = |database: &String| {
            let named = [schema, &table.name, database].join("\0");
            i64::from(crc32fast::hash(named.as_bytes()).wrapping_mul(SALT))
        };
        let meanwhile =
            "golang-migrate waits for it for 15 s, then fails (can't acquire database lock)";
        databases.iter().any(|database| key(database) == lock.key).then_some(meanwhile)
    }

    fn read(&self, tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
        load(tree, directory, rows)
    }

    fn act(&self, project: &Project, intent: &Intent) -> Result<Act, Refused> {
        act(project, intent)
    }

    fn probe(&self, project: &Project) -> Option<Command> {
        Some(command(project, &[READ_ONLY.to_owned()], &["version"]))
    }

    fn explain(&self, output: &str, _exit: Option<i32>) -> Failure {
        const OWN: &[(&str, FailureKind)] = &[
            ("Dirty database version", FailureKind::Dirty),
            ("no migration found for version", FailureKind::MissingFile),
            ("error: no change", FailureKind::Moved),
        ];
        Failure::of(output, OWN)
    }
}

/// A file's name, taken apart.
struct Part<'a> {
    version: u64,
    digits: usize,
    title: &'a str,
    is_up: bool,
}

fn part(name: &str) -> Option<Part<'_>> {
    let (digits, rest) = linear::number(name)?;
    let rest = rest.strip_prefix('_')?;
    let (rest, extension) = rest.rsplit_once('.')?;
    let up = rest.strip_suffix(".up").map(|title| (title, true));
    let (title, is_up) = up.or_else(|| Some((rest.strip_suffix(".down")?, false)))?;
    let version = digits.parse().ok().filter(|_| extension == "sql")?;
    Some(Part { version, digits: digits.len(), title, is_up })
}

fn load(tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
    let mut problems = Vec::new();
    let names = linear::names(tree, directory, &mut problems);
    let mut files: Vec<(Part, &str)> =
        names.iter().filter_map(|name| Some((part(name)?, name.as_str()))).collect();
    files.sort_by_key(|(part, _)| (part.version, !part.is_up));
    let mut steps: Vec<Step> = Vec::new();
    for (at, (part, name)) in files.iter().enumerate() {
        let id = part.version.to_string();
        if at > 0 && same(&files[at - 1].0, part) {
            let detail = format!(
                "{name} and {} have the same version and way: golang-migrate refuses the whole directory (duplicate migration file)",
                files[at - 1].1
            );
            problems.push(Problem::new(Trouble::DuplicateId, id, detail));
            continue;
        }
        let Some(script) = script(tree, &join(directory, name), &id, &mut problems) else {
            continue;
        };
        match steps.last_mut().filter(|step| step.migration.id == id) {
            Some(step) => step.migration.down = Some(script),
            None => steps.push(step(part, id, script, &mut problems)),
        }
    }
    for step in &mut steps {
        judge(&mut step.migration);
    }
    let records = records(rows, &steps, &mut problems);
    let graph = linear::graph(&steps, &records, linear::by_number);
    problems.extend(linear::troubles(&graph, &SAYS));
    let place = Place { tool: NAME, directory, rows };
    linear::project(&place, steps, graph, problems, Setup::default())
}

fn same(a: &Part, b: &Part) -> bool {
    a.version == b.version && a.is_up == b.is_up
}

fn step(part: &Part, id: String, script: Script, problems: &mut Vec<Problem>) -> Step {
    let (file, name) = (script.file.clone(), part.title.replace('_', " "));
    let (up, down) = if part.is_up {
        (script, None)
    } else {
        let detail = format!(
            "{file} has no .up.sql beside it: on the way up golang-migrate runs nothing and counts it as applied"
        );
        problems.push(Problem::new(Trouble::Unreachable, id.clone(), detail));
        (nothing(&file), Some(script))
    };
    let reversal = reversal::judge(&[], None);
    Step { name, file, migration: Migration { id, up, down, reversal } }
}

fn nothing(file: &str) -> Script {
    Script {
        file: file.to_owned(),
        text: Untrusted::from(""),
        statements: Vec::new(),
        transactions: Transactions::One,
        complete: true,
    }
}

fn judge(migration: &mut Migration) {
    let down = migration.down.as_ref().map(|script| script.statements.as_slice());
    migration.reversal = reversal::judge(&migration.up.statements, down);
    if migration.reversal.kind == Kind::Missing {
        migration.reversal.why = String::from(
            "there is no .down.sql: golang-migrate runs nothing, lowers its version and reports success",
        );
    }
}

fn script(tree: &dyn Tree, file: &str, id: &str, problems: &mut Vec<Problem>) -> Option<Script> {
    let text = linear::read(tree, file, file, problems)?;
    let way = Way { id, file, text: &text, sent: Sent::Message, advice: "" };
    Some(way.script(&linear::whole(&text), problems))
}

/// All files up to the version of the row have run.
fn records(rows: &Rows, steps: &[Step], problems: &mut Vec<Problem>) -> Vec<Record> {
    let Rows::Read(rows) = rows else { return Vec::new() };
    let Some(row) = rows.first() else { return Vec::new() };
    let version = linear::column(row, 0).and_then(|version| version.parse::<i64>().ok());
    let dirty = linear::column(row, 1).map(|dirty| dirty == "true");
    let (Some(version), Some(dirty), 1) = (version, dirty, rows.len()) else {
        let detail = format!(
            "{TABLE} holds {} rows, the first {row:?}: golang-migrate has one, with a column `dirty`; without that column the table is dbmate's, name the tool: [project] tool",
            rows.len()
        );
        problems.push(Problem::new(Trouble::Dirty, TABLE, detail));
        return Vec::new();
    };
    let number = |step: &&Step| step.migration.id.parse::<i64>().unwrap_or(i64::MAX);
    let record =
        |id: String, dirty: bool| Record { id, name: String::new(), applied_at: None, dirty };
    let below = steps.iter().filter(|step| number(step) < version);
    let mut records: Vec<Record> =
        below.map(|step| record(step.migration.id.clone(), false)).collect();
    if version >= 0 {
        records.push(record(version.to_string(), dirty));
    } else if dirty {
        let detail = "the first way down did not end: golang-migrate refuses to run anything";
        problems.push(Problem::new(Trouble::Dirty, TABLE, detail));
    }
    records
}

fn act(project: &Project, intent: &Intent) -> Result<Act, Refused> {
    let turn = linear::turn(project, intent, |_| true)?;
    // By version, where there is one, so that it goes nowhere else.
    let to = match intent {
        Intent::Up(id) => Some(id.clone()),
        Intent::Down(_) => turn.previous.map(str::to_owned),
    };
    let mut act = turn.act(&[]);
    act.command = match to {
        Some(version) => command(project, &[], &["goto", &version]),
        None => command(project, &[], &["down", "1"]),
    };
    Ok(act)
}

fn command(project: &Project, options: &[String], words: &[&str]) -> Command {
    let path = linear::place(&project.directory);
    let options: Vec<String> = options.iter().cloned().chain(table(project)).collect();
    let url = match options.as_slice() {
        [] => URL.to_owned(),
        options => format!("{URL}?{}", options.join("&")),
    };
    linear::command(&[&["migrate", "-path", path, "-database", &url][..], words].concat())
}

/// Names the table to the program where the configuration names one. With a schema it takes the
/// name as it is quoted (`database/postgres/README.md`).
fn table(project: &Project) -> Vec<String> {
    let Some(table) = project.setup.table.as_deref().map(linear::named) else { return Vec::new() };
    match &table.schema {
        None => vec![format!("x-migrations-table={}", escaped(&table.name))],
        Some(schema) => vec![
            format!(
                "x-migrations-table={}",
                escaped(&[quoted(schema), quoted(&table.name)].join("."))
            ),
            "x-migrations-table-quoted=true".to_owned(),
        ],
    }
}

/// Returns a text as a value in a URL.
fn escaped(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    let one = |byte: u8| match plain(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}
