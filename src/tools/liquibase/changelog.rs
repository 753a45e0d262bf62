//! Where the changelog is, and what it includes.

use super::{Changeset, formatted, linear, xml};
use crate::domain::graph::{Problem, Trouble};
use crate::tools::{Tree, join};

/// Where a changelog usually lies, below a place from which it is named.
const USUAL: [&str; 4] =
    ["db/changelog/db.changelog-master", "db/changelog/db.changelog", "changelog", "db/changelog"];
const ENDINGS: [&str; 5] = ["xml", "sql", "yaml", "yml", "json"];
/// Spring keeps it among its resources, and names it from there.
const PLACES: [&str; 2] = ["", "src/main/resources"];
/// How deep changelogs include each other.
const DEPTH: usize = 16;

/// The changelog that the others hang on.
#[derive(Clone, Debug, Default)]
pub(super) struct Root {
    /// As Liquibase calls it.
    pub file: String,
    /// From where it is named.
    pub base: String,
    pub why: String,
    /// The file that names it, which may also name a database.
    pub properties: Option<String>,
    pub table: Option<String>,
    pub lock: Option<String>,
    pub schema: Option<String>,
}

impl Root {
    /// Returns the changelog that `liquibase.properties` names, or one at a usual place.
    pub(super) fn find(tree: &dyn Tree) -> Option<Self> {
        Self::configured(tree).or_else(|| Self::usual(tree))
    }

    fn configured(tree: &dyn Tree) -> Option<Self> {
        const FILE: &str = "liquibase.properties";
        let text = linear::text(tree, FILE).ok()?;
        let value = |names: &[&str]| {
            let mut lines = text.lines().filter_map(|line| line.split_once(['=', ':']));
            let found =
                lines.find(|(key, _)| names.iter().any(|n| key.trim().eq_ignore_ascii_case(n)));
            found.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let file = value(&["changeLogFile", "liquibase.command.changelogFile"])?;
        let file = file.trim_start_matches("classpath:").trim_start_matches("./").to_owned();
        let base = PLACES.into_iter().find(|place| tree.read(&join(place, &file)).is_ok());
        Some(Self {
            why: format!("{FILE} names the changelog {file}"),
            properties: Some(FILE.to_owned()),
            base: base.unwrap_or_default().to_owned(),
            table: value(&["databaseChangeLogTableName", "liquibase.databaseChangeLogTableName"]),
            lock: value(&[
                "databaseChangeLogLockTableName",
                "liquibase.databaseChangeLogLockTableName",
            ]),
            schema: value(&["liquibaseSchemaName", "liquibase.liquibaseSchemaName"])
                .or_else(|| value(&["defaultSchemaName"])),
            file,
        })
    }

    fn usual(tree: &dyn Tree) -> Option<Self> {
        for base in PLACES {
            for file in USUAL.iter().flat_map(|stem| ENDINGS.map(|end| format!("{stem}.{end}"))) {
                let path = join(base, &file);
                let Ok(text) = linear::text(tree, &path) else { continue };
                let is_one = match file.rsplit('.').next() {
                    Some("sql") => formatted::is_one(&text),
                    _ => text.contains("databaseChangeLog"),
                };
                if is_one {
                    let why = format!("{path} is a changelog of Liquibase");
                    return Some(Self { file, base: base.to_owned(), why, ..Self::default() });
                }
            }
        }
        None
    }

    /// Returns the directory of the changelog in the project.
    pub(super) fn directory(&self) -> String {
        let path = join(&self.base, &self.file);
        path.rsplit_once('/').map(|(directory, _)| directory.to_owned()).unwrap_or_default()
    }
}

/// What a changelog says, in its order.
pub(super) enum Item {
    Set(Box<Changeset>),
    Include { path: String, relative: bool },
    IncludeAll { path: String, relative: bool },
}

/// The changesets of all changelogs, in the order in which Liquibase runs them.
#[derive(Default)]
pub(super) struct Changelog {
    sets: Vec<Changeset>,
    /// The paths of what was read, in the project.
    pub files: Vec<String>,
    /// The changelogs that are not read.
    pub unread: Vec<String>,
}

impl Changelog {
    /// Reads a changelog and what it includes.
    pub(super) fn read(
        &mut self,
        tree: &dyn Tree,
        root: &Root,
        file: &str,
        problems: &mut Vec<Problem>,
    ) {
        self.read_at(tree, root, file, DEPTH, problems);
    }

    fn read_at(
        &mut self,
        tree: &dyn Tree,
        root: &Root,
        file: &str,
        depth: usize,
        problems: &mut Vec<Problem>,
    ) {
        let path = join(&root.base, file);
        if depth == 0 || self.files.contains(&path) {
            return;
        }
        let Some(text) = linear::read(tree, &path, file, problems) else { return };
        self.files.push(path.clone());
        let source = Source { file, path: &path, text: &text };
        let items = match file.rsplit('.').next() {
            Some("sql") => formatted::read(&source, problems),
            Some("xml") => xml::read(&source, problems),
            _ => {
                let detail = format!(
                    "{path} is neither formatted SQL nor XML and is not read: what it holds, and which of it is pending, is unknown"
                );
                problems.push(Problem::new(Trouble::Unreachable, file, detail));
                self.unread.push(file.to_owned());
                return;
            }
        };
        for item in items {
            match item {
                Item::Set(set) => self.sets.push(*set),
                Item::Include { path, relative } => {
                    let next = place(file, &path, relative);
                    self.read_at(tree, root, &next, depth - 1, problems);
                }
                Item::IncludeAll { path, relative } => {
                    let directory = place(file, path.trim_end_matches('/'), relative);
                    let names = linear::names(tree, &join(&root.base, &directory), problems);
                    for name in names {
                        self.read_at(tree, root, &join(&directory, &name), depth - 1, problems);
                    }
                }
            }
        }
    }

    /// Returns the changesets; those that Liquibase cannot tell apart are a problem.
    pub(super) fn unique(&self, problems: &mut Vec<Problem>) -> Vec<Changeset> {
        let mut kept: Vec<Changeset> = Vec::new();
        for set in &self.sets {
            if kept.iter().any(|other| other.full() == set.full()) {
                let detail = format!(
                    "{}:{}: a second changeset {}:{}: Liquibase refuses to run anything (Validation Failed: 1 change sets had duplicate identifiers); give it another id",
                    set.path, set.line, set.author, set.id
                );
                problems.push(Problem::new(Trouble::DuplicateId, set.full(), detail));
            } else {
                kept.push(set.clone());
            }
        }
        kept
    }
}

/// A changelog's text, and where it lies.
pub(super) struct Source<'a> {
    /// As the table calls it.
    pub file: &'a str,
    /// In the project.
    pub path: &'a str,
    pub text: &'a str,
}

fn place(file: &str, path: &str, relative: bool) -> String {
    let path = path.trim_start_matches("classpath:").trim_start_matches("./");
    match file.rsplit_once('/').filter(|_| relative) {
        Some((directory, _)) => join(directory, path),
        None => path.to_owned(),
    }
}
