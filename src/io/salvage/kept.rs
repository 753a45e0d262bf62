//! The files of a salvage: the rows, what is known of them, and the SQL that brings them back.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::salvage::Salvage;
use crate::io::backup::{new_file, no_replace};
use crate::io::failpoint;
use crate::io::journal::file::sync_directory;

/// What is known of the rows that were saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// 1.
    pub schema: u32,
    /// `salvage`.
    pub kind: String,
    /// The file of the rows, beside this one.
    pub file: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Its bytes.
    pub size: u64,
    /// Its rows, as they were counted in the same snapshot.
    pub rows: i64,
    /// The table, as SQL names it.
    pub table: String,
    /// The column, if only one was saved.
    pub column: Option<String>,
    /// The columns of the file, in their order.
    pub columns: Vec<String>,
    /// Those of them that tell rows apart.
    pub key: Vec<String>,
    /// The database.
    pub database: String,
    /// Its cluster.
    pub system_identifier: String,
    /// The moment that the rows are of.
    pub snapshot_at: DateTime<Utc>,
    /// Who saved them.
    pub operator: String,
    /// The script for psql that brings them back.
    pub way_back: String,
}

/// Where the files of one salvage lie.
pub(super) struct Kept {
    directory: PathBuf,
    /// The name of the file of the rows.
    pub name: String,
}

impl Kept {
    /// Returns the place of a salvage, named by what it is of and when.
    pub fn named(directory: &Path, database: &str, of: &Salvage, at: DateTime<Utc>) -> Self {
        let column = of.column.as_ref().map(|column| format!(".{column}")).unwrap_or_default();
        let what = format!("{database}-{}{column}", of.table);
        let tame = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
        let what: String = what.chars().map(tame).take(120).collect();
        let stamp = at.format("%Y%m%dT%H%M%S%3fZ");
        Self { directory: directory.to_owned(), name: format!("salvage-{what}-{stamp}.copy") }
    }

    /// Returns where the rows lie in the end.
    pub fn path(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    /// Returns where they are written.
    pub fn partial(&self) -> PathBuf {
        self.directory.join(format!("{}.partial", self.name))
    }

    /// Writes what belongs beside the rows, then gives them their name: what has its name has
    /// its manifest and its way back. What fails takes away whatever it has made, and no more.
    pub fn publish(&self, manifest: &Manifest) -> io::Result<()> {
        let mut made = Vec::new();
        let published = self.name_all(manifest, &mut made);
        if published.is_err() {
            for path in made.iter().rev() {
                // The first error is the one to tell.
                let _ = std::fs::remove_file(path);
            }
        }
        published
    }

    fn name_all(&self, manifest: &Manifest, made: &mut Vec<PathBuf>) -> io::Result<()> {
        let text = serde_json::to_string_pretty(manifest).map_err(io::Error::other)? + "\n";
        let beside = [("json", text.as_str()), ("sql", manifest.way_back.as_str())]
            .map(|(ending, text)| (self.directory.join(format!("{}.{ending}", self.name)), text));
        for (path, text) in beside {
            let mut file = new_file(&path)?;
            made.push(path);
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
        }
        no_replace(&self.partial(), &self.path())?;
        made.push(self.path());
        failpoint::fault("salvage.named")?;
        sync_directory(&self.directory)
    }
}
