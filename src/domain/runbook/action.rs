//! Acts: the one action of a step, and what surrounds it.

use serde::{Deserialize, Serialize};

use super::{Deed, Endpoint};
use crate::domain::evidence::{Claim, Level, Name, Operand, Word};
use crate::domain::plan::{Risk, Signal};
use crate::domain::quantity::Period;
use crate::domain::tables::Classes;

/// One action after confirmation.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// What is done.
    pub action: Action,
    /// The worse of what the file declares and what this kind of action can do at least.
    pub risk: Risk,
    /// Names of the gates that must allow it.
    pub gates: Vec<String>,
    /// What must hold afterwards.
    pub verify: Vec<Claim>,
    /// What brings the former state back, e.g. the end of a maintenance mode.
    pub undo: Option<Action>,
    /// After so long it is cancelled; policy decides if the file says nothing.
    pub timeout: Option<Period>,
    /// Whether it runs in a rehearsal, too, where it reaches outside of the copy.
    pub rehearse: bool,
}

/// What an act does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Statements; `$1`… are the binds.
    Sql {
        /// The text.
        text: String,
        /// The values of `$1`, `$2`…
        binds: Vec<Operand>,
    },
    /// A program with its arguments; no shell.
    Command(Vec<Word>),
    /// Migrations, one confirmed act each.
    Migrate(Migrate),
    /// A backup.
    Backup(Backup),
    /// A proof of a backup.
    VerifyBackup(VerifyBackup),
    /// A restore.
    Restore(Restore),
    /// Ends a statement or a session.
    Signal(Signalled),
    /// An HTTP request.
    Http(Endpoint),
    /// The configuration's command of that name: what only this team's platform knows.
    Configured(String),
    /// What undoes the act of the step of that id, where that is due.
    UndoOf(String),
}

impl Action {
    /// Returns the least risk that this kind of action carries, whatever a file declares.
    ///
    /// Only SQL can be `read` by declaration: the server holds it to that.
    #[must_use]
    pub fn least_risk(&self) -> Risk {
        match self {
            Self::Sql { .. } | Self::VerifyBackup(_) => Risk::Read,
            Self::Migrate(Migrate::Down(_)) => Risk::Lossy,
            Self::Signal(Signalled { kind: Signal::Terminate, .. }) => Risk::Lossy,
            Self::Restore(Restore::Tables { rows, .. }) if !rows.destroys() => Risk::Lossy,
            Self::Restore(_) => Risk::Destructive,
            Self::Command(_)
            | Self::Migrate(Migrate::Up(_))
            | Self::Backup(_)
            | Self::Signal(_)
            | Self::Http(_)
            | Self::Configured(_)
            | Self::UndoOf(_) => Risk::Safe,
        }
    }

    /// Returns what kind of deed it is, as `never` lists write it.
    #[must_use]
    pub fn deed(&self) -> Deed {
        match self {
            Self::Sql { .. } => Deed::Sql,
            Self::Command(_) | Self::Configured(_) | Self::UndoOf(_) => Deed::Command,
            Self::Migrate(Migrate::Up(_)) => Deed::Migrate,
            Self::Migrate(Migrate::Down(_)) => Deed::Rollback,
            Self::Backup(_) => Deed::Backup,
            Self::VerifyBackup(_) => Deed::VerifyBackup,
            Self::Restore(_) => Deed::Restore,
            Self::Signal(_) => Deed::Signal,
            Self::Http(_) => Deed::Http,
        }
    }

    /// Returns the names that the action needs values for.
    #[must_use]
    pub fn names(&self) -> Vec<&Name> {
        match self {
            Self::Sql { binds, .. } => binds.iter().filter_map(Operand::name).collect(),
            Self::Command(argv) => argv.iter().filter_map(Word::name).collect(),
            Self::Migrate(
                Migrate::Up(Up::Revision(word)) | Migrate::Down(Down::Revision(word)),
            ) => word.name().into_iter().collect(),
            Self::Backup(backup) => backup.tables().iter().filter_map(Word::name).collect(),
            Self::VerifyBackup(verify) => verify.backup.name().into_iter().collect(),
            Self::Restore(Restore::Full { backup }) => backup.name().into_iter().collect(),
            Self::Restore(Restore::Tables { backup, tables, .. }) => {
                backup.name().into_iter().chain(tables.iter().filter_map(Word::name)).collect()
            }
            Self::Signal(signalled) => signalled.session.name().into_iter().collect(),
            Self::Http(endpoint) => endpoint.names().collect(),
            Self::Migrate(_) | Self::Configured(_) | Self::UndoOf(_) => Vec::new(),
        }
    }
}

/// Migrations in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Migrate {
    /// Forward.
    Up(Up),
    /// Back.
    Down(Down),
}

/// How far forward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Up {
    /// All that are pending.
    Head,
    /// The next one.
    Next,
    /// Up to this one.
    Revision(Word),
}

/// How far back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Down {
    /// The last one.
    Previous,
    /// Until the database is at this one.
    Revision(Word),
}

/// What is backed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backup {
    /// The whole database.
    Full,
    /// Its schema without rows.
    Schema,
    /// The rows of these tables; at least one.
    Tables(Vec<Word>),
    /// The rows of these tables as CSV, of one snapshot; at least one.
    Csv(Vec<Word>),
}

impl Backup {
    /// Returns the tables, if it is of tables.
    #[must_use]
    pub fn tables(&self) -> &[Word] {
        match self {
            Self::Full | Self::Schema => &[],
            Self::Tables(tables) | Self::Csv(tables) => tables,
        }
    }
}

/// A proof of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyBackup {
    /// The backup; `newest` is the one that this run made last, else the newest.
    #[serde(default = "newest")]
    pub backup: Word,
    /// The level to prove.
    pub level: Level,
}

pub(super) fn newest() -> Word {
    Word::Text("newest".to_owned())
}

/// A restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restore {
    /// The whole database, into a new one that is swapped in.
    Full {
        /// The backup.
        backup: Word,
    },
    /// Rows of tables.
    Tables {
        /// The backup.
        backup: Word,
        /// The tables; at least one.
        tables: Vec<Word>,
        /// Which of their rows; at least one class.
        rows: Classes,
    },
}

/// Ends a statement or a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signalled {
    /// Which of both.
    pub kind: Signal,
    /// The session, as an `ask` step picked it.
    pub session: Word,
}
