//! The files of a project: their text, their names, what stands in `.env`.

use crate::domain::change::Name;
use crate::domain::graph::{Problem, Trouble};
use crate::tools::{Entry, Tree};

/// Reads a file as text.
///
/// # Errors
/// A sentence with the path, and the line that is not UTF-8.
pub(in crate::tools) fn text(tree: &dyn Tree, path: &str) -> Result<String, String> {
    let bytes = tree.read(path).map_err(|unreadable| unreadable.to_string())?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].split(|byte| *byte == b'\n').count();
        format!("{path}:{line}: not UTF-8: save it as UTF-8")
    })
}

/// Reads a file as text; `None` if it cannot be, which is then a problem of `id`.
pub(in crate::tools) fn read(
    tree: &dyn Tree,
    path: &str,
    id: &str,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let text = text(tree, path);
    text.map_err(|why| problems.push(Problem::new(Trouble::Syntax, id, why))).ok()
}

/// Returns what a directory holds, sorted by name; nothing if it cannot be listed, which is
/// then a problem.
pub(in crate::tools) fn entries(
    tree: &dyn Tree,
    directory: &str,
    problems: &mut Vec<Problem>,
) -> Vec<Entry> {
    tree.list(directory).unwrap_or_else(|unreadable| {
        problems.push(Problem::new(Trouble::Syntax, directory, unreadable.to_string()));
        Vec::new()
    })
}

/// Returns the names of the files of a directory, as [`entries`] does.
pub(in crate::tools) fn names(
    tree: &dyn Tree,
    directory: &str,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let files = entries(tree, directory, problems).into_iter().filter(|entry| !entry.is_dir);
    files.map(|entry| entry.name).collect()
}

/// Returns what the project's `.env` gives a variable: the tools that are written in Go read it.
pub(in crate::tools) fn dotenv(tree: &dyn Tree, name: &str) -> Option<String> {
    let text = text(tree, ".env").ok()?;
    let lines = text.lines().map(|line| line.trim().trim_start_matches("export "));
    let found = lines.filter_map(|line| line.split_once('=')).find(|(key, _)| key.trim() == name);
    let value = found?.1.trim().trim_matches(['"', '\'']).to_owned();
    (!value.is_empty()).then_some(value)
}

/// Returns a file's path, if it is there.
pub(in crate::tools) fn present(tree: &dyn Tree, path: &str) -> Vec<String> {
    tree.read(path).is_ok().then(|| path.to_owned()).into_iter().collect()
}

/// Reads `table` or `schema.table`.
pub(in crate::tools) fn named(text: &str) -> Name {
    match text.split_once('.') {
        Some((schema, name)) => Name::within(schema, name),
        None => Name::new(text),
    }
}

/// Returns `directory`, or what stands for the project's own.
pub(in crate::tools) fn place(directory: &str) -> &str {
    if directory.is_empty() { "." } else { directory }
}

/// Returns a whole number at the beginning of a name, and what follows.
pub(in crate::tools) fn number(name: &str) -> Option<(&str, &str)> {
    let end = name.find(|c: char| !c.is_ascii_digit()).unwrap_or(name.len());
    (end > 0).then(|| name.split_at(end))
}
