//! TOML files that people write, read strictly: every problem has its path,
//! line and key, and the name that was probably meant.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, Error};

use crate::domain::problem::{Flaw, Place, Problem, Turn, nearest};

/// The number that files of this version carry as `schema`.
pub const SCHEMA: i64 = 1;

/// The longest file that is read; longer ones were not written by a person.
const LONGEST: u64 = 1 << 20;

/// Unknown keys that are reported at once; behind so many the file is another format.
const MOST_UNKNOWN_KEYS: usize = 20;

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It cannot be read.
    #[error("{}: cannot be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Nothing has the name that was asked for.
    #[error("no runbook is named `{name}`{}; known here: {known}", meant(suggestion.as_deref()))]
    Unknown {
        /// The name.
        name: String,
        /// What was probably meant.
        suggestion: Option<String>,
        /// The names that there are.
        known: String,
    },
    /// Something in it is wrong; one line each.
    #[error("{}", lines(.0))]
    Wrong(Vec<Problem>),
}

impl From<Vec<Problem>> for Refused {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Wrong(problems)
    }
}

fn meant(suggestion: Option<&str>) -> String {
    suggestion.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Returns the text of a file.
///
/// # Errors
/// When it cannot be read, is longer than 1 MiB, or is not UTF-8.
pub fn text(path: &Path) -> Result<String, Refused> {
    let read = || {
        let mut text = String::new();
        let mut file = File::open(path)?.take(LONGEST + 1);
        file.read_to_string(&mut text)?;
        match u64::try_from(text.len()) {
            Ok(length) if length <= LONGEST => Ok(text),
            _ => Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is longer than 1 MiB")),
        }
    };
    read().map_err(|error| Refused::Unreadable { path: path.to_owned(), error })
}

/// Returns the document in `text`, without its `schema`.
///
/// # Errors
/// Every syntax error, one per line; or the wrong schema; or every unknown key
/// and then the first value that is missing or of a wrong type.
pub fn read<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, Vec<Problem>> {
    let source = Source { path, text };
    let mut table = source.parse()?;
    source.take_schema(table.get_mut()).map_err(|problem| vec![problem])?;
    source.decode(table)
}

/// Returns the flaws with the path and the lines of the file that they are in.
#[must_use]
pub fn locate(path: &Path, text: &str, flaws: Vec<Flaw>) -> Vec<Problem> {
    let (table, _) = DeTable::parse_recoverable(text);
    let root = DeValue::Table(table.into_inner());
    let problem = |flaw: Flaw| Problem {
        path: path.to_owned(),
        line: line_of(text, &root, &flaw.place),
        key: Some(flaw.place.to_string()).filter(|key| !key.is_empty()),
        what: flaw.what,
        suggestion: flaw.suggestion,
    };
    let mut problems: Vec<Problem> = flaws.into_iter().map(problem).collect();
    problems.sort_by_key(|problem| problem.line);
    problems
}

struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl<'a> Source<'a> {
    fn parse(&self) -> Result<Spanned<DeTable<'a>>, Vec<Problem>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        let mut problems: Vec<Problem> = Vec::new();
        for error in &errors {
            let line = error.span().map(|span| line_at(self.text, span.start));
            // The parser goes on after an error; what follows on that line is an echo.
            if problems.last().is_none_or(|last| last.line != line) {
                problems.push(self.problem(line, None, format!("not TOML: {}", error.message())));
            }
        }
        if problems.is_empty() { Ok(table) } else { Err(problems) }
    }

    fn take_schema(&self, table: &mut DeTable<'a>) -> Result<(), Problem> {
        let key = || Some("schema".to_owned());
        let Some((name, value)) = table.remove_entry("schema") else {
            let what = format!("it is missing; begin the file with `schema = {SCHEMA}`");
            return Err(self.problem(None, key(), what));
        };
        let number = value.get_ref().as_integer().and_then(|n| n.as_str().parse::<i64>().ok());
        let what = match number {
            Some(SCHEMA) => return Ok(()),
            Some(n) if n > SCHEMA => {
                format!("{n} is of a newer lockkeeper than this one, which reads schema {SCHEMA}")
            }
            _ => format!("it has to be {SCHEMA}"),
        };
        Err(self.problem(Some(line_at(self.text, name.span().start)), key(), what))
    }

    /// Decodes, taking each unknown key out and decoding again, to report them all.
    fn decode<T: DeserializeOwned>(
        &self,
        mut table: Spanned<DeTable<'a>>,
    ) -> Result<T, Vec<Problem>> {
        let mut problems = Vec::new();
        loop {
            let error = match T::deserialize(Deserializer::from(table.clone())) {
                Ok(value) if problems.is_empty() => return Ok(value),
                Ok(_) => return Err(problems),
                Err(error) => error,
            };
            let problem = self.refused(&table, &error);
            let is_unknown = unknown_field(error.message()).is_some();
            if is_unknown || !is_echo(&problem, &problems) {
                problems.push(problem);
            }
            let again = is_unknown
                && problems.len() < MOST_UNKNOWN_KEYS
                && error.span().is_some_and(|span| remove_key(table.get_mut(), &span));
            if !again {
                return Err(problems);
            }
        }
    }

    fn refused(&self, table: &Spanned<DeTable<'a>>, error: &Error) -> Problem {
        let span = error.span();
        let root = DeValue::Table(table.get_ref().clone());
        let place = span.as_ref().map(|span| place_at(&root, span)).unwrap_or_default();
        let line =
            span.filter(|_| !place.turns().is_empty()).map(|span| line_at(self.text, span.start));
        let key = Some(place.to_string()).filter(|key| !key.is_empty());
        let (what, suggestion) = say(error.message());
        Problem { suggestion, ..self.problem(line, key, what) }
    }

    fn problem(&self, line: Option<usize>, key: Option<String>, what: String) -> Problem {
        Problem { path: self.path.to_owned(), line, key, what, suggestion: None }
    }
}

/// Returns true if a problem tells only that an unknown key was taken out: a
/// misspelt key leaves its table without the right one.
fn is_echo(problem: &Problem, unknown: &[Problem]) -> bool {
    let table = problem.key.as_deref().unwrap_or_default();
    let inside = |key: &str| key.rsplit_once('.').map_or("", |(table, _)| table) == table;
    let speaks_of_lack = !problem.what.starts_with("wrong");
    speaks_of_lack && unknown.iter().filter_map(|one| one.key.as_deref()).any(inside)
}

/// Puts serde's message into the words of the other problems.
fn say(message: &str) -> (String, Option<String>) {
    let quoted = || message.split('`').skip(1).step_by(2);
    let written = quoted().next().unwrap_or_default();
    let known = || quoted().skip(1);
    let list = || known().collect::<Vec<_>>().join(", ");
    if unknown_field(message).is_some() {
        let suggestion = nearest(written, known());
        let what = match suggestion {
            None if known().next().is_some() => format!("unknown key; known here: {}", list()),
            _ => "unknown key".to_owned(),
        };
        (what, suggestion)
    } else if message.starts_with("unknown variant") {
        let suggestion = nearest(written, known());
        let list = if suggestion.is_some() { String::new() } else { format!(": {}", list()) };
        (format!("\"{written}\" is none of the known words{list}"), suggestion)
    } else if message.starts_with("missing field") {
        (format!("the key `{written}` is missing"), None)
    } else if let Some(rest) = message.strip_prefix("invalid type: ") {
        (format!("wrong type: {rest}"), None)
    } else if let Some(rest) = message.strip_prefix("invalid value: ") {
        (format!("wrong value: {rest}"), None)
    } else {
        (message.to_owned(), None)
    }
}

fn unknown_field(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}

/// Removes the key whose name stands at `span`; returns whether there was one.
fn remove_key(table: &mut DeTable<'_>, span: &Range<usize>) -> bool {
    let named = table.keys().find(|key| key.span() == *span);
    match named.map(|key| key.get_ref().to_string()) {
        Some(name) => table.remove(name.as_str()).is_some(),
        None => table.iter_mut().any(|(_, value)| remove_below(value.get_mut(), span)),
    }
}

fn remove_below(value: &mut DeValue<'_>, span: &Range<usize>) -> bool {
    match value {
        DeValue::Table(table) => remove_key(table, span),
        DeValue::Array(array) => array.iter_mut().any(|item| remove_below(item.get_mut(), span)),
        _ => false,
    }
}

/// Returns the place of the key or the value whose span is exactly `span`.
fn place_at(root: &DeValue<'_>, span: &Range<usize>) -> Place {
    find(root, &Place::top(), span).unwrap_or_default()
}

fn find(value: &DeValue<'_>, here: &Place, span: &Range<usize>) -> Option<Place> {
    match value {
        DeValue::Table(table) => table.iter().find_map(|(key, value)| {
            let there = here.key(key.get_ref().as_ref());
            let found = find(value.get_ref(), &there, span);
            let is_here = key.span() == *span || value.span() == *span;
            found.or_else(|| is_here.then_some(there))
        }),
        DeValue::Array(array) => array.iter().enumerate().find_map(|(index, item)| {
            let there = here.index(index);
            let found = find(item.get_ref(), &there, span);
            found.or_else(|| (item.span() == *span).then_some(there))
        }),
        _ => None,
    }
}

/// Returns the line of a place: of its key, else of the nearest thing around it that is written.
fn line_of(text: &str, root: &DeValue<'_>, place: &Place) -> Option<usize> {
    let mut value = root;
    let mut start = None;
    for turn in place.turns() {
        let (at, next) = match (turn, value) {
            (Turn::Key(key), DeValue::Table(table)) => {
                let Some((name, next)) = table.get_key_value(key.as_str()) else { break };
                (name.span().start, next)
            }
            (Turn::Index(index), DeValue::Array(array)) => {
                let Some(next) = array.get(*index) else { break };
                (next.span().start, next)
            }
            _ => break,
        };
        start = Some(at);
        value = next.get_ref();
    }
    start.map(|at| line_at(text, at))
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
