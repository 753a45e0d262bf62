//! Sequelize: umzug 3 and sequelize-cli 6, which keep the same table.
//!
//! Nothing of it is run to read it: not even its status, which creates the table.

use crate::domain::graph::{Problem, Trouble};
use crate::domain::plan::Command;
use crate::domain::reversal::Kind;
use crate::source::javascript::{Dialect, Module, Value};

use super::node::{self, File, Joined, Package, Reading, Row, Turn, relative};
use super::{
    Act, Detected, Failure, Intent, Project, Refused, Rows, Setup, Tool, Tree, VersionQuery, join,
};
use crate::domain::change::Name;

/// Returns the tool.
#[must_use]
pub fn tool() -> &'static dyn Tool {
    &Sequelize
}

struct Sequelize;

/// What is known of a project without its migrations.
#[derive(Clone, Debug)]
struct Config {
    is_cli: bool,
    why: String,
    directory: String,
    table: Name,
    /// The files that are executed or obeyed at each run.
    files: Vec<String>,
    /// What cannot be told, with the file.
    computed: Vec<Problem>,
    program: Vec<String>,
    verbs: Vec<String>,
    unrunnable: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            is_cli: false,
            why: String::new(),
            directory: "migrations".to_owned(),
            table: Name::new("SequelizeMeta"),
            files: Vec::new(),
            computed: Vec::new(),
            program: Vec::new(),
            verbs: Vec::new(),
            unrunnable: None,
        }
    }
}

impl Tool for Sequelize {
    fn name(&self) -> &'static str {
        "sequelize"
    }

    fn detect(&self, tree: &dyn Tree) -> Option<Detected> {
        let config = configured(tree)?;
        Some(Detected { directory: config.directory, why: config.why })
    }

    fn version_table(&self, tree: &dyn Tree) -> Name {
        configured(tree).unwrap_or_default().table
    }

    fn query(&self, table: &Name, _tree: &dyn Tree) -> VersionQuery {
        VersionQuery::of(table, "name::text", "ORDER BY name")
    }

    fn read(&self, tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
        load(tree, directory, rows)
    }

    fn act(&self, project: &Project, intent: &Intent) -> Result<Act, Refused> {
        act(project, intent)
    }

    fn probe(&self, project: &Project) -> Option<Command> {
        let word = match project.setup.verbs.get(2) {
            Some(look) => look,
            None if is_cli(project) => "db:migrate:status",
            None => "pending",
        };
        node::probe(project, &[word])
    }

    fn explain(&self, output: &str, _exit: Option<i32>) -> Failure {
        node::explain(output)
    }
}

fn load(tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
    let config = configured(tree).unwrap_or_default();
    let mut problems = config.computed;
    let files = node::list(tree, directory, id, &mut problems);
    let files: Vec<File> = files.unwrap_or_else(|unreadable| {
        problems.push(Problem::new(Trouble::Syntax, directory, unreadable.to_string()));
        Vec::new()
    });
    let missing = match config.is_cli {
        true => "there is no down: sequelize-cli would fail",
        false => {
            "there is no down: umzug takes its row away and reports success, and what up did stays"
        }
    };
    let reading =
        Reading { dialect: Dialect::Sequelize, infers: false, missing, no_transactions: false };
    let migrations = node::migrations(&files, reading, &mut problems);
    let rows_read = names(rows);
    let joined = Joined {
        tool: "sequelize",
        directory,
        connected: *rows != Rows::Unknown,
        files: &files,
        rows: &rows_read,
        orphaned: if config.is_cli { orphaned_cli } else { orphaned },
    };
    let setup = Setup {
        files: config.files,
        program: config.program,
        verbs: config.verbs,
        unrunnable: config.unrunnable,
        ..Setup::default()
    };
    let mut project = joined.project(migrations, problems, setup);
    let late = node::out_of_order(&project.graph, |later| {
        format!("{later} has run already, and this older one will now run after it")
    });
    project.problems.extend(late);
    project
}

fn names(rows: &Rows) -> Vec<Row> {
    let Rows::Read(rows) = rows else { return Vec::new() };
    let name = |row: &Vec<Option<String>>| row.first().cloned().flatten();
    rows.iter().filter_map(|row| Some(Row { name: name(row)?, at: None })).collect()
}

fn orphaned(name: &str) -> String {
    format!(
        "the database has {name} and no file does: umzug passes over it in silence; bring the file back, e.g. from version control"
    )
}

fn orphaned_cli(name: &str) -> String {
    format!(
        "the database has {name} and no file does: sequelize-cli fails (Unable to find migration: {name}); bring the file back, e.g. from version control"
    )
}

/// The table holds the name with its ending. Declarations of TypeScript are none.
fn id(name: &str) -> Option<String> {
    let (_, ending) = name.rsplit_once('.')?;
    let is_code = matches!(ending, "js" | "cjs" | "mjs" | "ts" | "cts" | "mts");
    (is_code && !name.contains(".d.")).then(|| name.to_owned())
}

fn act(project: &Project, intent: &Intent) -> Result<Act, Refused> {
    let id = intent.migration();
    let is_cli = is_cli(project);
    // To umzug a migration without down is one that is undone by forgetting it.
    let reversal = project.migration(id).map(|migration| migration.reversal.kind);
    if matches!(intent, Intent::Down(_)) && reversal == Some(Kind::Missing) {
        return Err(Refused::NoWayDown(id.to_owned()));
    }
    let words = match (is_cli, intent, project.setup.verbs.as_slice()) {
        (_, Intent::Up(_), [up, ..]) => vec![up.as_str(), id],
        (_, Intent::Down(_), [_, down, ..]) => vec![down.as_str(), id],
        (true, Intent::Up(_), _) => vec!["db:migrate", "--to", id],
        (true, Intent::Down(_), _) => vec!["db:migrate:undo", "--name", id],
        (false, Intent::Up(_), _) => vec!["up", "--name", id],
        (false, Intent::Down(_), _) => vec!["down", "--name", id],
    };
    node::act(project, intent, &Turn { words: &words, orphans_stop: is_cli, order_stops: false })
}

fn is_cli(project: &Project) -> bool {
    project.setup.program.last().is_some_and(|word| word.ends_with("sequelize-cli"))
}

/// Reads what the project says of its migrations; `None` if it uses neither tool.
fn configured(tree: &dyn Tree) -> Option<Config> {
    let package = Package::read(tree).unwrap_or_default();
    let has_rc = tree.read(".sequelizerc").is_ok();
    let mut config = if has_rc || package.has("sequelize-cli") {
        cli(tree, &package, has_rc)
    } else if package.has("umzug") {
        umzug(tree, &package)
    } else {
        return None;
    };
    config.directory = relative(&config.directory);
    config.files.extend(tree.read("package.json").is_ok().then(|| "package.json".to_owned()));
    Some(config)
}

fn cli(tree: &dyn Tree, package: &Package, has_rc: bool) -> Config {
    let mut config = Config {
        is_cli: true,
        why: "package.json depends on sequelize-cli".to_owned(),
        program: node::program(tree, "sequelize-cli"),
        ..Config::default()
    };
    let mut settings = None;
    if has_rc {
        ".sequelizerc is sequelize-cli's configuration".clone_into(&mut config.why);
        config.files.push(".sequelizerc".to_owned());
        let module = module(tree, ".sequelizerc").unwrap_or_else(|| Module::parse("", ""));
        match module.setting(&["migrations-path"]) {
            None => {}
            Some(Value::Str(path)) => config.directory = path,
            Some(_) => config.cannot_tell(Trouble::Syntax, ".sequelizerc", "migrations-path"),
        }
        if let Some(Value::Str(path)) = module.setting(&["config"]) {
            settings = Some(relative(&path));
        }
    }
    let given = package.option("sequelize-cli", &["--migrations-path"]);
    config.directory = given.unwrap_or(config.directory);
    let settings = settings.or_else(|| {
        let usual = ["config/config.json", "config/config.js"];
        usual.iter().find(|path| tree.read(path).is_ok()).map(|path| (*path).to_owned())
    });
    if let Some(path) = settings.filter(|path| tree.read(path).is_ok()) {
        config.storage(tree, &path, ["migrationStorageTableName", "migrationStorageTableSchema"]);
        config.files.push(path);
    }
    config
}

fn umzug(tree: &dyn Tree, package: &Package) -> Config {
    let mut config =
        Config { why: "package.json depends on umzug".to_owned(), ..Config::default() };
    let mut run = None;
    for path in scripts(tree, package) {
        let Some(module) = module(tree, &path).filter(|module| module.mentions("new Umzug("))
        else {
            continue;
        };
        if let Some(directory) = globbed(&module) {
            config.directory = directory;
        }
        config.storage(tree, &path, ["tableName", "schema"]);
        if let Some((program, verbs)) = by_verbs(tree, package, &path, &module) {
            (run, config.verbs) = (Some(program), verbs);
        }
        run = run.or_else(|| runs(tree, package, &path, &module));
        config.why = format!("{path} sets up umzug");
        config.files.push(path);
    }
    config.unrunnable = run.is_none().then(|| {
        "no script is known that runs umzug's own command line: give package.json scripts `up`, `down` and `status` of a file that hands a name on as `to`, or one that runs a file with `umzug.runAsCLI()` and nothing else that reads process.argv, e.g. \"umzug\": \"tsx umzug.ts\"".to_owned()
    });
    config.program = run.unwrap_or_default();
    config
}

/// Returns the files in which umzug may be set up.
fn scripts(tree: &dyn Tree, package: &Package) -> Vec<String> {
    let words = package.scripts.iter().flat_map(|script| script.split_whitespace());
    let mut found: Vec<String> = Vec::new();
    let mut add = |path: String| {
        if id(&path).is_some() && !found.contains(&path) {
            found.push(path);
        }
    };
    words.for_each(|word| add(relative(word)));
    for directory in ["", "src", "db", "scripts", "database"] {
        let entries = tree.list(directory).unwrap_or_default();
        let files = entries.iter().filter(|entry| !entry.is_dir);
        files.for_each(|entry| add(join(directory, &entry.name)));
    }
    found
}

/// Returns the directory of `glob: 'migrations/*.ts'` or `glob: ['migrations/*.ts', …]`.
fn globbed(module: &Module) -> Option<String> {
    module.values_of(&["glob"]).into_iter().find_map(|value| {
        let pattern = match value {
            Value::Str(pattern) => pattern,
            Value::List(items) => match items.into_iter().next()? {
                Value::Str(pattern) => pattern,
                _ => return None,
            },
            _ => return None,
        };
        let (directory, _) = pattern.rsplit_once('/').unwrap_or_default();
        (!directory.contains('*')).then(|| directory.to_owned())
    })
}

/// Returns the words that start umzug's own command line, where a script does just that.
fn runs(tree: &dyn Tree, package: &Package, path: &str, module: &Module) -> Option<Vec<String>> {
    if !module.mentions("runAsCLI(") || module.reads_arguments_besides("runAsCLI(") {
        return None;
    }
    package.scripts.iter().find_map(|script| Some(started(tree, script, path)?.0))
}

/// Returns the words of a script that start a file, and those behind it.
fn started<'s>(
    tree: &dyn Tree,
    script: &'s str,
    path: &str,
) -> Option<(Vec<String>, Vec<&'s str>)> {
    let words: Vec<&str> = script.split_whitespace().collect();
    let last = words.iter().position(|word| relative(word) == path)?;
    let plain = |word: &&str| word.chars().all(|c| c.is_alphanumeric() || "-_./@:=".contains(c));
    let start = words[..=last].iter().all(plain);
    let (first, rest) = words[..=last].split_first().filter(|_| start)?;
    let mut program = match *first {
        "node" | "npx" => vec![(*first).to_owned()],
        own => node::program(tree, own),
    };
    program.extend(rest.iter().map(|word| (*word).to_owned()));
    Some((program, words[last + 1..].to_vec()))
}

/// Returns the words that start the project's own command line, and its verbs for up, down and
/// a look: where scripts name them, and the file hands a name behind a verb on to umzug as
/// `to`, so that one migration can be meant.
fn by_verbs(
    tree: &dyn Tree,
    package: &Package,
    path: &str,
    module: &Module,
) -> Option<(Vec<String>, Vec<String>)> {
    let mut program = None;
    let mut verbs: Vec<&str> = Vec::new();
    for script in &package.scripts {
        if let Some((words, rest)) = started(tree, script, path)
            && let [verb] = rest.as_slice()
        {
            program = program.or(Some(words));
            verbs.push(*verb);
        }
    }
    let named = |wanted: &[&str]| verbs.iter().find(|verb| wanted.contains(verb)).copied();
    let (up, down) = (named(&["up"])?, named(&["down"])?);
    let look = named(&["status", "pending", "executed", "list"])?;
    let takes = module.takes_name_for("up") && module.takes_name_for("down");
    Some((program.filter(|_| takes)?, [up, down, look].map(str::to_owned).to_vec()))
}

fn module(tree: &dyn Tree, path: &str) -> Option<Module> {
    let text = String::from_utf8(tree.read(path).ok()?).ok()?;
    // JSON is an expression, not a program.
    let is_json = path.rsplit('.').next() == Some("json");
    Some(Module::parse(path, if is_json { format!("module.exports = {text}") } else { text }))
}

impl Config {
    /// Reads where the table is; all environments of the file have to agree.
    fn storage(&mut self, tree: &dyn Tree, path: &str, words: [&str; 2]) {
        let Some(module) = module(tree, path) else { return };
        let [table, schema] = words;
        for (word, is_schema) in [(table, false), (schema, true)] {
            let mut values = module.values_of(&[word]);
            values.dedup();
            match (values.as_slice(), is_schema) {
                ([], _) => {}
                ([Value::Str(name)], false) => self.table.name.clone_from(name),
                ([Value::Str(name)], true) => self.table.schema = Some(name.clone()),
                _ => self.cannot_tell(Trouble::VersionTable, path, word),
            }
        }
    }

    fn cannot_tell(&mut self, kind: Trouble, path: &str, what: &str) {
        let detail = format!(
            "{path}: {what} is put together by code, or differs between environments, so where the migrations and their table are cannot be told: write it as one literal{}",
            kind.cure()
        );
        self.computed.push(Problem::new(kind, path, detail));
    }
}
