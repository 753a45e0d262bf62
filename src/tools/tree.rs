//! The files of a project, read through a trait, so that a tool is pure.

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name, without the directory.
    pub name: String,
    /// True for a directory, also behind a link.
    pub is_dir: bool,
}

/// Why a file or directory could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} cannot be read: {reason}")]
pub struct Unreadable {
    /// The path, relative to the project.
    pub path: String,
    /// What the system said.
    pub reason: String,
    /// True if there is no such thing, which a caller may expect.
    pub missing: bool,
}

/// A directory with all below it. Paths are relative to it, with `/`; the
/// directory itself is the empty path.
pub trait Tree {
    /// Returns the entries of a directory, sorted by name.
    ///
    /// # Errors
    /// If it is not there, is no directory or may not be read.
    fn list(&self, directory: &str) -> Result<Vec<Entry>, Unreadable>;

    /// Returns the bytes of a file.
    ///
    /// # Errors
    /// If it is not there, is no file, may not be read or is too large to be a migration.
    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable>;
}

/// Returns a path below a directory of the tree.
#[must_use]
pub fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}
