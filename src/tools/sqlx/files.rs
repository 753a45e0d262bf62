//! The files, read as `sqlx_core::migrate::source` reads them (sqlx 0.9.0).

use sha2::{Digest as _, Sha384};

use crate::domain::graph::{Problem, Trouble};
use crate::tools::{Tree, Unreadable, join, linear};

/// Which way a file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// `.sql`: up only.
    Simple,
    /// `.up.sql`.
    Up,
    /// `.down.sql`.
    Down,
}

/// One file of migrations.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub version: i64,
    pub description: String,
    pub part: Part,
    pub path: String,
    pub text: String,
    /// SHA-384 of the text, in hexadecimal.
    pub checksum: String,
    /// The file begins with `-- no-transaction`.
    pub no_transaction: bool,
}

/// What a directory holds.
pub(super) struct Listing {
    pub files: Vec<File>,
    pub problems: Vec<Problem>,
}

/// Reads a directory; files that are not named as migrations are no migrations.
pub(super) fn list(tree: &dyn Tree, directory: &str) -> Result<Listing, Unreadable> {
    let mut listing = Listing { files: Vec::new(), problems: Vec::new() };
    for entry in tree.list(directory)?.into_iter().filter(|entry| !entry.is_dir) {
        match read(tree, directory, &entry.name) {
            Some(Ok(file)) => listing.files.push(file),
            Some(Err(problem)) => listing.problems.push(problem),
            None => {}
        }
    }
    listing.files.sort_by_key(|file| (file.version, file.part));
    Ok(listing)
}

fn read(tree: &dyn Tree, directory: &str, name: &str) -> Option<Result<File, Problem>> {
    let (version, rest) = name.split_once('_')?;
    // Case matters: sqlx ignores `.SQL`.
    rest.strip_suffix(".sql")?;
    let path = join(directory, name);
    let Ok(version) = version.parse::<i64>() else {
        let detail =
            format!("{path}: the name must begin with a number: sqlx refuses the whole directory");
        return Some(Err(Problem::new(Trouble::Syntax, name, detail)));
    };
    Some(linear::text(tree, &path).map(|text| file(version, rest, path, text)).map_err(|why| {
        let why = format!("{why}; sqlx refuses the whole directory");
        Problem::new(Trouble::Syntax, version.to_string(), why)
    }))
}

fn file(version: i64, rest: &str, path: String, text: String) -> File {
    let (part, suffix) = if rest.ends_with(".up.sql") {
        (Part::Up, ".up.sql")
    } else if rest.ends_with(".down.sql") {
        (Part::Down, ".down.sql")
    } else {
        (Part::Simple, ".sql")
    };
    File {
        version,
        description: rest.trim_end_matches(suffix).replace('_', " "),
        part,
        path,
        checksum: checksum(&text),
        no_transaction: text.starts_with("-- no-transaction"),
        text,
    }
}

/// Returns sqlx's checksum of a migration, in hexadecimal.
pub(super) fn checksum(text: &str) -> String {
    use std::fmt::Write as _;
    Sha384::digest(text).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}
