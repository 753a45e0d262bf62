//! node-pg-migrate 9: one file per migration, run in a fixed order.

use crate::domain::change::Name;
use crate::domain::graph::{Problem, Trouble};
use crate::domain::plan::Command;
use crate::source::javascript::Dialect;

use super::linear;
use super::node::{self, File, Joined, Package, Reading, Row, Turn, relative};
use super::{
    Act, Advisory, Detected, Failure, Intent, Project, Refused, Rows, Setup, Tool, Tree,
    VersionQuery,
};

/// Returns the tool.
#[must_use]
pub fn tool() -> &'static dyn Tool {
    &NodePgMigrate
}

struct NodePgMigrate;

const NAME: &str = "node-pg-migrate";
/// `PG_MIGRATE_LOCK_ID`.
const LOCK: i64 = 7_241_865_325_823_964;

/// What the scripts of `package.json` say.
struct Config {
    directory: String,
    table: Name,
    /// What of it this version does not read.
    elsewhere: Option<String>,
    /// The options that stand in the script, to be given again.
    options: Vec<String>,
}

impl Tool for NodePgMigrate {
    fn name(&self) -> &'static str {
        "node_pg_migrate"
    }

    fn detect(&self, tree: &dyn Tree) -> Option<Detected> {
        let package = Package::read(tree).filter(|package| package.has(NAME))?;
        let why = format!("package.json depends on {NAME}");
        Some(Detected { directory: configured(&package).directory, why })
    }

    fn version_table(&self, tree: &dyn Tree) -> Name {
        configured(&Package::read(tree).unwrap_or_default()).table
    }

    fn query(&self, table: &Name, _tree: &dyn Tree) -> VersionQuery {
        let columns = format!("name::text, {}", linear::time_of("run_on", false));
        VersionQuery::of(table, &columns, "ORDER BY run_on, id")
    }

    fn locks_with(&self, lock: &Advisory, _table: &Name) -> Option<&'static str> {
        let meanwhile = "node-pg-migrate fails at once (Another migration is already running), unless told to wait";
        (lock.key == LOCK).then_some(meanwhile)
    }

    fn read(&self, tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
        load(tree, directory, rows)
    }

    fn act(&self, project: &Project, intent: &Intent) -> Result<Act, Refused> {
        let verb = if matches!(intent, Intent::Up(_)) { "up" } else { "down" };
        // By its name only this one runs, whatever has run meanwhile; a mere number is a count.
        let id = intent.migration();
        let which = if id.bytes().all(|byte| byte.is_ascii_digit()) { "1" } else { id };
        let words = [verb, which];
        node::act(project, intent, &Turn { words: &words, orphans_stop: true, order_stops: true })
    }

    fn probe(&self, project: &Project) -> Option<Command> {
        node::probe(project, &["up", "0"])
    }

    fn explain(&self, output: &str, _exit: Option<i32>) -> Failure {
        node::explain(output)
    }
}

fn load(tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
    let config = configured(&Package::read(tree).unwrap_or_default());
    let mut problems = Vec::new();
    if let Some(what) = &config.elsewhere {
        problems.push(Problem::new(Trouble::Syntax, "package.json", what.clone()));
    }
    let mut files = node::list(tree, directory, id, &mut problems).unwrap_or_else(|error| {
        problems.push(Problem::new(Trouble::Syntax, directory, error.to_string()));
        Vec::new()
    });
    files.sort_by_cached_key(order);
    let sql: Vec<&File> =
        files.iter().filter(|file| file.path.to_lowercase().ends_with(".sql")).collect();
    problems.extend(sql.iter().map(|file| {
        let detail = format!("{}: migrations in SQL are not read by this version", file.path);
        Problem::new(Trouble::Syntax, file.path.clone(), detail)
    }));
    let reading = Reading {
        dialect: Dialect::Pgm,
        infers: true,
        missing: "there is no down",
        no_transactions: false,
    };
    let migrations = node::migrations(&files, reading, &mut problems);
    let ran = read(rows);
    problems.extend(misplaced(&files, &ran));
    let joined = Joined {
        tool: "node_pg_migrate",
        directory,
        connected: *rows != Rows::Unknown,
        files: &files,
        rows: &ran,
        orphaned,
    };
    let program = [node::program(tree, NAME), config.options].concat();
    let setup = Setup { files: vec!["package.json".to_owned()], program, ..Setup::default() };
    joined.project(migrations, problems, setup)
}

fn read(rows: &Rows) -> Vec<Row> {
    let Rows::Read(rows) = rows else { return Vec::new() };
    let row = |row: &Vec<Option<String>>| {
        let at = row.get(1).cloned().flatten().and_then(|at| at.parse().ok());
        Some(Row { name: row.first().cloned().flatten()?, at })
    };
    rows.iter().filter_map(row).collect()
}

/// Compares place by place, as the tool does before it runs anything.
fn misplaced(files: &[File], rows: &[Row]) -> Option<Problem> {
    let (file, row) = files.iter().zip(rows).find(|(file, row)| file.id != row.name)?;
    let has_file = files.iter().any(|file| file.id == row.name);
    has_file.then(|| {
        let detail = format!(
            "{} has run already and this one before it has not, so node-pg-migrate refuses to run anything (Not run migration {} is preceding already run migration {}); give it a later number",
            row.name, file.id, row.name
        );
        Problem::new(Trouble::OutOfOrder, file.id.clone(), detail)
    })
}

fn orphaned(name: &str) -> String {
    format!(
        "the database has {name} and no file does: node-pg-migrate refuses to run anything; bring the file back, e.g. from version control"
    )
}

/// The table holds the name without its ending.
fn id(name: &str) -> Option<String> {
    if name.starts_with('.') {
        return None;
    }
    name.rsplit_once('.').map(|(stem, _)| stem.to_owned())
}

/// By number, then by name.
fn order(file: &File) -> (u128, String) {
    let digits: String = file.id.chars().take_while(char::is_ascii_digit).collect();
    (digits.parse().unwrap_or(u128::MAX), file.id.clone())
}

fn configured(package: &Package) -> Config {
    let option = |names: &[&str]| package.option(NAME, names);
    let directory = option(&["-m", "--migrations-dir"]);
    let table = option(&["-t", "--migrations-table"]);
    let schema = option(&["--migrations-schema"]).or_else(|| option(&["-s", "--schema"]));
    let file = option(&["-f", "--config-file"]);
    let given = [
        ("--migrations-dir", directory.clone()),
        ("--migrations-table", table.clone()),
        ("--migrations-schema", option(&["--migrations-schema"])),
        ("--schema", option(&["-s", "--schema"])),
        ("--database-url-var", option(&["-d", "--database-url-var"])),
    ];
    let words = |(name, value): (&str, Option<String>)| {
        value.map(|value| [name.to_owned(), value]).into_iter().flatten().collect::<Vec<_>>()
    };
    Config {
        options: given.into_iter().flat_map(words).collect(),
        directory: relative(&directory.unwrap_or_else(|| "migrations".to_owned())),
        table: Name { schema, name: table.unwrap_or_else(|| "pgmigrations".to_owned()) },
        elsewhere: file.map(|file| {
            format!("a script names the configuration {file}, which this version does not read: give the options in the script itself")
        }),
    }
}
