//! The schema as named parts with a hash each: compared before and after an act, it tells
//! what stays of one that failed, whatever its tool says.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::change::{Change, Definition};
use super::plan::sha256_hex;
use super::untrusted::Untrusted;

/// What a part of a schema is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// `table`, `index`, `INVALID index`, `function`…
    pub kind: String,
    /// Its schema; of what lies in none, its own name.
    pub space: String,
    /// The relation that it is or belongs to, or nothing.
    pub owner: String,
    /// Its name in there, or nothing.
    pub name: String,
}

impl Part {
    /// Returns it in words, e.g. `index i of public.t`.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { kind, space, owner, name } = self;
        match (owner.as_str(), name.as_str()) {
            ("", "") => format!("{kind} {space}"),
            ("", _) => format!("{kind} {space}.{name}"),
            (_, "") => format!("{kind} {space}.{owner}"),
            _ => format!("{kind} {name} of {space}.{owner}"),
        }
    }

    fn belongs_to(&self, relation: &Self) -> bool {
        !self.name.is_empty() && (&self.space, &self.owner) == (&relation.space, &relation.owner)
    }
}

/// Returns true for the table in which a tool keeps its own books, and for what is named after
/// it: the table of its lock (Knex, Liquibase) and their sequences.
#[must_use]
pub fn keeps_books(name: &str, table: &str) -> bool {
    const BESIDE: [&str; 5] = ["", "_id_seq", "_lock", "_lock_index_seq", "lock"];
    !table.is_empty() && name.strip_prefix(table).is_some_and(|rest| BESIDE.contains(&rest))
}

/// A schema at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema(BTreeMap<Part, String>);

/// The hash of a whole schema, comparable on one server as long as it is of one major version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Schema {
    /// Returns the schema of these parts with their hashes.
    pub fn new(parts: impl IntoIterator<Item = (Part, String)>) -> Self {
        Self(parts.into_iter().collect())
    }

    /// Leaves out the table in which a tool keeps its own books, with all that belongs to it.
    #[must_use]
    pub fn without(mut self, table: &str) -> Self {
        self.0.retain(|part, _| !keeps_books(&part.owner, table));
        self
    }

    /// Returns how many parts there are.
    #[must_use]
    pub fn parts(&self) -> usize {
        self.0.len()
    }

    /// Returns the hash over all parts.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let text = self.0.iter().fold(String::new(), |mut text, (part, hash)| {
            // No name holds a NUL.
            for word in [&part.kind, &part.space, &part.owner, &part.name, hash] {
                text.push_str(word);
                text.push('\0');
            }
            text
        });
        Fingerprint(sha256_hex(text.as_bytes()))
    }

    /// Returns what has changed from here to `later`, a line each; what belongs to a relation
    /// that came or went is not told beside it.
    #[must_use]
    pub fn changes(&self, later: &Self) -> Vec<Untrusted> {
        let differences = self.differences(later);
        let line = |d: &Difference<'_>| format!("{} {}", d.part.words(), d.word()).into();
        differences.iter().map(line).collect()
    }

    /// Returns every part that is not the same here and in `later`, but for what belongs to a
    /// relation that came or went.
    #[must_use]
    pub fn differences<'a>(&'a self, later: &'a Self) -> Vec<Difference<'a>> {
        let all = self.all_differences(later);
        let whole: Vec<&Part> = all
            .iter()
            .filter(|d| d.part.name.is_empty() && (d.before.is_none() || d.after.is_none()))
            .map(|d| d.part)
            .collect();
        let told = |d: &&Difference<'_>| !whole.iter().any(|whole| d.part.belongs_to(whole));
        all.iter().filter(told).copied().collect()
    }

    fn all_differences<'a>(&'a self, later: &'a Self) -> Vec<Difference<'a>> {
        let parts: BTreeSet<&Part> = self.0.keys().chain(later.0.keys()).collect();
        let get = |schema: &'a Self, part: &Part| schema.0.get(part).map(String::as_str);
        let difference =
            |part| Difference { part, before: get(self, part), after: get(later, part) };
        let differs = |d: &Difference<'_>| d.before != d.after;
        parts.into_iter().map(difference).filter(differs).collect()
    }

    /// Returns this schema with what has changed between two others done to it: where a copy
    /// went, its original will go.
    #[must_use]
    pub fn moved_as(&self, from: &Self, to: &Self) -> Self {
        let mut parts = self.0.clone();
        for Difference { part, after, .. } in from.all_differences(to) {
            match after {
                Some(after) => parts.insert(part.clone(), after.to_owned()),
                None => parts.remove(part),
            };
        }
        Self(parts)
    }
}

/// A part of a schema that is not the same at two moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference<'a> {
    /// The part.
    pub part: &'a Part,
    /// What it was, if it was there.
    pub before: Option<&'a str>,
    /// What it is then, if it is there.
    pub after: Option<&'a str>,
}

impl Difference<'_> {
    /// Returns `created`, `dropped` or `changed`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (self.before, self.after) {
            (None, _) => "created",
            (_, None) => "dropped",
            _ => "changed",
        }
    }
}

/// What is known of the schema around an act.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Compared {
    /// It was not read before, or not after.
    #[default]
    Unknown,
    /// It is the same.
    Same {
        /// Its fingerprint.
        fingerprint: Fingerprint,
    },
    /// It differs.
    Moved {
        /// The fingerprint before.
        before: Fingerprint,
        /// The fingerprint after.
        after: Fingerprint,
        /// What differs, a line each; nothing if only the fingerprint from before is left.
        changes: Vec<Untrusted>,
    },
}

impl Compared {
    /// Compares a schema with the fingerprint of an earlier one, which itself may be there too.
    #[must_use]
    pub fn of(before: &Fingerprint, known: Option<&Schema>, after: &Schema) -> Self {
        let found = after.fingerprint();
        if *before == found {
            return Self::Same { fingerprint: found };
        }
        let changes = known.map(|known| known.changes(after)).unwrap_or_default();
        Self::Moved { before: before.clone(), after: found, changes }
    }

    /// Returns what differs in one line, the first few of it; `None` if nothing is known to.
    #[must_use]
    pub fn told(&self) -> Option<String> {
        const FEW: usize = 6;
        let Self::Moved { changes, .. } = self else { return None };
        if changes.is_empty() {
            return Some("the schema is not the one from before".to_owned());
        }
        let mut lines: Vec<String> = changes.iter().take(FEW).map(Untrusted::one_line).collect();
        if changes.len() > FEW {
            lines.push(format!("and {} more", changes.len() - FEW));
        }
        Some(lines.join("; "))
    }
}

/// Returns true if a fingerprint tells whether this was done. Rows it does not tell, nor what
/// rewrites a relation without changing what it is.
#[must_use]
pub fn tells(change: &Change) -> bool {
    is_neutral(change) || alters(change)
}

/// Returns true if this changes a schema, and a fingerprint tells.
#[must_use]
pub fn alters(change: &Change) -> bool {
    matches!(
        change,
        Change::Alter(..)
            | Change::CreateTable(_)
            | Change::DropTable(_)
            | Change::CreateIndex(_)
            | Change::DropIndex(_)
            | Change::RenameIndex(..)
            | Change::AddValue(..)
            | Change::ConstrainDomain(..)
            | Change::CreateDomain(..)
            | Change::CreateTrigger(_)
            | Change::DropTrigger(_)
            | Change::Police(_)
            | Change::CreateView(_)
            | Change::DropView(_)
            | Change::CreateMaterializedView(_)
            | Change::DropMaterializedView(_)
            | Change::DropSequence(_)
    )
}

/// Returns true if this leaves everything as it is, or only says the text of another change.
fn is_neutral(change: &Change) -> bool {
    match change {
        Change::Define(Definition { object, .. }) | Change::Undefine(object, _) => {
            !object.thing.is_routine()
        }
        _ => matches!(
            change,
            Change::Read
                | Change::Lock(..)
                | Change::Analyze(_)
                | Change::Setting(..)
                | Change::Transaction(_)
        ),
    }
}
