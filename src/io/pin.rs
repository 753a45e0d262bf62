//! Writing a target's pin into `lockkeeper.toml`, with everything else in the file as it was.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, InlineTable, Item, TableLike, Value};

use crate::domain::identity::{Identity, Pin};
use crate::domain::plan::sha256_hex;

/// Why a pin is not written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file is not what it was when it was read.
    #[error("{} has changed since it was read: nothing was written; run it again", .0.display())]
    Changed(PathBuf),
    /// The target is not where it can be written.
    #[error("{} has no table [targets.{name}]: write it first", path.display())]
    NoTarget {
        /// The file.
        path: PathBuf,
        /// The target.
        name: String,
    },
    /// It is no TOML.
    #[error("{}: {error}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: Box<toml_edit::TomlError>,
    },
}

/// A file with a pin in it, ready to be written.
#[derive(Debug)]
pub struct Edit {
    path: PathBuf,
    read: String,
    written: String,
    /// The line that goes, if there is a pin.
    pub before: Option<String>,
    /// The line that comes.
    pub after: String,
}

/// Returns the pin of who answered; `certificate` is the name that TLS has proved.
#[must_use]
pub fn of(identity: &Identity, certificate: Option<&str>) -> Pin {
    Pin {
        system_identifier: identity.system_identifier.clone(),
        database: identity.database.clone(),
        host: Some(identity.host.clone()),
        primary: Some(identity.primary),
        certificate: certificate.map(str::to_owned),
    }
}

/// Returns the file at `path` with `pin` in `[targets.NAME]`; writes nothing yet.
///
/// # Errors
/// [`Error`].
pub fn edit(path: &Path, name: &str, pin: &Pin) -> Result<Edit, Error> {
    // A link stays a link: what it leads to is replaced.
    let path = fs::canonicalize(path).map_err(|error| file(path, error))?;
    let read = fs::read_to_string(&path).map_err(|error| file(&path, error))?;
    let syntax = |error| Error::Syntax { path: path.clone(), error: Box::new(error) };
    let mut document: DocumentMut = read.parse().map_err(syntax)?;
    let no_target = || Error::NoTarget { path: path.clone(), name: name.to_owned() };
    let targets = document.get_mut("targets").and_then(Item::as_table_like_mut);
    let target = targets.and_then(|targets| targets.get_mut(name)?.as_table_like_mut());
    let target = target.ok_or_else(no_target)?;
    let before = target.get("pin").map(|pin| line(&shown(pin)));
    let after = inline(pin);
    put(target, after.clone());
    let after = line(&after.to_string());
    Ok(Edit { written: document.to_string(), path, read, before, after })
}

/// Puts the pin where it stands, with the comment behind it, or at the end of the table.
fn put(target: &mut dyn TableLike, pin: InlineTable) {
    match target.get_mut("pin").and_then(Item::as_value_mut) {
        Some(old) => {
            let decor = old.decor().clone();
            let mut new = Value::InlineTable(pin);
            *new.decor_mut() = decor;
            *old = new;
        }
        None => drop(target.insert("pin", Item::Value(Value::InlineTable(pin)))),
    }
}

/// Returns an old pin on one line, whether it stands in braces or as a table of its own.
fn shown(pin: &Item) -> String {
    let text = match pin.as_table_like() {
        Some(table) => {
            let keys =
                table.iter().map(|(key, value)| format!("{key} = {}", value.to_string().trim()));
            format!("{{ {} }}", keys.collect::<Vec<_>>().join(", "))
        }
        None => pin.to_string(),
    };
    text.trim().to_owned()
}

fn line(value: &str) -> String {
    format!("pin = {}", value.trim())
}

fn inline(pin: &Pin) -> InlineTable {
    let mut table = InlineTable::new();
    table.insert("system_identifier", pin.system_identifier.as_str().into());
    table.insert("database", pin.database.as_str().into());
    if let Some(host) = &pin.host {
        table.insert("host", host.as_str().into());
    }
    if let Some(primary) = pin.primary {
        table.insert("primary", primary.into());
    }
    if let Some(certificate) = &pin.certificate {
        table.insert("certificate", certificate.as_str().into());
    }
    table
}

impl Edit {
    /// Returns the file that is written.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the file as a whole, with its permissions: it is the old one or the new one
    /// at every moment.
    ///
    /// # Errors
    /// When the file has changed since it was read, or cannot be replaced.
    pub fn write(&self) -> Result<(), Error> {
        let failed = |error| file(&self.path, error);
        let now = fs::read(&self.path).map_err(failed)?;
        if now != self.read.as_bytes() {
            return Err(Error::Changed(self.path.clone()));
        }
        let mode = fs::metadata(&self.path).map_err(failed)?.permissions().mode() & 0o7777;
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        let unique =
            &sha256_hex(format!("{}{}", std::process::id(), self.written).as_bytes())[..12];
        let draft = directory.join(format!(".lockkeeper.toml.{unique}"));
        let written = self.draft(&draft, mode).and_then(|()| fs::rename(&draft, &self.path));
        if let Err(error) = written {
            // What was begun is not left behind.
            let _ = fs::remove_file(&draft);
            return Err(failed(error));
        }
        fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)
    }

    fn draft(&self, path: &Path, mode: u32) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut draft = options.write(true).create_new(true).mode(0o600).open(path)?;
        draft.write_all(self.written.as_bytes())?;
        draft.set_permissions(fs::Permissions::from_mode(mode))?;
        draft.sync_all()
    }
}

fn file(path: &Path, error: io::Error) -> Error {
    Error::File { path: path.to_owned(), error }
}
