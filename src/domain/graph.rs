//! The migrations of a project in their order, and which of them the database has.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;

/// Whether the database has a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It has run.
    Applied,
    /// It has not run.
    Pending,
    /// The database has it and no file does.
    Orphan,
    /// It began and did not end, as the tool recorded.
    Dirty,
}

/// One migration and what it follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Node {
    /// The tool's own id of it.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// The file of the way up, relative to the project.
    pub file: Option<String>,
    /// The ids that must run before; several for a merge.
    pub parents: Vec<String>,
    /// Whether the database has it.
    pub state: State,
    /// When it ran, where the tool records that.
    pub applied_at: Option<DateTime<Utc>>,
}

/// What is wrong with a project before anything runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Two ends of the graph: the tool does not know which one is meant.
    MultipleHeads,
    /// The database has a migration that no file holds.
    Orphan,
    /// A migration follows one that does not exist.
    MissingParent,
    /// Two migrations of one id.
    DuplicateId,
    /// A file cannot be read or parsed.
    Syntax,
    /// Which table holds the version cannot be told from the project.
    VersionTable,
    /// A file was changed after it ran.
    Checksum,
    /// Whether files were changed after they ran cannot be told.
    Uncompared,
    /// A migration began and did not end.
    Dirty,
    /// The tool's own lock is held.
    Locked,
    /// A pending migration is older than one that has run.
    OutOfOrder,
    /// The tool will never run it, or cannot run it as it is written.
    Unreachable,
}

impl Trouble {
    /// Returns what else the configuration can do about it, as the end of a sentence.
    #[must_use]
    pub fn cure(self) -> &'static str {
        match self {
            Self::VersionTable => {
                ", or name the table in lockkeeper.toml: [project] version_table and version_table_schema"
            }
            _ => "",
        }
    }
}

/// Something wrong, and with which migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What kind of trouble.
    pub kind: Trouble,
    /// The migration, file or table.
    pub id: String,
    /// What happened and what to do.
    pub detail: String,
    /// The migration whose file is missing, where one is.
    #[serde(skip)]
    pub missing: Option<String>,
}

impl Problem {
    /// Returns a problem with its detail.
    pub fn new(kind: Trouble, id: impl Into<String>, detail: impl Into<String>) -> Self {
        let id = id.into();
        let missing = (kind == Trouble::Orphan).then(|| id.clone());
        Self { kind, id, detail: detail.into(), missing }
    }

    /// Returns true if the tool itself would refuse to run anything.
    #[must_use]
    pub fn stops_the_tool(&self) -> bool {
        !matches!(self.kind, Trouble::OutOfOrder | Trouble::Unreachable | Trouble::Uncompared)
    }
}

/// All migrations, in the order in which the tool runs them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// The migrations; orphans stand where their id sorts.
    pub nodes: Vec<Node>,
}

impl Graph {
    /// Returns a migration by id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// Returns the pending migrations, in the order in which the tool would run them.
    pub fn pending(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.state == State::Pending)
    }

    /// Returns what the database has, in order.
    #[must_use]
    pub fn applied(&self) -> impl DoubleEndedIterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.state != State::Pending)
    }

    /// Returns the ids that no other migration of the files follows.
    #[must_use]
    pub fn heads(&self) -> Vec<String> {
        self.ends(|node| node.state != State::Orphan)
    }

    /// Returns the ids that the database has and that nothing it has follows.
    #[must_use]
    pub fn current(&self) -> Vec<String> {
        self.ends(|node| node.state != State::Pending)
    }

    /// Returns the id that a person means: in full, or by the beginning of only one.
    ///
    /// # Errors
    /// A sentence that names those that begin so.
    pub fn resolve(&self, word: &str) -> Result<&Node, String> {
        if let Some(node) = self.find(word) {
            return Ok(node);
        }
        let begins = |node: &&Node| !word.is_empty() && node.id.starts_with(word);
        let found: Vec<&Node> = self.nodes.iter().filter(begins).collect();
        match found.as_slice() {
            [node] => Ok(node),
            [] => Err(format!("there is no migration {word}; `lockkeeper status` lists them")),
            several => {
                let ids: Vec<&str> = several.iter().map(|node| node.id.as_str()).collect();
                Err(format!("{word} may be any of {}: write more of it", ids.join(", ")))
            }
        }
    }

    /// Returns a migration's id and all that has to run before it.
    #[must_use]
    pub fn ancestors(&self, id: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            if found.insert(id.to_owned())
                && let Some(node) = self.find(id)
            {
                open.extend(node.parents.iter().map(String::as_str));
            }
        }
        found
    }

    /// Returns a migration's id and all that has to be undone before it.
    #[must_use]
    pub fn descendants(&self, id: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            if found.insert(id.to_owned()) {
                let follows = |node: &&Node| node.parents.iter().any(|parent| parent == id);
                open.extend(self.nodes.iter().filter(follows).map(|node| node.id.as_str()));
            }
        }
        found
    }

    fn ends(&self, counts: impl Fn(&Node) -> bool) -> Vec<String> {
        let counted: Vec<&Node> = self.nodes.iter().filter(|node| counts(node)).collect();
        let followed: BTreeSet<&str> =
            counted.iter().flat_map(|node| &node.parents).map(String::as_str).collect();
        let is_end = |node: &&&Node| !followed.contains(node.id.as_str());
        counted.iter().filter(is_end).map(|node| node.id.clone()).collect()
    }
}
