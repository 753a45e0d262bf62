//! Decoding all of a backup (L3): what came of it, and how many rows each table has.

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::rows::Counter;
use super::{Structure, shown};

/// Rows by `schema.table`; `None`: not counted.
pub type Rows = BTreeMap<String, Option<u64>>;

/// More differences from a manifest than this are counted, not listed.
const DIFFERENCES: usize = 3;
/// So much is decoded at a time.
const PIECE: usize = 64 << 10;

/// How far decoding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The table, large objects included, that is decoded now, from 1 on.
    pub at: usize,
    /// Of so many; `None`: a script does not tell before its end.
    pub of: Option<usize>,
}

impl Progress {
    /// Returns it in words: `decoding 12 of 30 tables`.
    #[must_use]
    pub fn words(self) -> String {
        match self.of {
            Some(of) => format!("decoding {} of {of} tables", self.at),
            None => format!("decoding table {}", self.at),
        }
    }
}

/// What decoding a whole backup came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Whether all of it decodes.
    pub outcome: Structure,
    /// Rows by table.
    pub rows: Rows,
    /// Whether its compression has a checksum over what it holds, so that a changed byte
    /// inside of a row shows.
    pub is_summed: bool,
}

impl Decoded {
    /// Compares the rows with those that a manifest tells; any difference makes it bad. A
    /// table that the manifest does not tell of may be an extension's.
    pub fn compare(&mut self, told: &Rows) {
        let Structure::Complete(what) = &self.outcome else { return };
        let counted =
            |(table, rows): (&String, &Option<u64>)| rows.map(|rows| (table.clone(), rows));
        let told: Vec<(String, u64)> = told.iter().filter_map(counted).collect();
        let differs: Vec<String> =
            told.iter().filter_map(|(table, rows)| difference(&self.rows, table, *rows)).collect();
        self.outcome = if differs.is_empty() {
            let tables = told.len();
            let same = format!("{what}; as many in each of the {tables} that its manifest counts");
            Structure::Complete(if tables == 0 { what.clone() } else { same })
        } else {
            let more = differs.len().saturating_sub(DIFFERENCES);
            let named = differs[..differs.len() - more].join("; ");
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            Structure::Broken(format!("its rows are not those of its manifest: {named}{more}"))
        };
    }
}

/// Returns in words how the rows of `table` differ from the `told` ones, if they do. Rows that
/// cannot be counted do not: they are said to be so.
#[must_use]
pub fn difference(rows: &Rows, table: &str, told: u64) -> Option<String> {
    let name = shown(table);
    match rows.get(table) {
        Some(Some(rows)) if *rows != told => Some(format!("{name} has {rows}, not {told}")),
        Some(_) => None,
        None => Some(format!("{name} is not in it, with its {told}")),
    }
}

/// Counts what is decoded, and tells how far that is.
pub(super) struct Tally<'a> {
    tell: &'a mut dyn FnMut(Progress),
    at: usize,
    of: Option<usize>,
    rows: Rows,
    objects: u64,
}

impl<'a> Tally<'a> {
    /// Returns a tally of `of` tables.
    pub fn new(of: Option<usize>, tell: &'a mut dyn FnMut(Progress)) -> Self {
        Self { tell, at: 0, of, rows: Rows::new(), objects: 0 }
    }

    /// Tells that the next table is decoded now.
    pub fn next(&mut self) {
        self.at += 1;
        (self.tell)(Progress { at: self.at, of: self.of });
    }

    /// Notes the rows of a table; a table whose rows are in several places has them all.
    pub fn table(&mut self, name: String, rows: Option<u64>) {
        let known = self.rows.entry(name).or_insert(Some(0));
        *known = known.zip(rows).map(|(known, rows)| known + rows);
    }

    /// Notes a large object.
    pub fn object(&mut self) {
        self.objects += 1;
    }

    /// Returns what decoding came to.
    pub fn decoded(self, wrong: Option<String>, is_summed: bool) -> Decoded {
        let outcome = wrong.map_or_else(|| Structure::Complete(self.words()), Structure::Broken);
        Decoded { outcome, rows: self.rows, is_summed }
    }

    fn words(&self) -> String {
        let counted: Vec<u64> = self.rows.values().filter_map(|rows| *rows).collect();
        let rows = many(counted.iter().sum::<u64>(), "row");
        let tables = many(counted.len() as u64, "table");
        let objects = match self.objects {
            0 => String::new(),
            objects => format!(", {}", many(objects, "large object")),
        };
        let uncounted = match self.rows.len() - counted.len() {
            0 => String::new(),
            n => format!("; the rows of {} are INSERTs: not counted", many(n as u64, "table")),
        };
        format!("all of it decodes: {rows} of {tables}{objects}{uncounted}")
    }
}

fn many(count: u64, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

/// Reads to the end, and counts.
pub(super) fn through(mut from: impl Read, counter: &mut Counter) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => counter.feed(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Returns what is wrong with data that did not decode.
///
/// # Errors
/// If the system could not read: this says nothing of the backup.
pub(super) fn damage(name: &str, error: io::Error) -> io::Result<String> {
    match error.raw_os_error() {
        Some(_) => Err(error),
        None => Ok(format!("{} does not decode: {error}", shown(name))),
    }
}
