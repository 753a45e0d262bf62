//! The files of the revisions.

use std::num::NonZero;
use std::thread;

use crate::domain::change::{Change, Statement};
use crate::domain::graph::{Problem, Trouble};
use crate::domain::hazard::Transactions;
use crate::domain::reversal::{self, Kind, Reversal};
use crate::domain::untrusted::Untrusted;
use crate::source::python::Module;
use crate::source::python::alembic::{self, Header, Way};
use crate::tools::{Migration, Script, Tree, join};

use super::config::Config;

/// A revision as its file tells it.
#[derive(Clone, Debug)]
pub(super) struct Revision {
    pub path: String,
    pub header: Header,
    pub migration: Migration,
}

impl Revision {
    pub(super) fn id(&self) -> &str {
        &self.migration.id
    }
}

/// Reads every revision, in the order in which Alembic loads them; what cannot be read is a
/// problem.
pub(super) fn read(tree: &dyn Tree, config: &Config, problems: &mut Vec<Problem>) -> Vec<Revision> {
    let mut texts = Vec::new();
    for path in paths(tree, config, problems) {
        match tree.read(&path) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => texts.push((path, text)),
                Err(error) => {
                    let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                    let line = before.split(|byte| *byte == b'\n').count();
                    problems.push(fatal(&path, &format!("{path}:{line}: not UTF-8")));
                }
            },
            Err(error) => problems.push(fatal(&path, &error.to_string())),
        }
    }
    let mut revisions = Vec::new();
    for (read, troubles) in compiled(&texts, config) {
        problems.extend(troubles);
        revisions.extend(read);
    }
    revisions
}

fn paths(tree: &dyn Tree, config: &Config, problems: &mut Vec<Problem>) -> Vec<String> {
    let mut paths = Vec::new();
    let mut open: Vec<String> = config.versions.iter().rev().cloned().collect();
    while let Some(directory) = open.pop() {
        let entries = match tree.list(&directory) {
            Ok(entries) => entries,
            // Alembic passes over a place that is not there.
            Err(error) if error.missing && config.versions.len() > 1 => continue,
            Err(error) => {
                let detail = format!("{error}: {} names it", config.file);
                problems.push(Problem::new(Trouble::Syntax, directory, detail));
                continue;
            }
        };
        let files = entries.iter().filter(|entry| !entry.is_dir && is_revision(&entry.name));
        let found: Vec<String> = files.map(|entry| join(&directory, &entry.name)).collect();
        paths.extend(found.into_iter().filter(|path| !paths.contains(path)).collect::<Vec<_>>());
        if config.recursive {
            let inner = entries.iter().rev().filter(|e| e.is_dir && e.name != "__pycache__");
            open.extend(inner.map(|entry| join(&directory, &entry.name)));
        }
    }
    paths
}

/// The names that Alembic loads.
fn is_revision(name: &str) -> bool {
    name.strip_suffix(".py").is_some() && !name.starts_with(".#") && !name.starts_with("__init__")
}

/// What came of a file.
type Read = (Option<Revision>, Vec<Problem>);

/// Compiles the files on all cores, in their order.
fn compiled(texts: &[(String, String)], config: &Config) -> Vec<Read> {
    /// Below this a thread costs more than it brings.
    const FEW: usize = 16;
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let hands = cores.min(texts.len().div_ceil(FEW)).max(1);
    let one = |(path, text): &(String, String)| revision(path, text, config);
    // In turns, as a project's first revisions are the longest.
    let turn = |hand| texts.iter().skip(hand).step_by(hands).map(one).collect::<Vec<Read>>();
    let mut parts: Vec<_> = thread::scope(|scope| {
        // What a thread keeps of Python ends with it: none of it is done in the caller's.
        let parts: Vec<_> = (0..hands).map(|hand| scope.spawn(move || turn(hand))).collect();
        let done = parts.into_iter().map(|part| part.join().expect("nothing in it panics"));
        done.map(Vec::into_iter).collect()
    });
    (0..texts.len()).filter_map(|at| parts[at % hands].next()).collect()
}

fn revision(path: &str, text: &str, config: &Config) -> Read {
    let module = Module::parse(text);
    let mut problems = Vec::new();
    if let Some(fault) = module.fault() {
        let detail = format!("{path}:{}: no Python at `{}`", fault.line, fault.near);
        problems.push(fatal(path, &detail));
    }
    let header = alembic::header(&module);
    // A label is needed only where another revision names it, and is missing then.
    for (name, line) in header.computed.iter().filter(|(name, _)| *name != "branch_labels") {
        let detail = format!(
            "{path}:{line}: {name} is put together by code: only Alembic itself can tell it; write it as a literal"
        );
        problems.push(Problem::new(Trouble::Syntax, path, detail));
    }
    let Some(id) = header.revision.clone() else {
        if problems.is_empty() {
            let detail = format!("{path}: no `revision = …` in it");
            problems.push(fatal(path, &detail));
        }
        return (None, problems);
    };
    let migration = migration(&id, path, text, &module, config);
    problems.extend(refused(&migration));
    (Some(Revision { path: path.to_owned(), header, migration }), problems)
}

/// Returns a problem of a file that keeps Alembic from doing anything at all.
fn fatal(path: &str, what: &str) -> Problem {
    let detail = format!(
        "{what}; Alembic loads every file, so every command of it fails until this one is mended or removed"
    );
    Problem::new(Trouble::Syntax, path, detail)
}

fn migration(id: &str, path: &str, text: &str, module: &Module, config: &Config) -> Migration {
    let up = alembic::compile(module, "upgrade");
    let down = alembic::compile(module, "downgrade");
    let text = Untrusted::new(text);
    let script = |way: Way| Script {
        file: path.to_owned(),
        text: text.clone(),
        transactions: transactions(&way, config),
        statements: way.statements,
        complete: way.complete,
    };
    let nothing = || Script {
        file: path.to_owned(),
        text: text.clone(),
        statements: Vec::new(),
        transactions: Transactions::One,
        complete: false,
    };
    let statements: &[Statement] = up.as_ref().map_or(&[], |way| &way.statements);
    Migration {
        id: id.to_owned(),
        reversal: judged(statements, down.as_ref()),
        up: up.map_or_else(nothing, script),
        down: down.map(script),
    }
}

/// Judges the way down; says by which line it does nothing.
fn judged(up: &[Statement], down: Option<&Way>) -> Reversal {
    let mut judged = reversal::judge(up, down.map(|way| way.statements.as_slice()));
    match (judged.kind, down) {
        (Kind::Missing, _) => {
            judged.why =
                "there is no downgrade(): Alembic would fail with an AttributeError".into();
        }
        (Kind::NoOp, Some(Way { idle: Some(idle), .. })) => {
            judged.line = Some(idle.line);
            let only = if idle.what == "a message" { "only writes a message" } else { "is empty" };
            let what = if idle.what == "pass" { " (pass)" } else { "" };
            judged.why = format!("downgrade() {only}{what}: {}", judged.why);
        }
        // What is left out may be what matters.
        (Kind::Reversible, Some(way)) if way.statements.iter().any(opaque) => {
            judged.kind = Kind::Unknown;
        }
        _ => {}
    }
    judged
}

fn opaque(statement: &Statement) -> bool {
    statement.changes.iter().any(Change::is_opaque)
}

fn transactions(way: &Way, config: &Config) -> Transactions {
    let environment = &config.environment;
    match way.transactions {
        _ if config.broken.is_some() => Transactions::Unknown,
        _ if environment.no_transactional_ddl => Transactions::None,
        _ if environment.autocommit || !environment.begins_transaction => Transactions::Unknown,
        own => own,
    }
}

fn refused(migration: &Migration) -> Vec<Problem> {
    let scripts = std::iter::once(&migration.up).chain(&migration.down);
    scripts
        .filter_map(cannot_run)
        .map(|why| Problem::new(Trouble::Unreachable, migration.id.clone(), why))
        .collect()
}

/// Returns why PostgreSQL would refuse a statement of a script where it stands.
pub(super) fn cannot_run(script: &Script) -> Option<String> {
    let refuses = |s: &&Statement| s.changes.iter().any(Change::refuses_transaction);
    let statement = script.statements.iter().find(refuses)?;
    (script.transactions == Transactions::One).then(|| {
        format!(
            "{}:{}: {} cannot run in a transaction: put it in `with op.get_context().autocommit_block():`",
            script.file, statement.line, statement.kind
        )
    })
}
