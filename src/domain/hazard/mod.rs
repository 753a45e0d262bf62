//! What a statement does to the others while it runs: locks, rewrites, scans.
//!
//! The rules are those that PostgreSQL 13, 15, 17 and 18 were measured to follow;
//! what only the live catalog can tell is [`Answer::Unknown`], never "no".

mod alter;
mod bound;
mod catalog;
mod effect;
mod gone;
mod light;
mod lock;
mod refused;
mod retype;
mod rows;
mod safe;
mod version;

use serde::{Serialize, Serializer};

use super::change::Statement;
use super::locks::Mode;
use super::quantity::size;

pub use catalog::{
    Catalog, Check, ColumnFact, Domain, ForeignKey, Indexed, Kind, Reads, Relation, Relations,
};
pub use lock::{Held, blocked_by};

use effect::Effect;

/// A tri-state, in order of danger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// It does not.
    No,
    /// Only the live catalog, or nobody, can tell; `null` in JSON.
    Unknown,
    /// It does.
    Yes,
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::No => serializer.serialize_bool(false),
            Self::Yes => serializer.serialize_bool(true),
            Self::Unknown => serializer.serialize_none(),
        }
    }
}

/// How bad it is on a busy database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nobody notices.
    Low,
    /// Short, but it queues behind whoever is there, and others behind it.
    Medium,
    /// Others stand still for as long as a scan or a rewrite takes, or nobody can tell.
    High,
}

/// What one statement does to the others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hazard {
    /// The line of the statement in its file.
    pub line: usize,
    /// The statement.
    pub sql: String,
    /// The relation under the strongest lock, if any.
    pub relation: Option<String>,
    /// That lock.
    #[serde(serialize_with = "lock::in_words_if_any")]
    pub lock: Option<Mode>,
    /// All locks, strongest first: one per relation, and a stronger one that may be taken beside
    /// it. The indexes of a table are locked with it and not listed.
    pub locks: Vec<Held>,
    /// Whether a relation gets a new file.
    pub rewrite: Answer,
    /// Whether all rows are read (also to build an index).
    pub scan: Answer,
    /// What stands still meanwhile.
    pub blocks: String,
    /// How bad it is here.
    pub severity: Severity,
    /// The bytes of the relations that are read or written anew, by `relpages`; `None` if there
    /// is no such work, or their size is not known.
    pub bytes: Option<u64>,
    /// Seconds, by what a rehearsal has measured of it
    /// ([`estimate`](crate::domain::rehearsal::Standing::estimate)); `None`: nothing was. No
    /// duration follows from a size alone.
    pub estimate_s: Option<f64>,
    /// SQL that reaches the same with less; none is given that would fail here.
    pub safe_form: Option<String>,
    /// The rule's name.
    pub rule: &'static str,
    /// What happens, in a sentence.
    pub message: String,
}

/// How a migration's statements are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transactions {
    /// All in one transaction: locks are kept to the end.
    One,
    /// Each by itself.
    None,
    /// Some commit in between.
    Mixed,
    /// It cannot be told.
    Unknown,
}

/// Returns the hazard of each statement, in order, and leaves `catalog` as it
/// will be after them.
pub fn classify(
    statements: &[Statement],
    catalog: &mut Catalog,
    transactions: Transactions,
) -> Vec<Hazard> {
    let judge = |statement| {
        let hazard = hazard(statement, catalog);
        if transactions != Transactions::One {
            catalog.settle();
        }
        hazard
    };
    let hazards = statements.iter().map(judge).collect();
    catalog.settle();
    hazards
}

fn hazard(statement: &Statement, catalog: &mut Catalog) -> Hazard {
    let mut effects = Vec::new();
    for change in &statement.changes {
        effects.push(effect::of(change, &statement.sql, catalog));
        catalog.advance(change);
    }
    effects.sort_by_key(|effect| std::cmp::Reverse(effect.severity(catalog)));
    assemble(statement, &effects, catalog)
}

fn assemble(statement: &Statement, effects: &[Effect], catalog: &Catalog) -> Hazard {
    let locks = lock::merge(effects.iter().flat_map(|effect| effect.locks.iter()));
    let strongest = locks.first();
    Hazard {
        line: statement.line,
        sql: statement.sql.clone(),
        relation: strongest.map(|held| held.relation.clone()),
        lock: strongest.map(|held| held.mode),
        blocks: strongest.map_or("nothing", |held| blocked_by(held.mode)).to_owned(),
        bytes: bytes(effects, catalog),
        estimate_s: None,
        severity: effects.iter().map(|e| e.severity(catalog)).max().unwrap_or(Severity::Low),
        safe_form: effects.iter().find_map(|effect| effect.safe_form.clone()),
        rule: effects.first().map_or("nothing", |effect| effect.rule),
        message: effects.first().map(|effect| effect.message.clone()).unwrap_or_default(),
        rewrite: worst(effects, |effect| effect.rewrite),
        scan: worst(effects, |effect| effect.scan),
        locks,
    }
}

fn worst(effects: &[Effect], part: impl Fn(&Effect) -> Answer) -> Answer {
    effects.iter().map(part).max().unwrap_or(Answer::No)
}

/// Returns the bytes that all of them read or write anew; none where one's are not known.
fn bytes(effects: &[Effect], catalog: &Catalog) -> Option<u64> {
    let works = |effect: &&Effect| effect.rewrite.max(effect.scan) != Answer::No;
    let sizes: Option<Vec<u64>> =
        effects.iter().filter(works).map(|effect| effect.bytes(catalog)).collect();
    sizes.filter(|sizes| !sizes.is_empty()).map(|sizes| sizes.iter().sum())
}

impl Hazard {
    /// Returns what the statement has to go through, e.g. `reads every row (1.2 GB)`.
    #[must_use]
    pub fn cost(&self) -> String {
        let cost = match (self.rewrite, self.scan) {
            (Answer::Yes, _) => "REWRITES every row",
            (Answer::Unknown, _) => "may rewrite every row",
            (_, Answer::Yes) => "reads every row",
            (_, Answer::Unknown) => "may read every row",
            _ => return "catalog only".to_owned(),
        };
        match self.bytes {
            Some(bytes) => format!("{cost} ({})", size(bytes)),
            None => cost.to_owned(),
        }
    }
}
