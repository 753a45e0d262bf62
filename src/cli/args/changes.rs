//! Flags of the commands that change one thing in the database.

use clap::Args;

use super::Changing;

/// Flags of `up` and `down`.
#[derive(Args, Debug, Clone, Default)]
pub struct Migrating {
    /// Go on to this revision, one migration after the other, each with a yes of its own;
    /// the beginning of its id is enough if no other one begins so
    #[arg(long, value_name = "REVISION")]
    pub to: Option<String>,
    /// How it is confirmed.
    #[command(flatten)]
    pub changing: Changing,
}

/// Flags of `cancel` and `terminate`.
#[derive(Args, Debug, Clone)]
pub struct Signal {
    /// The backend's process id
    pub pid: i32,
    /// How it is confirmed.
    #[command(flatten)]
    pub changing: Changing,
}

/// Flags of `mend`.
#[derive(Args, Debug, Clone)]
pub struct Mend {
    /// The invalid index as SCHEMA.NAME, or `mark` for what a dead run left in the tool's own
    /// table; what is left, if that is one thing
    pub what: Option<String>,
    /// How it is confirmed.
    #[command(flatten)]
    pub changing: Changing,
}
