//! What is wrong with a file that a person wrote, said so that they can mend it.

use std::fmt;
use std::path::PathBuf;

/// One thing that is wrong in a file: where, what, and what was probably meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1, if the problem has one.
    pub line: Option<usize>,
    /// The key, dotted from the top of the file, e.g. `section.step.goto`.
    pub key: Option<String>,
    /// What is wrong.
    pub what: String,
    /// The known name nearest to what was written.
    pub suggestion: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(key) = &self.key {
            write!(f, ": `{key}`")?;
        }
        write!(f, ": {}", self.what)?;
        match &self.suggestion {
            Some(meant) => write!(f, "; did you mean `{meant}`?"),
            None => Ok(()),
        }
    }
}

/// A problem found by a rule that knows the document but not its text: the
/// reader of the file turns the place into path and line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Where in the document.
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// The known name nearest to what was written.
    pub suggestion: Option<String>,
}

impl Flaw {
    /// Returns a flaw without a suggestion.
    pub fn new(place: Place, what: impl Into<String>) -> Self {
        Self { place, what: what.into(), suggestion: None }
    }

    /// Returns the flaw of a name that nothing answers to, with the nearest of `known`.
    #[must_use]
    pub fn unknown_name<'a>(
        place: Place,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let suggestion = nearest(name, known);
        Self { place, what: format!("no {what} is named `{name}`"), suggestion }
    }
}

/// The way from the top of a document to one of its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place(Vec<Turn>);

/// One turn on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Into a table's key.
    Key(String),
    /// Into an array's element, counted from 0.
    Index(usize),
}

impl Place {
    /// Returns the top of a document.
    #[must_use]
    pub fn top() -> Self {
        Self::default()
    }

    /// Returns the place of `key` in the table that stands here.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        self.then(Turn::Key(key.into()))
    }

    /// Returns the place of element `index` in the array that stands here.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then(Turn::Index(index))
    }

    /// Returns the turns from the top.
    #[must_use]
    pub fn turns(&self) -> &[Turn] {
        &self.0
    }

    fn then(&self, turn: Turn) -> Self {
        let mut turns = self.0.clone();
        turns.push(turn);
        Self(turns)
    }
}

/// The dotted keys; elements carry no number, since the line says which one.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.0.iter().filter_map(|turn| match turn {
            Turn::Key(key) => Some(key.as_str()),
            Turn::Index(_) => None,
        });
        f.write_str(&keys.collect::<Vec<_>>().join("."))
    }
}

/// Returns the name among `known` that was probably meant by `written`: one that
/// it begins, else the one with the fewest edits, if they are fewer than half of
/// the letters.
#[must_use]
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let distance = |name: &'a str| {
        let is_beginning = written.len() >= 3 && name != written && name.starts_with(written);
        (if is_beginning { 1 } else { strsim::damerau_levenshtein(written, name) }, name)
    };
    let (edits, name) = known.into_iter().map(distance).min()?;
    let letters = written.chars().count().max(name.chars().count());
    (edits * 2 < letters && edits > 0).then(|| name.to_owned())
}
