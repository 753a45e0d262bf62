//! Knex 3: `knexfile.js`, one file per migration, a table with batches, and a row for its lock.

use crate::domain::change::Name;
use crate::domain::graph::{Problem, Trouble};
use crate::domain::plan::Command;
use crate::source::javascript::{Dialect, Module, Value};

use super::node::{self, File, Joined, Package, Reading, Row, Turn, relative};
use super::{
    Act, Detected, Failure, Intent, Project, Refused, Rows, Setup, Tool, Tree, VersionQuery,
    linear, literal,
};

/// Returns the tool.
#[must_use]
pub fn tool() -> &'static dyn Tool {
    &Knex
}

struct Knex;

/// What stands in the knexfile.
#[derive(Clone, Debug)]
struct Config {
    file: Option<String>,
    directory: String,
    table: Name,
    no_transactions: bool,
    computed: Vec<(Trouble, String)>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            file: None,
            directory: "migrations".to_owned(),
            table: Name::new("knex_migrations"),
            no_transactions: false,
            computed: Vec::new(),
        }
    }
}

impl Tool for Knex {
    fn name(&self) -> &'static str {
        "knex"
    }

    fn detect(&self, tree: &dyn Tree) -> Option<Detected> {
        let config = configured(tree)?;
        let why = match &config.file {
            Some(file) => format!("{file} is Knex's configuration"),
            None => "package.json depends on knex".to_owned(),
        };
        let entries = tree.list(&config.directory).ok()?;
        // An application may use Knex for its queries alone.
        let is_used = config.file.is_some() || entries.iter().any(|e| id(&e.name).is_some());
        if !is_used {
            return None;
        }
        Some(Detected { directory: config.directory, why })
    }

    fn version_table(&self, tree: &dyn Tree) -> Name {
        configured(tree).unwrap_or_default().table
    }

    fn query(&self, table: &Name, _tree: &dyn Tree) -> VersionQuery {
        query(table)
    }

    fn read(&self, tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
        load(tree, directory, rows)
    }

    fn act(&self, project: &Project, intent: &Intent) -> Result<Act, Refused> {
        let verb = if matches!(intent, Intent::Up(_)) { "migrate:up" } else { "migrate:down" };
        let words = [verb, intent.migration()];
        node::act(project, intent, &Turn { words: &words, orphans_stop: true, order_stops: false })
    }

    fn probe(&self, project: &Project) -> Option<Command> {
        node::probe(project, &["migrate:status"])
    }

    fn explain(&self, output: &str, _exit: Option<i32>) -> Failure {
        node::explain(output)
    }
}

/// What the lock's row is called among those of the migrations.
const LOCK: &str = "lock";

/// The lock's table is read through XML, so that the query holds also where it is missing.
fn query(table: &Name) -> VersionQuery {
    let lock = Name { name: format!("{}_lock", table.name), ..table.clone() };
    let (quoted, lock) = (table.quoted(), lock.quoted());
    let held = literal(&format!("SELECT max(is_locked) AS held FROM {lock}"));
    let time = linear::time_of("migration_time", true);
    let rows = format!(
        "SELECT kind, name, batch, at FROM (\
         SELECT 'row' AS kind, id, name::text, batch::text, {time} AS at \
         FROM {quoted} UNION ALL SELECT '{LOCK}', 0, \
         CASE WHEN to_regclass({}) IS NULL THEN NULL \
         ELSE (query_to_xml({held}, true, false, '')::text LIKE '%<held>1</held>%')::text END, \
         {}, NULL) AS all_rows ORDER BY id",
        literal(&lock),
        literal(&lock)
    );
    VersionQuery { rows, ..VersionQuery::of(table, "", "") }
}

fn load(tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
    let config = configured(tree).unwrap_or_default();
    let file = config.file.clone().unwrap_or_default();
    let mut problems: Vec<Problem> = config
        .computed
        .iter()
        .map(|(kind, what)| Problem::new(*kind, file.clone(), what.clone()))
        .collect();
    let files: Vec<File> = node::list(tree, directory, id, &mut problems).unwrap_or_else(|error| {
        problems.push(Problem::new(Trouble::Syntax, directory, error.to_string()));
        Vec::new()
    });
    let reading = Reading {
        dialect: Dialect::Knex,
        infers: false,
        missing: "there is no down: Knex would fail",
        no_transactions: config.no_transactions,
    };
    let migrations = node::migrations(&files, reading, &mut problems);
    let lock = config.table.renamed(&format!("{}_lock", config.table.name)).quoted();
    let (ran, held) = read(rows, &lock);
    problems.extend(held.map(locked));
    let joined = Joined {
        tool: "knex",
        directory,
        connected: *rows != Rows::Unknown,
        files: &files,
        rows: &ran,
        orphaned,
    };
    let setup = Setup {
        files: config.file.into_iter().collect(),
        program: node::program(tree, "knex"),
        ..Setup::default()
    };
    let mut project = joined.project(migrations, problems, setup);
    let late = node::out_of_order(&project.graph, |later| {
        format!("{later} has run already, and Knex will now run this older one")
    });
    project.problems.extend(late);
    project
}

/// Returns what ran, and the lock's table if it is held: the one that was read, else `usual`.
fn read(rows: &Rows, usual: &str) -> (Vec<Row>, Option<String>) {
    let Rows::Read(rows) = rows else { return (Vec::new(), None) };
    let mut ran = Vec::new();
    let mut held = None;
    for row in rows {
        let [kind, name, lock, at] = row.as_slice() else { continue };
        match (kind.as_deref(), name) {
            (Some(LOCK), value) => {
                held = (value.as_deref() == Some("true"))
                    .then(|| lock.clone().unwrap_or_else(|| usual.to_owned()));
            }
            (_, Some(name)) => {
                let at = at.as_ref().and_then(|at| at.parse().ok());
                ran.push(Row { name: name.clone(), at });
            }
            _ => {}
        }
    }
    (ran, held)
}

fn locked(lock: String) -> Problem {
    let detail = format!(
        "{lock} is held: another run is under way, or one has died; Knex fails (Migration table is already locked); look at the activity, and when nobody runs one, `knex migrate:unlock`"
    );
    Problem::new(Trouble::Locked, lock, detail)
}

fn orphaned(name: &str) -> String {
    format!(
        "the database has {name} and no file does: Knex refuses to run anything (The migration directory is corrupt); bring the file back, e.g. from version control"
    )
}

/// The endings that Knex loads, of those that are in use; the table holds the whole name.
fn id(name: &str) -> Option<String> {
    let (_, ending) = name.rsplit_once('.')?;
    let is_code = matches!(ending, "js" | "cjs" | "mjs" | "ts");
    (is_code && !name.contains(".d.")).then(|| name.to_owned())
}

fn configured(tree: &dyn Tree) -> Option<Config> {
    let names = ["knexfile.js", "knexfile.cjs", "knexfile.mjs", "knexfile.ts"];
    let found = names.iter().find_map(|name| Some((*name, tree.read(name).ok()?)));
    let mut config = Config::default();
    let Some((name, bytes)) = found else {
        return Package::read(tree)?.has("knex").then_some(config);
    };
    config.file = Some(name.to_owned());
    let module = Module::parse(name, String::from_utf8_lossy(&bytes));
    let mut setting = |word: &str| {
        let mut values = module.values_of(&["migrations", word]);
        values.dedup();
        match values.as_slice() {
            [] => None,
            [Value::Str(text)] => Some(text.clone()),
            _ => {
                let kind = match word {
                    "directory" => Trouble::Syntax,
                    _ => Trouble::VersionTable,
                };
                config.computed.push((kind, format!(
                    "{name}: migrations.{word} is put together by code, or differs between environments, so it cannot be told: write it as one literal{}",
                    kind.cure()
                )));
                None
            }
        }
    };
    let (directory, table, schema) =
        (setting("directory"), setting("tableName"), setting("schemaName"));
    config.directory = relative(&directory.unwrap_or(config.directory));
    config.table.name = table.unwrap_or(config.table.name);
    config.table.schema = schema;
    config.no_transactions =
        module.values_of(&["migrations", "disableTransactions"]).contains(&Value::Bool(true));
    Some(config)
}
