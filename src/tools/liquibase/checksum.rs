//! The checksum of a changeset of formatted SQL, as `md5sum` of the table holds it.
//!
//! Version 8 and 9 of the algorithm (`AbstractSQLChange.generateCheckSum`,
//! `NormalizingStreamV8` and `ChangeSet.generateCheckSum` of Liquibase's source), held against
//! rows of 4.4.0 and 4.28.0. Of other versions, and of what is not formatted SQL, nothing is
//! said.

use std::fmt::Write as _;

use md5::{Digest as _, Md5};

/// What a comparison with the table has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// It is what ran.
    Same,
    /// It was changed after it ran: Liquibase refuses to run anything.
    Changed,
    /// It cannot be told.
    Untold,
}

/// What Liquibase takes into the checksum of a changeset.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    /// What stands behind `--changeset author:id`.
    head: String,
    sql: String,
    /// True inside of a block `/* liquibase rollback`.
    in_block: bool,
    /// True if a block was there, which some versions of 8 take for SQL.
    has_block: bool,
    /// True for a line that Liquibase may read otherwise than we do.
    is_doubtful: bool,
    /// What `--validCheckSum` names.
    valid: Vec<String>,
}

impl Sum {
    pub(super) fn begin(head: &str) -> Self {
        Self { head: head.to_owned(), ..Self::default() }
    }

    /// Takes a line below the head; `is_sql` says that we take it for SQL.
    pub(super) fn take(&mut self, line: &str, is_sql: bool) {
        if self.in_block {
            self.in_block = !line.trim_end().ends_with("*/");
            return;
        }
        if opens_block(line) {
            (self.in_block, self.has_block) = (true, true);
        } else if let Some(sum) = directive(line, "validchecksum") {
            self.valid.push(sum.to_owned());
        } else if directive(line, "comment").is_none() && !is_indented_directive(line) {
            self.is_doubtful |= !is_sql;
            self.sql.push_str(line);
            self.sql.push('\n');
        }
    }

    /// Compares with what the table holds, e.g. `9:fb52b6f5ecd43d72facf84a332aa3cab`.
    pub(super) fn compare(&self, stored: &str) -> Compared {
        let any = |sum: &String| {
            let bare = sum.strip_prefix("1:").unwrap_or(sum).to_lowercase();
            matches!(bare.as_str(), "any" | "all" | "*")
        };
        if self.valid.iter().any(any) {
            return Compared::Same;
        }
        match self.of_version(stored) {
            None => Compared::Untold,
            Some(now) if now == stored || self.valid.iter().any(|v| *v == now || v == stored) => {
                Compared::Same
            }
            Some(_) => Compared::Changed,
        }
    }

    /// Returns the checksum by the version of a stored one, if that version is known.
    fn of_version(&self, stored: &str) -> Option<String> {
        // The values of properties are put in before.
        if self.is_doubtful || self.sql.contains("${") {
            return None;
        }
        let (version, change) = match stored.split_once(':')?.0 {
            "8" if !self.has_block => (8, md5(self.of_8().as_bytes())),
            "9" => (9, md5(&self.of_9())),
            _ => return None,
        };
        Some(format!("{version}:{}", md5(format!("{version}:{change}:").as_bytes())))
    }

    /// The options of the head, and the SQL with single blanks.
    fn of_8(&self) -> String {
        let is_on = |name: &str| option(&self.head, name).is_none_or(is_true);
        let delimiter = option(&self.head, "enddelimiter").unwrap_or("null");
        let words: Vec<&str> = self.sql.split(is_blank).filter(|word| !word.is_empty()).collect();
        let (split, strip) = (is_on("splitstatements"), is_on("stripcomments"));
        format!("{delimiter}:{split}:{strip}:{}", words.join(" "))
    }

    /// The SQL without blanks.
    fn of_9(&self) -> Vec<u8> {
        self.sql.replace(is_blank, "").into_bytes()
    }
}

/// The blanks that `NormalizingStream` knows.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\n' | '\r' | '\t')
}

fn is_true(value: &str) -> bool {
    let word = value.split(|c: char| !c.is_alphanumeric() && c != '_').next();
    word.is_some_and(|word| word.eq_ignore_ascii_case("true"))
}

/// Returns the value of `name:value` in a head, in the case in which it is written.
fn option<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let at = head.to_ascii_lowercase().find(&format!("{name}:"))?;
    head[at + name.len() + 1..].split_whitespace().next()
}

/// Returns what follows a word that only counts at the very beginning of a line, as Liquibase's
/// patterns have it.
fn directive<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let rest = line.strip_prefix("--")?.trim_start();
    let head = rest.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word))?;
    let rest = &rest[head.len()..];
    rest.strip_prefix(": ").or_else(|| rest.strip_prefix(' ')).map(str::trim)
}

/// Returns true for those that may be indented.
fn is_indented_directive(line: &str) -> bool {
    let Some(rest) = line.trim_start().strip_prefix("--") else { return false };
    let rest = rest.trim_start().to_ascii_lowercase();
    let condition = rest.strip_prefix("precondition");
    rest.starts_with("rollback ") || condition.is_some_and(|rest| rest.starts_with(['s', '-']))
}

/// Returns true for the line that begins a block `/* liquibase rollback`.
pub(super) fn opens_block(line: &str) -> bool {
    let words = line.trim().strip_prefix("/*").map(str::split_whitespace);
    words.is_some_and(|words| words.collect::<String>().eq_ignore_ascii_case("liquibaserollback"))
}

fn md5(bytes: &[u8]) -> String {
    let digest = Md5::digest(bytes);
    digest.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
