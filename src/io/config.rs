//! `lockkeeper.toml`, found upward from the working directory.

use std::path::{Path, PathBuf};

use super::allowed::Allowed;
use super::document::{self, Refused};
use crate::domain::config::Config;
use crate::domain::plan::sha256_hex;

/// The name of the file.
pub const NAME: &str = "lockkeeper.toml";

/// A configuration with the file that it comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Its file; `None` for the defaults.
    pub file: Option<Source>,
}

/// A file with what it held when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of its content, in hexadecimal.
    pub hash: String,
}

/// A file names commands and nobody has allowed it.
#[derive(Debug, thiserror::Error)]
#[error(
    "{path} names commands and is not allowed yet: read it, then run \
     `lockkeeper runbook allow {path}`"
)]
pub struct NotAllowed {
    /// The file.
    pub path: String,
}

impl Loaded {
    /// Returns the directory that relative paths of the file start from.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        self.file.as_ref().and_then(|file| file.path.parent())
    }

    /// Checks that the commands of the file may be run: it names none, or its
    /// content was allowed.
    ///
    /// # Errors
    /// If it was not; what only reads without commands works all the same.
    pub fn commands_allowed(&self, allowed: &Allowed) -> Result<(), NotAllowed> {
        match &self.file {
            Some(file) if self.config.names_commands() && !allowed.is_allowed(&file.hash) => {
                Err(NotAllowed { path: file.path.display().to_string() })
            }
            _ => Ok(()),
        }
    }
}

/// Returns the configuration of `explicit`, else of the file nearest above `from`,
/// else the defaults.
///
/// # Errors
/// When the file cannot be read, or for everything that is wrong in it.
pub fn load(explicit: Option<&Path>, from: &Path) -> Result<Loaded, Refused> {
    let Some(path) = explicit.map(Path::to_owned).or_else(|| find(from)) else {
        return Ok(Loaded::default());
    };
    let text = document::text(&path)?;
    let config: Config = document::read(&path, &text)?;
    let flaws = config.check();
    if !flaws.is_empty() {
        return Err(document::locate(&path, &text, flaws).into());
    }
    let hash = sha256_hex(text.as_bytes());
    Ok(Loaded { config, file: Some(Source { path, hash }) })
}

/// Returns the file nearest above `from`, which need not exist itself.
#[must_use]
pub fn find(from: &Path) -> Option<PathBuf> {
    from.ancestors().map(|directory| directory.join(NAME)).find(|path| path.is_file())
}
