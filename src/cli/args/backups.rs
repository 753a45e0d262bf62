//! Flags of the commands that make, list, prove and restore backups.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::texts::CHANGING;
use super::{Changing, Target};
use crate::domain::verify::Level;

/// Flags of `backups`.
#[derive(Args, Debug, Clone, Default)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Backups {
    /// What is done to them; they are listed if left out.
    #[command(subcommand)]
    pub tend: Option<Tend>,
    /// The configuration file; else lockkeeper.toml, looked for upwards from here
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the migration tool's project lies
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// One JSON document on stdout
    #[arg(long)]
    pub json: bool,
}

/// `backups …`
#[derive(Subcommand, Debug, Clone)]
pub enum Tend {
    /// Remove what the rules of [backups] no longer keep, of this target's database
    Prune {
        /// How it is confirmed.
        #[command(flatten)]
        changing: Changing,
    },
    /// Keep a backup whatever the rules say
    Pin(Tended),
    /// Let the rules hold for a backup again
    Unpin(Tended),
    /// Write a manifest for a backup that was found: from then on a change of it is noticed
    Adopt(Tended),
}

/// Which backup, and how that is confirmed.
#[derive(Args, Debug, Clone)]
pub struct Tended {
    /// Where it lies, as the list shows it
    pub backup: PathBuf,
    /// How it is confirmed.
    #[command(flatten)]
    pub changing: Changing,
}

/// Flags of `verify`.
#[derive(Args, Debug, Clone)]
pub struct Verify {
    /// The backup: a file, the directory that a dump in directory format is, or the place of one
    /// that pgBackRest or Barman keeps, as the list shows it: then its own program proves it
    pub file: PathBuf,
    /// How far: L0 header and contents, L1 unchanged since it was made, L2 nothing is missing,
    /// L3 every row decodes, counted by table; in a scratch server on this machine: L4 it loads,
    /// L5 it holds as many rows as its source did, L6 `pg_amcheck` finds no fault in it
    #[arg(long, value_name = "LEVEL", default_value = "L3", value_parser = level)]
    pub level: Level,
    /// One JSON document on stdout
    #[arg(long)]
    pub json: bool,
}

fn level(text: &str) -> Result<Level, String> {
    Level::parse(text).ok_or_else(|| "levels are L0 to L6".to_owned())
}

/// Flags of `backup`.
#[derive(Args, Debug, Clone)]
pub struct Backup {
    /// The directory that it goes to; else the first of [backups] directories
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// How much of the database
    #[arg(long, value_enum, default_value_t)]
    pub scope: Scope,
    /// Only this table, with its partitions; may be given several times. Data only: a restore
    /// needs a database that has all that it refers to
    #[arg(long, value_name = "TABLE", conflicts_with = "scope")]
    pub table: Vec<String>,
    /// This table once more as CSV beside the dump, of the same snapshot; may be given several times
    #[arg(long, value_name = "TABLE")]
    pub csv: Vec<String>,
    /// How it is confirmed.
    #[command(flatten)]
    pub changing: Changing,
}

/// How much of the database a backup holds.
#[derive(ValueEnum, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// Schema and rows
    #[default]
    Full,
    /// The schema without rows
    Schema,
}

/// Flags of `restore`.
#[derive(Args, Debug, Clone)]
pub struct Restore {
    /// The backup: a file or directory, its name in the list of backups, or newest
    #[arg(required_unless_present_any = ["undo", "drop"])]
    pub backup: Option<String>,
    /// Swap back to the database from before the last swap; what was written since stays behind
    #[arg(long, conflicts_with_all = ["backup", "drop"])]
    pub undo: bool,
    /// Drop the new database of a restore that came to no end
    #[arg(long, value_name = "DATABASE", conflicts_with = "backup")]
    pub drop: Option<String>,
    /// How much is free where the server keeps the database, if that cannot be told from here:
    /// 50GB
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub free: Option<u64>,
    /// Nobody reads on replicas any more, and a pooler is paused: you have seen to it
    #[arg(long)]
    pub drained: bool,
    /// How it is confirmed.
    #[command(flatten)]
    pub changing: Changing,
}

fn bytes(text: &str) -> Result<u64, String> {
    let no = || format!("{text} is no size: 800MB, 50GB, 2TB");
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..end].parse().map_err(|_| no())?;
    let power = match text[end..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "kb" => 1,
        "mb" => 2,
        "gb" => 3,
        "tb" => 4,
        _ => return Err(no()),
    };
    number.checked_mul(1024_u64.pow(power)).ok_or_else(no)
}

/// Flags of `salvage`.
#[derive(Args, Debug, Clone)]
pub struct Salvage {
    /// The table, as SQL names it
    pub table: String,
    /// Only this column, with the key of its rows
    #[arg(long, value_name = "COLUMN")]
    pub column: Option<String>,
    /// The directory that it goes to; else the first of [backups] directories
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// How it is confirmed.
    #[command(flatten)]
    pub changing: Changing,
}

/// `restore-table …`
#[derive(Subcommand, Debug, Clone)]
pub enum RestoreTable {
    /// Load a backup into a scratch server and stage the rows of the table beside the live one
    #[command(after_help = CHANGING)]
    Stage {
        /// The table, as SQL names it
        table: String,
        /// The backup
        file: PathBuf,
        /// How it is confirmed.
        #[command(flatten)]
        changing: Changing,
    },
    /// Count how the live table differs from what is staged: missing, changed, only in live
    Diff {
        /// The table, as SQL names it
        table: String,
        /// Which database.
        #[command(flatten)]
        target: Target,
    },
    /// Merge what is staged into the live table, by the classes of difference that are named
    #[command(after_help = CHANGING)]
    Merge {
        /// The table, as SQL names it
        table: String,
        /// Insert rows that are only in the backup; some may have been rightly deleted
        #[arg(long)]
        missing: bool,
        /// Set rows that differ back to what the backup holds
        #[arg(long)]
        changed: bool,
        /// Delete rows that are only in the live table
        #[arg(long)]
        only_live: bool,
        /// How it is confirmed.
        #[command(flatten)]
        changing: Changing,
    },
    /// Put what is staged in the place of all rows; keys that refer to them are checked anew
    #[command(after_help = CHANGING)]
    Replace {
        /// The table, as SQL names it
        table: String,
        /// How it is confirmed.
        #[command(flatten)]
        changing: Changing,
    },
    /// Drop what is staged
    #[command(after_help = CHANGING)]
    Drop {
        /// The table, as SQL names it
        table: String,
        /// How it is confirmed.
        #[command(flatten)]
        changing: Changing,
    },
}
