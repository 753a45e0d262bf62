//! What the operator has allowed: files of a checkout that name commands, once
//! per content, as direnv does for `.envrc`.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::domain::plan::sha256_hex;

/// The allowed contents of this user.
#[derive(Clone, Debug)]
pub struct Allowed {
    directory: PathBuf,
}

impl Allowed {
    /// Returns those kept below the state directory; creates nothing.
    #[must_use]
    pub fn in_state(state: &Path) -> Self {
        Self { directory: state.join("allowed") }
    }

    /// Returns true if the content with this SHA-256 was allowed.
    #[must_use]
    pub fn is_allowed(&self, hash: &str) -> bool {
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        // A link counts for nothing: what it leads to is another's to change.
        is_hash
            && fs::symlink_metadata(self.directory.join(hash)).is_ok_and(|found| found.is_file())
    }

    /// Allows the content with this SHA-256; `path` is kept for people to read.
    ///
    /// # Errors
    /// When the file at `path` has another content by now, or when the permission
    /// cannot be written.
    pub fn allow(&self, path: &Path, hash: &str) -> io::Result<()> {
        if sha256_hex(&fs::read(path)?) != hash {
            let what = format!("{} has changed since it was shown", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.directory.join(hash));
        match file {
            Ok(mut file) => {
                file.write_all(path.as_os_str().as_bytes())?;
                file.sync_all()
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }
}
