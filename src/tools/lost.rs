//! Files that are missing, and what version control knows of them.

use super::linear;

/// A file's coming or going in some commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// The commit.
    pub commit: String,
    /// True if the commit took it away.
    pub deleted: bool,
    /// The path, relative to the project.
    pub path: String,
}

/// Reads `git log --name-status --format=@%H`, the latest first.
#[must_use]
pub fn read(output: &str) -> Vec<Past> {
    let mut commit = "";
    let mut found = Vec::new();
    for line in output.lines() {
        if let Some(hash) = line.strip_prefix('@') {
            commit = hash;
        } else if let Some((status, path)) = line.split_once('\t') {
            let deleted = status == "D";
            found.push(Past { commit: commit.to_owned(), deleted, path: path.to_owned() });
        }
    }
    found
}

/// Returns the command that brings back the file of a migration, to be run in the project's
/// directory; `None` if no commit has held one that is named so.
#[must_use]
pub fn command(id: &str, history: &[Past]) -> Option<String> {
    const SHORT: usize = 12;
    let past = history.iter().find(|past| is_of(id, &past.path))?;
    let commit: String = past.commit.chars().take(SHORT).collect();
    let before = if past.deleted { "^" } else { "" };
    let command =
        linear::command(&["git", "checkout", &format!("{commit}{before}"), "--", &past.path]);
    Some(command.line())
}

/// Returns true if a file is named as the tools name that of this migration.
fn is_of(id: &str, path: &str) -> bool {
    let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
    if name == id || above.rsplit('/').next() == Some(id) {
        return true;
    }
    if let Some((file, _)) = id.split_once("::") {
        return path.ends_with(file);
    }
    if id.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = linear::number(name.trim_start_matches('V')).map(|(digits, _)| digits);
        return digits.is_some_and(|own| own.trim_start_matches('0') == id.trim_start_matches('0'));
    }
    let stem = name.split('.').next().unwrap_or_default();
    let of_app = id.split_once('.').is_some_and(|(app, own)| {
        stem == own && above.split('/').any(|directory| directory == app)
    });
    let mut words = stem.split(|c: char| !c.is_ascii_alphanumeric());
    of_app || stem == id || words.any(|word| word == id)
}
