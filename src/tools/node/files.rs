//! The files of the migrations.

use crate::domain::change::{Change, Statement};
use crate::domain::graph::{Problem, Trouble};
use crate::domain::hazard::Transactions;
use crate::domain::reversal::{self, Kind, Reversal};
use crate::domain::untrusted::Untrusted;
use crate::source::javascript::{Dialect, Found, Module, Way};
use crate::tools::{Migration, Script, Tree, Unreadable, join};

/// A migration's file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// What the version table calls it.
    pub id: String,
    pub path: String,
    pub text: String,
}

impl File {
    /// Returns its name for people: without number and ending.
    pub(crate) fn title(&self) -> String {
        let stem = self.id.split('.').next().unwrap_or_default();
        let name = stem.trim_start_matches(|c: char| c.is_ascii_digit());
        name.trim_start_matches(['-', '_', '.']).replace(['_', '-'], " ")
    }
}

/// Returns the files of a directory whose names `takes` turns into ids, sorted by name.
///
/// # Errors
/// If the directory cannot be listed.
pub(crate) fn list(
    tree: &dyn Tree,
    directory: &str,
    takes: impl Fn(&str) -> Option<String>,
    problems: &mut Vec<Problem>,
) -> Result<Vec<File>, Unreadable> {
    let mut files = Vec::new();
    for entry in tree.list(directory)?.iter().filter(|entry| !entry.is_dir) {
        let Some(id) = takes(&entry.name) else { continue };
        let path = join(directory, &entry.name);
        let text = tree.read(&path).map_err(|error| error.to_string());
        let text = text
            .and_then(|bytes| String::from_utf8(bytes).map_err(|_| format!("{path}: not UTF-8")));
        let text = text.unwrap_or_else(|why| {
            problems.push(Problem::new(Trouble::Syntax, id.clone(), why));
            String::new()
        });
        files.push(File { id, path, text });
    }
    Ok(files)
}

/// How a tool takes its files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub dialect: Dialect,
    /// True if a way down that is not there is made of the way up.
    pub infers: bool,
    /// What it does without a way down.
    pub missing: &'static str,
    /// True if no migration is run in a transaction.
    pub no_transactions: bool,
}

/// Compiles the files; what cannot be parsed is a problem.
pub(crate) fn migrations(
    files: &[File],
    reading: Reading,
    problems: &mut Vec<Problem>,
) -> Vec<Migration> {
    files.iter().map(|file| migration(file, reading, problems)).collect()
}

fn migration(file: &File, reading: Reading, problems: &mut Vec<Problem>) -> Migration {
    let module = Module::parse(&file.path, file.text.as_str());
    let mut say = |kind: Trouble, what: String| {
        problems.push(Problem::new(kind, file.id.clone(), what));
    };
    if let Some(fault) = module.fault() {
        let (line, near) = (fault.line, fault.near);
        say(Trouble::Syntax, format!("{}:{line}: cannot be parsed at `{near}`", file.path));
    }
    let script = |way: &Way| script(file, way, &module, reading);
    let up = match module.compile("up", reading.dialect) {
        Found::Way(way) => script(&way),
        Found::Missing | Found::Disabled(_) => {
            say(Trouble::Unreachable, format!("{} exports no function `up`", file.path));
            nothing(file)
        }
    };
    let found = module.compile("down", reading.dialect);
    let (down, reversal) = match &found {
        Found::Way(way) => (Some(script(way)), judged(&up.statements, way)),
        Found::Disabled(line) => {
            let why = "`down` is false: the way down is disabled";
            (None, Reversal::new(Kind::Raises, why, Some(*line)))
        }
        Found::Missing => match module.inferred().filter(|_| reading.infers) {
            Some(way) => (Some(script(&way)), inferred(&up.statements, &way)),
            None => (None, Reversal::new(Kind::Missing, reading.missing, None)),
        },
    };
    for script in std::iter::once(&up).chain(&down) {
        if let Some(why) = cannot_run(script) {
            say(Trouble::Unreachable, why);
        }
    }
    Migration { id: file.id.clone(), up, down, reversal }
}

fn script(file: &File, way: &Way, module: &Module, reading: Reading) -> Script {
    use crate::source::javascript::Value;
    let own = module.setting(&["config", "transaction"]);
    let transactions = match (reading.dialect, own) {
        (Dialect::Knex, Some(Value::Bool(false))) => Transactions::None,
        (Dialect::Knex, Some(Value::Bool(true)) | None) if !reading.no_transactions => {
            way.transactions
        }
        (Dialect::Knex, None) => Transactions::None,
        (Dialect::Knex, Some(_)) => Transactions::Unknown,
        _ => way.transactions,
    };
    Script {
        file: file.path.clone(),
        text: Untrusted::new(file.text.clone()),
        statements: way.statements.clone(),
        transactions,
        complete: way.complete,
    }
}

fn nothing(file: &File) -> Script {
    Script {
        file: file.path.clone(),
        text: Untrusted::new(file.text.clone()),
        statements: Vec::new(),
        transactions: Transactions::Unknown,
        complete: false,
    }
}

/// Judges the way down; says by which line it does nothing.
fn judged(up: &[Statement], way: &Way) -> Reversal {
    let mut judged = reversal::judge(up, Some(&way.statements));
    match (judged.kind, way.idle) {
        (Kind::NoOp, Some(idle)) => {
            let only = if idle.logs { "only writes a message" } else { "is empty" };
            judged.line = Some(idle.line);
            judged.why = format!("down() {only}: {}", judged.why);
        }
        // What is left out may be what matters.
        (Kind::Reversible, _) if !way.complete => judged.kind = Kind::Unknown,
        _ => {}
    }
    judged
}

fn inferred(up: &[Statement], way: &Way) -> Reversal {
    let mut judged = judged(up, way);
    judged.why = match judged.kind {
        Kind::Raises => {
            "there is no down, and none can be inferred: node-pg-migrate fails with \"Impossible to automatically infer down migration\"".to_owned()
        }
        _ => format!("there is no down: it is inferred from up; {}", judged.why),
    };
    judged
}

/// Returns why PostgreSQL would refuse a statement of a script where it stands.
pub(crate) fn cannot_run(script: &Script) -> Option<String> {
    let refuses = |s: &&Statement| s.changes.iter().any(Change::refuses_transaction);
    let statement = script.statements.iter().find(refuses)?;
    (script.transactions == Transactions::One).then(|| {
        format!(
            "{}:{}: {} cannot run in a transaction",
            script.file, statement.line, statement.kind
        )
    })
}
