//! The apps of a project and their migrations.

use crate::domain::graph::{Problem, Trouble};
use crate::domain::hazard::Transactions;
use crate::domain::reversal;
use crate::domain::untrusted::Untrusted;
use crate::source::python::Module;
use crate::source::python::django::{self, Header, Key, State};
use crate::tools::{Migration, Script, Tree, join, linear};

use super::id;
use super::plan::Plan;

/// How deep apps are looked for.
const DEPTH: usize = 4;

/// A file of a migration.
pub(super) struct File {
    pub key: Key,
    pub path: String,
    pub text: String,
    pub header: Header,
}

/// Returns where `manage.py` and at least one migration are: here, or right below.
pub(super) fn place(tree: &dyn Tree) -> Option<String> {
    let below = tree.list("").ok()?.into_iter().filter(|e| e.is_dir && !is_foreign(&e.name));
    let mut places = std::iter::once(String::new()).chain(below.map(|entry| entry.name));
    places.find(|place| {
        let manage = linear::text(tree, &join(place, "manage.py")).unwrap_or_default();
        manage.contains("django") && !apps(tree, place).is_empty()
    })
}

fn is_foreign(name: &str) -> bool {
    name.starts_with('.')
        || matches!(name, "node_modules" | "venv" | "env" | "site-packages" | "target" | "static")
}

/// Returns the directories of migrations, each with its app's label.
fn apps(tree: &dyn Tree, place: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![(place.to_owned(), 0)];
    while let Some((directory, depth)) = open.pop() {
        let Ok(entries) = tree.list(&directory) else { continue };
        for entry in entries.into_iter().filter(|e| e.is_dir && !is_foreign(&e.name)) {
            let path = join(&directory, &entry.name);
            if entry.name == "migrations" && tree.read(&join(&path, "__init__.py")).is_ok() {
                found.push((label(tree, &directory), path));
            } else if depth < DEPTH {
                open.push((path, depth + 1));
            }
        }
    }
    found.sort();
    found
}

/// An app is called as its package, unless its `AppConfig` says otherwise.
fn label(tree: &dyn Tree, directory: &str) -> String {
    let config = linear::text(tree, &join(directory, "apps.py")).map(Module::parse);
    let given = config.ok().and_then(|module| django::class_value(&module, "label"));
    let package = directory.rsplit('/').next().unwrap_or_default();
    given.unwrap_or_else(|| package.to_owned())
}

/// Reads the migrations, sorted by app and name.
pub(super) fn read(tree: &dyn Tree, place: &str, problems: &mut Vec<Problem>) -> Vec<File> {
    let mut files: Vec<File> = Vec::new();
    for (app, directory) in apps(tree, place) {
        for entry in tree.list(&directory).unwrap_or_default() {
            let name = entry.name.strip_suffix(".py").filter(|_| !entry.is_dir);
            let Some(name) = name.filter(|name| !name.starts_with(['_', '~'])) else { continue };
            let path = join(&directory, &entry.name);
            let key = (app.clone(), name.to_owned());
            match one(tree, &path) {
                Ok((text, header)) => files.push(File { key, path, text, header }),
                Err(why) => problems.push(Problem::new(Trouble::Syntax, path, why)),
            }
        }
    }
    files.sort_by(|a, b| a.key.cmp(&b.key));
    files
}

fn one(tree: &dyn Tree, path: &str) -> Result<(String, Header), String> {
    let every = "Django loads every file, so every command of it fails until it is mended";
    let text = linear::text(tree, path)?;
    let module = Module::parse(text.as_str());
    if let Some(fault) = module.fault() {
        return Err(format!("{path}:{}: no Python at `{}`; {every}", fault.line, fault.near));
    }
    let header = django::header(&module);
    let header = header.ok_or_else(|| format!("{path}: no class Migration in it; {every}"))?;
    Ok((text, header))
}

/// Compiles the migrations, each on what those before it have left.
pub(super) fn compile(files: &[File], plan: &Plan, problems: &mut Vec<Problem>) -> Vec<Migration> {
    let mut state = State::default();
    plan.order.iter().map(|at| migration(&files[*at], &mut state, problems)).collect()
}

fn migration(file: &File, state: &mut State, problems: &mut Vec<Problem>) -> Migration {
    let module = Module::parse(file.text.as_str());
    let ways = django::compile(&module, &file.key.0, state);
    let script = |statements| Script {
        file: file.path.clone(),
        text: Untrusted::new(file.text.clone()),
        statements,
        transactions: if file.header.atomic { Transactions::One } else { Transactions::None },
        complete: true,
    };
    let reversal = reversal::judge(&ways.up, Some(&ways.down));
    let (up, down) = (script(ways.up), script(ways.down));
    let refused = [&up, &down].into_iter().find_map(|script| {
        let statement = script.refusing().filter(|_| file.header.atomic)?;
        Some(format!(
            "{}:{}: {} cannot run in a transaction: write atomic = False into the class Migration",
            file.path, statement.line, statement.kind
        ))
    });
    problems.extend(refused.map(|why| Problem::new(Trouble::Unreachable, id(&file.key), why)));
    Migration { id: id(&file.key), up, down: Some(down), reversal }
}
