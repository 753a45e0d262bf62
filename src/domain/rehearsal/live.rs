//! A rehearsal while it runs: what its program tells, a line each, and how far that has come.

use std::fmt::{self, Display, Formatter};

use chrono::{DateTime, TimeDelta, Utc};

use super::Verdict;

/// A part of a migration's round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leg {
    /// The way up.
    Up,
    /// The way down on a clone.
    Down,
    /// The way up once more.
    Again,
    /// The way down over rows that were written.
    Rows,
}

impl Leg {
    /// Every leg, in the order in which they are taken.
    pub const ALL: [Self; 4] = [Self::Up, Self::Down, Self::Again, Self::Rows];

    /// Returns it in words, none of which holds a colon.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Again => "up again",
            Self::Rows => "down over written rows",
        }
    }
}

/// What a rehearsal tells of one migration: a line that a person reads, and that
/// [`Told::parse`] reads back.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// A leg begins.
    Leg {
        /// Which migration, from 1.
        at: usize,
        /// Of how many.
        of: usize,
        /// Which leg.
        leg: Leg,
        /// The migration.
        id: String,
    },
    /// Its round trip is over.
    Judged {
        /// Which migration, from 1.
        at: usize,
        /// Of how many.
        of: usize,
        /// The verdict; `None`: it cannot be told.
        verdict: Option<Verdict>,
        /// The migration.
        id: String,
    },
}

/// The line that a rehearsal begins with.
pub const OPENING: &str = "the rehearsal begins";

const BEGINS: &str = "rehearsing ";
const ENDS: &str = "rehearsed ";
const UNKNOWN: &str = "cannot tell";

impl Display for Told {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leg { at, of, leg, id } => write!(f, "{BEGINS}{at}/{of} {}: {id}", leg.words()),
            Self::Judged { at, of, verdict, id } => {
                let verdict = verdict.map_or(UNKNOWN, Verdict::words);
                write!(f, "{ENDS}{at}/{of} {verdict}: {id}")
            }
        }
    }
}

impl Told {
    /// Reads a line; `None` for what tells something else.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let begins = line.strip_prefix(BEGINS);
        let (count, rest) = begins.or_else(|| line.strip_prefix(ENDS))?.split_once(' ')?;
        let (at, of) = count.split_once('/')?;
        let (at, of) = (at.parse().ok()?, of.parse().ok()?);
        let (words, id) = rest.split_once(": ")?;
        let id = id.to_owned();
        if begins.is_some() {
            let leg = Leg::ALL.into_iter().find(|leg| leg.words() == words)?;
            return Some(Self::Leg { at, of, leg, id });
        }
        let verdict = match words {
            UNKNOWN => None,
            words => Some(Verdict::ALL.into_iter().find(|verdict| verdict.words() == words)?),
        };
        Some(Self::Judged { at, of, verdict, id })
    }
}

/// How far one migration has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Stand {
    /// It is under way.
    On(Leg),
    /// Its round trip is over; `None`: nothing can be told.
    Judged(Option<Verdict>),
}

/// One migration of a rehearsal that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Passing {
    /// Which it is of them, from 1: lines before it may have been missed.
    pub at: usize,
    /// The migration.
    pub id: String,
    /// How far it has come.
    pub stand: Stand,
    /// When it began.
    pub began: DateTime<Utc>,
    /// Since when it stands so.
    pub since: DateTime<Utc>,
}

/// A rehearsal while it runs, as far as its lines have told.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// The act that runs it.
    pub act: String,
    /// When its first line was heard.
    pub began: DateTime<Utc>,
    /// When its last line was heard.
    pub heard: DateTime<Utc>,
    /// What it did last beside a migration: the copy that is made or removed.
    pub doing: String,
    /// How many migrations it takes; 0 before the first.
    pub of: usize,
    /// The migrations that it has come to, in their order.
    pub passing: Vec<Passing>,
}

impl Live {
    /// Returns the rehearsal that `act` runs, of which nothing was heard before `now`.
    #[must_use]
    pub fn new(act: impl Into<String>, now: DateTime<Utc>) -> Self {
        Self {
            act: act.into(),
            began: now,
            heard: now,
            doing: String::new(),
            of: 0,
            passing: Vec::new(),
        }
    }

    /// Returns true for a line that only a rehearsal prints.
    #[must_use]
    pub fn knows(line: &str) -> bool {
        line == OPENING || Told::parse(line).is_some()
    }

    /// Takes a line that was heard at `now`.
    pub fn hear(&mut self, line: &str, now: DateTime<Utc>) {
        self.heard = now;
        let (at, of, id, stand) = match Told::parse(line) {
            None => {
                line.clone_into(&mut self.doing);
                return;
            }
            Some(Told::Leg { at, of, leg, id }) => (at, of, id, Stand::On(leg)),
            Some(Told::Judged { at, of, verdict, id }) => (at, of, id, Stand::Judged(verdict)),
        };
        self.of = of;
        self.doing.clear();
        match self.passing.iter_mut().find(|one| one.id == id) {
            Some(one) => (one.stand, one.since) = (stand, now),
            None => self.passing.push(Passing { at, id, stand, began: now, since: now }),
        }
    }

    /// Returns how a migration stands, once it was come to.
    #[must_use]
    pub fn of(&self, id: &str) -> Option<&Passing> {
        self.passing.iter().find(|one| one.id == id)
    }

    /// Returns the migration that is under way.
    #[must_use]
    pub fn current(&self) -> Option<&Passing> {
        self.passing.last().filter(|one| matches!(one.stand, Stand::On(_)))
    }

    /// Returns what it does now, in words: `2 of 5, 0007_x: down`.
    #[must_use]
    pub fn words(&self) -> String {
        match self.passing.last() {
            _ if !self.doing.is_empty() => self.doing.clone(),
            None => "it begins".to_owned(),
            Some(one) => {
                let stand = match &one.stand {
                    Stand::On(leg) => leg.words(),
                    Stand::Judged(verdict) => verdict.map_or(UNKNOWN, Verdict::words),
                };
                format!("{} of {}, {}: {stand}", one.at, self.of, one.id)
            }
        }
    }

    /// Returns how long it stands where it stands.
    #[must_use]
    pub fn still(&self, now: DateTime<Utc>) -> TimeDelta {
        (now - self.heard).max(TimeDelta::zero())
    }
}
