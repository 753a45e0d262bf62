//! Migration tools, one file each, pure: they read through [`Tree`], translate
//! rows, files and output to the domain, and intents to commands.
//!
//! Adding a tool: one file, one line in [`all`], golden samples.

pub mod alembic;
pub mod barman;
pub mod catalog;
pub mod command;
pub mod dbmate;
pub mod django;
mod failure;
pub mod flyway;
pub mod golang_migrate;
pub mod goose;
pub mod knex;
mod linear;
pub mod liquibase;
mod lock;
pub mod lost;
pub mod mark;
mod named;
mod node;
pub mod node_pg_migrate;
mod past;
pub mod pg_dump;
pub mod pgbackrest;
pub mod prisma;
mod project;
pub mod sequelize;
pub mod sql;
pub mod sqlx;
pub mod status;
mod tree;
pub mod version;
pub mod walg;

pub use failure::{Failure, FailureKind};
pub use lock::Advisory;
pub use named::{by_word, named};
pub use project::{Migration, Project, Script, Setup};
pub use tree::{Entry, Tree, Unreadable, join};

use crate::domain::change::Name;
use crate::domain::graph::{Problem, Trouble};
use crate::domain::plan::{Command, Direction};

/// The tools that are known, in the order in which a directory is tried.
#[must_use]
pub fn all() -> Vec<&'static dyn Tool> {
    vec![
        alembic::tool(),
        django::tool(),
        sequelize::tool(),
        knex::tool(),
        node_pg_migrate::tool(),
        dbmate::tool(),
        goose::tool(),
        golang_migrate::tool(),
        prisma::tool(),
        flyway::tool(),
        liquibase::tool(),
        sqlx::tool(),
    ]
}

/// Returns a tool by the name that the configuration gives it.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Tool> {
    all().into_iter().find(|tool| tool.name() == name)
}

/// Returns every tool that recognises the project, with where and why.
#[must_use]
pub fn detect(tree: &dyn Tree) -> Vec<(&'static dyn Tool, Detected)> {
    all().into_iter().filter_map(|tool| tool.detect(tree).map(|found| (tool, found))).collect()
}

/// Returns what to set where the files of two tools lie in places of their own, so that which
/// one is meant cannot be told; those that take the same files are told apart by their order.
#[must_use]
pub fn ambiguous(found: &[(&'static dyn Tool, Detected)]) -> Option<String> {
    let (first, (tool, own)) = (found.first()?.0, found.first()?);
    let apart = |(_, other): &&(&dyn Tool, Detected)| {
        let inside = |a: &str, b: &str| a.is_empty() || b == a || b.starts_with(&format!("{a}/"));
        !inside(&own.directory, &other.directory) && !inside(&other.directory, &own.directory)
    };
    let (other, there) = found.iter().find(apart)?;
    Some(format!(
        "two migration tools' files lie here: {} ({}) and {} ({}); say which one is meant: [project] tool = \"{}\", or the place with --project",
        tool.name(),
        own.why,
        other.name(),
        there.why,
        first.name().replace('-', "_")
    ))
}

/// Where a tool's migrations were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// The directory of the migrations, relative to the project.
    pub directory: String,
    /// What it was recognised by.
    pub why: String,
}

/// How a tool's version table is read: in a READ ONLY transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionQuery {
    /// The table, for messages.
    pub table: String,
    /// A query with one boolean: whether the table is there.
    pub exists: String,
    /// A query over the table with every column cast to `text`, in order.
    pub rows: String,
}

impl VersionQuery {
    /// Returns the query for these columns of a table; `rest` is what follows its name.
    #[must_use]
    pub(crate) fn of(table: &Name, columns: &str, rest: &str) -> Self {
        let quoted = table.quoted();
        Self {
            exists: format!("SELECT to_regclass({}) IS NOT NULL", literal(&quoted)),
            rows: format!("SELECT {columns} FROM {quoted} {rest}"),
            table: quoted,
        }
    }
}

/// Returns a text as SQL writes it.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// What the version table holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rows {
    /// The database was not asked or did not answer.
    #[default]
    Unknown,
    /// There is no such table: nothing has ever run.
    Absent,
    /// The rows, each column as text, NULL as `None`.
    Read(Vec<Vec<Option<String>>>),
    /// The same, and the advisory locks that others hold in the database.
    Locked(Vec<Vec<Option<String>>>, Vec<Advisory>),
}

/// What a person wants of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Run exactly this pending migration.
    Up(String),
    /// Undo exactly this applied migration.
    Down(String),
}

impl Intent {
    /// Returns the migration that runs or is undone.
    #[must_use]
    pub fn migration(&self) -> &str {
        match self {
            Self::Up(id) | Self::Down(id) => id,
        }
    }

    /// Returns which way it goes.
    #[must_use]
    pub fn direction(&self) -> Direction {
        match self {
            Self::Up(_) => Direction::Up,
            Self::Down(_) => Direction::Down,
        }
    }
}

/// One act of a tool: what runs and what must be true afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// What runs. The word `lockkeeper` as program means this program itself.
    pub command: Command,
    /// The revisions that the database must be at before.
    pub before: Vec<String>,
    /// The revisions that the database must be at when it has succeeded.
    pub after: Vec<String>,
    /// The files that it executes, relative to the project.
    pub files: Vec<String>,
    /// Why no `lock_timeout` may be set, if none may: CONCURRENTLY would leave
    /// an invalid index.
    pub no_lock_timeout: Option<String>,
}

/// Why a tool cannot be asked for something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such migration.
    #[error("there is no migration {0}; `lockkeeper status` lists them")]
    NoSuchMigration(String),
    /// It has run already, or has not run yet.
    #[error("{id} is {state}, so it cannot go {direction}")]
    WrongState {
        /// The migration.
        id: String,
        /// `applied`, `pending`, `orphan` or `dirty`.
        state: String,
        /// `up` or `down`.
        direction: String,
    },
    /// The tool would run another one first.
    #[error("{first} comes before {id}: the tool would run both; go one by one")]
    NotNext {
        /// The migration asked for.
        id: String,
        /// The one whose turn it is.
        first: String,
    },
    /// There is no way down.
    #[error("{0} has no way down: write one, restore a backup, or go forward with a new migration")]
    NoWayDown(String),
    /// The database was not read.
    #[error("what the database has is not known, so nothing can be run")]
    UnknownState,
    /// The tool itself would refuse.
    #[error("{0}")]
    Problem(String),
}

/// A migration tool.
pub trait Tool: Sync {
    /// Returns the name for the configuration and for people.
    fn name(&self) -> &'static str;

    /// Returns where the project keeps this tool's migrations, if it does.
    fn detect(&self, tree: &dyn Tree) -> Option<Detected>;

    /// Returns the table in which the tool keeps what the database has, as far as the
    /// project tells.
    fn version_table(&self, tree: &dyn Tree) -> Name;

    /// Returns how that table is read.
    fn query(&self, table: &Name, tree: &dyn Tree) -> VersionQuery;

    /// Returns how to read what the database has.
    fn version_query(&self, tree: &dyn Tree) -> VersionQuery {
        self.query(&self.version_table(tree), tree)
    }

    /// Returns what the tool does while somebody holds this lock, as part of a sentence; `None`
    /// if it is not the one under which it runs.
    fn locks_with(&self, _lock: &Advisory, _table: &Name) -> Option<&'static str> {
        None
    }

    /// Returns the word for a child of ours that reads the same table: [`by_word`].
    fn word(&self) -> String {
        self.name().to_owned()
    }

    /// Reads the migrations from files and rows, without running a line of them;
    /// what cannot be read is a problem of the project, the rest stays listed.
    fn read(&self, tree: &dyn Tree, directory: &str, rows: &Rows) -> Project;

    /// Reads the same; where it cannot be told which table holds the version, the rows are
    /// those of another one, and what the database has is not known.
    fn load(&self, tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
        let (rows, locks) = rows.apart();
        let mut project = self.read(tree, directory, &rows);
        past::judge(&mut project);
        if !locks.is_empty() {
            project.problems.extend(lock::held(self, &self.version_table(tree), locks));
        }
        let untold = |problem: &Problem| problem.kind == Trouble::VersionTable;
        project.connected &= !project.problems.iter().any(untold);
        project
    }

    /// Returns the command of one act, in the project's directory.
    ///
    /// # Errors
    /// If the tool cannot do exactly that and nothing else.
    fn act(&self, project: &Project, intent: &Intent) -> Result<Act, Refused>;

    /// Returns a command that connects as the tool would and changes nothing,
    /// to prove which database the tool means; `None` if it has none.
    fn probe(&self, project: &Project) -> Option<Command>;

    /// Returns a command that prints the SQL of one migration without a database; `None`
    /// if the tool has none for it.
    fn printed(&self, _project: &Project, _intent: &Intent) -> Option<Command> {
        None
    }

    /// Reads what a failed run said.
    fn explain(&self, output: &str, exit: Option<i32>) -> Failure;
}
