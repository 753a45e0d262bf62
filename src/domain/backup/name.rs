//! The name of a backup's file: told from what it is of, safe wherever it is written.

use chrono::{DateTime, Utc};

use super::Scope;

/// What a file is called while it is written: nothing that ends so is a backup.
pub const PARTIAL: &str = ".partial";

/// Characters of a database's name, and of a revision's, that a file's name keeps: with the
/// stamp, `.dump.manifest.json` and a number it stays far below the 255 bytes of a name.
const KEPT: usize = 48;

/// Returns `DATABASE-YYYYMMDDTHHMMSSZ-REVISION.dump` for a snapshot taken at `at`; without a
/// known revision that part is missing, and what is not of the whole database says so.
/// Databases may be named anything: letters, digits and `_` stay, the rest becomes `_`.
#[must_use]
pub fn of(database: &str, at: DateTime<Utc>, revisions: Option<&[String]>, scope: Scope) -> String {
    let mut name = format!("{}-{}", tame(database), at.format("%Y%m%dT%H%M%SZ"));
    match revisions {
        None => {}
        Some([]) => name.push_str("-none"),
        Some(revisions) => {
            name.push('-');
            name.push_str(&tame(&revisions.join("_")));
        }
    }
    if scope != Scope::Full {
        name.push('-');
        name.push_str(scope.word());
    }
    name.push_str(".dump");
    name
}

/// Returns the same name with a number before its ending, for the case that it is taken.
#[must_use]
pub fn numbered(name: &str, number: u32) -> String {
    match name.strip_suffix(".dump") {
        _ if number < 2 => name.to_owned(),
        Some(stem) => format!("{stem}.{number}.dump"),
        None => format!("{name}.{number}"),
    }
}

fn tame(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let kept: String = text.chars().map(plain).take(KEPT).collect();
    if kept.is_empty() { "_".to_owned() } else { kept }
}
