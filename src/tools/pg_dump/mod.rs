//! What `pg_dump` and `pg_dumpall` write, recognised by its bytes and read without a server.
//!
//! Formats: custom, directory and tar archives of versions 1.12 to 1.16 (`pg_dump` 9.6.8 and
//! later; source: `pg_backup_archiver.c`, `pg_backup_custom.c`, `pg_backup_directory.c`,
//! `pg_backup_tar.c` of PostgreSQL 15 to 18), and plain scripts, compressed or not.
//! Nothing is believed: every length is checked against what is there, everything ends.

mod base;
mod compression;
mod copy;
mod custom;
mod decode;
mod directory;
mod found;
mod input;
mod plain;
mod revision;
mod rows;
mod sort;
mod tar;
mod toc;

use std::io::{self, Read, Seek};

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::domain::backup::{Kind, Scope};
use crate::domain::untrusted::Untrusted;

pub use decode::{Decoded, Progress, Rows, difference};
pub use sort::{Sort, sort};

/// Bytes of a file that can be read from any place.
pub trait Bytes: Read + Seek {}

impl<T: Read + Seek> Bytes for T {}

/// A directory of files.
pub trait Folder {
    /// Returns the size of a file in bytes, or `None` if there is none of that name.
    fn size(&self, name: &str) -> Option<u64>;

    /// Opens a file.
    ///
    /// # Errors
    /// As the system says.
    fn open(&self, name: &str) -> io::Result<Box<dyn Bytes + '_>>;
}

/// Takes it that a tool's version table has this name, whether its own files or our configuration
/// say so: the revision in a backup is read from there.
pub fn know_version_table(tool: &str, name: &str) {
    revision::know(tool, name);
}

/// How far a backup is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Header and table of contents only (L0).
    Head,
    /// Every block (L2), if that takes no more than so many steps: a step is a block of the
    /// archive or 4 KiB of what has to be read through.
    Steps(u64),
    /// Every block (L2), however long it takes.
    Whole,
    /// Every block, all of it decoded and the rows of each table counted (L3).
    Rows,
}

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// The local time of the machine that ran `pg_dump`; its zone is nowhere.
    pub created_local: Option<NaiveDateTime>,
    /// The database.
    pub database: Option<Untrusted>,
    /// The cluster, which only a copy of its files tells.
    pub system_identifier: Option<String>,
    /// When it was begun, where that is written down with its zone.
    pub started_at: Option<DateTime<Utc>>,
    /// The server's version, as it names itself.
    pub server_version: Option<Untrusted>,
    /// The version of `pg_dump`.
    pub tool_version: Option<Untrusted>,
    /// How much is in it, as far as that leaves a trace: `-T` leaves none.
    pub scope: Option<Scope>,
    /// What the version table in it holds; `None`: there is none that is known, or it
    /// could not be read.
    pub revisions: Option<Vec<String>>,
    /// Tables with rows.
    pub tables: Option<usize>,
    /// Whether header and table of contents could be read: what was found, or what is wrong.
    pub head: Result<String, String>,
    /// Whether nothing is missing.
    pub structure: Structure,
    /// What decoding it came to; `None`: it was not tried, or there was no way to.
    pub decoded: Option<Decoded>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

/// Whether nothing is missing from a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Structure {
    /// All is there; what was seen.
    Complete(String),
    /// Something is missing or damaged, and what.
    Broken(String),
    /// It was not looked at, or cannot be told, and why.
    Unknown(String),
}

impl Structure {
    /// Returns whether the backup is complete, if that is known.
    #[must_use]
    pub fn complete(&self) -> Option<bool> {
        match self {
            Self::Complete(_) => Some(true),
            Self::Broken(_) => Some(false),
            Self::Unknown(_) => None,
        }
    }

    /// Returns what was seen, what is wrong, or why it is not known.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::Complete(words) | Self::Broken(words) | Self::Unknown(words) => words,
        }
    }
}

impl Found {
    fn of(kind: Kind) -> Self {
        Self {
            kind,
            created_local: None,
            database: None,
            system_identifier: None,
            started_at: None,
            server_version: None,
            tool_version: None,
            scope: None,
            revisions: None,
            tables: None,
            head: Ok(String::new()),
            structure: Structure::Unknown("only its head was read".to_owned()),
            decoded: None,
            notes: Vec::new(),
        }
    }

    /// Returns a backup whose head cannot be read, so that nothing is known of the rest.
    fn broken(kind: Kind, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { head: Err(why.clone()), structure: Structure::Broken(why), ..Self::of(kind) }
    }

    /// Returns a backup that this version cannot look into.
    fn closed(kind: Kind, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { head: Err(why.clone()), structure: Structure::Unknown(why), ..Self::of(kind) }
    }
}

/// Reads a file of `size` bytes; `None` if its bytes are not those of a backup. How far
/// decoding is goes to `tell`.
///
/// # Errors
/// When the file cannot be read: this says nothing of the backup.
pub fn file(
    bytes: &mut dyn Bytes,
    size: u64,
    depth: Depth,
    tell: &mut dyn FnMut(Progress),
) -> io::Result<Option<Found>> {
    let head = input::head(bytes)?;
    Ok(match sort(&head) {
        Some(Sort::Archive) => Some(custom::read(bytes, size, depth, tell)?),
        Some(Sort::Tar) => tar::read(bytes, size, depth, tell)?,
        Some(Sort::Plain) => Some(plain::read(bytes, depth, tell)?),
        Some(Sort::Compressed(compression)) => plain::compressed(bytes, compression, depth, tell)?,
        Some(Sort::Encrypted(how)) => Some(Found::closed(
            Kind::Plain,
            format!("it is encrypted ({how}): nothing can be told of it"),
        )),
        None => None,
    })
}

/// Returns the text of a plain script, decompressed where it is compressed.
///
/// # Errors
/// When it cannot be read, or this version does not read its compression.
pub fn text<'a>(bytes: &'a mut dyn Bytes) -> io::Result<Box<dyn Read + 'a>> {
    let head = input::head(bytes)?;
    match sort(&head) {
        Some(Sort::Compressed(how)) => compression::reader(how, io::BufReader::new(bytes)),
        _ => Ok(Box::new(bytes)),
    }
}

/// Reads a directory; `None` if it is not one that `pg_dump` or `pg_basebackup` wrote. How
/// far decoding is goes to `tell`.
///
/// # Errors
/// When a file in it cannot be read: this says nothing of the backup.
pub fn directory(
    folder: &dyn Folder,
    depth: Depth,
    tell: &mut dyn FnMut(Progress),
) -> io::Result<Option<Found>> {
    directory::read(folder, depth, tell)
}

/// Counts steps, so that the inventory reads no longer than it may.
#[derive(Default)]
struct Steps {
    left: Option<u64>,
    /// Bytes that make no whole step yet.
    bytes: usize,
}

/// So many bytes that are read through are a step.
const STEP: usize = 4 << 10;

impl Steps {
    fn so_many(steps: u64) -> Self {
        Self { left: Some(steps), bytes: 0 }
    }

    fn of(depth: Depth) -> Option<Self> {
        match depth {
            Depth::Head => None,
            Depth::Steps(steps) => Some(Self::so_many(steps)),
            Depth::Whole | Depth::Rows => Some(Self::default()),
        }
    }

    /// Takes one step; false when there are none left.
    fn take(&mut self) -> bool {
        match &mut self.left {
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
            None => true,
        }
    }

    /// Takes the steps of so many bytes; false when there are none left.
    fn read(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        let steps = self.bytes / STEP;
        self.bytes %= STEP;
        (0..steps).all(|_| self.take())
    }
}

/// Why a backup that is too large for the inventory is not known to be complete.
const TOO_LONG: &str = "it is too large to be read through unasked: verify does it";

/// How the rows of a table end in a directory or tar archive.
const END_OF_ROWS: &[u8] = b"\\.\n\n\n";

/// Returns a name out of an archive, safe to show.
fn shown(name: &str) -> String {
    Untrusted::from(name).one_line()
}
