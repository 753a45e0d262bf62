//! What the scratch server's log tells of the statements that ran: it keeps also what was rolled
//! back, and what no event trigger sees.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;

use super::locks::Sample;
use crate::domain::fingerprint::keeps_books;
use crate::domain::locks::Mode;
use crate::domain::rehearsal::{Lock, Statement};

/// What the server writes before each line: time, pid, virtual transaction, transaction,
/// SQLSTATE, application.
pub(super) const PREFIX: &str = "lk|%n|%p|%v|%x|%e|%a|";

/// What our own connections are called: theirs are no statements of a migration.
pub(super) const OWN: &str = "lockkeeper/";

/// One entry of the log, with the lines that follow it.
struct Entry {
    at: f64,
    pid: i32,
    virtual_xid: String,
    xid: String,
    state: String,
    kind: String,
    text: String,
}

/// What an event trigger told.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Told {
    End { xid: String, locks: Vec<Held> },
    Drop { xid: String, objects: Vec<Object> },
    Rewrite { xid: String, relation: Option<String> },
}

#[derive(Deserialize)]
struct Held {
    oid: i64,
    relation: Option<String>,
    mode: String,
}

#[derive(Deserialize)]
struct Object {
    oid: i64,
    #[serde(rename = "type")]
    kind: String,
    identity: String,
    original: bool,
    normal: bool,
}

/// An error that the server reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Its SQLSTATE.
    pub state: String,
}

/// What ran, in order, and what the server refused.
#[derive(Debug, Default)]
pub(super) struct Ran {
    pub statements: Vec<Statement>,
    pub faults: Vec<Fault>,
}

/// Reads the log of one run that began at `began` (seconds since 1970); what touches only the
/// tables in which the tool keeps its `books` is left out.
pub(super) fn read(text: &str, began: f64, books: &str, samples: &[Sample]) -> Ran {
    let mut reading = Reading { began, books, samples, ..Reading::default() };
    for entry in entries(text) {
        reading.take(&entry);
    }
    reading.ran
}

fn entries(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in text.lines() {
        match entry(line) {
            Some(entry) => entries.push(entry),
            // A statement of several lines is written with a tab before each further one.
            None => {
                if let Some(last) = entries.last_mut() {
                    last.text.push('\n');
                    last.text.push_str(line.strip_prefix('\t').unwrap_or(line));
                }
            }
        }
    }
    entries.retain(|entry| !entry.text.is_empty());
    entries
}

fn entry(line: &str) -> Option<Entry> {
    let mut fields = line.strip_prefix("lk|")?.splitn(7, '|');
    let mut next = || fields.next();
    let (at, pid, virtual_xid) = (next()?, next()?, next()?);
    let (xid, state, application, rest) = (next()?, next()?, next()?, next()?);
    let (kind, text) = rest.split_once(":  ")?;
    let text = if application.starts_with(OWN) { "" } else { text };
    Some(Entry {
        at: at.parse().ok()?,
        pid: pid.parse().ok()?,
        virtual_xid: virtual_xid.to_owned(),
        xid: xid.to_owned(),
        state: state.to_owned(),
        kind: kind.to_owned(),
        text: text.to_owned(),
    })
}

#[derive(Default)]
struct Reading<'a> {
    began: f64,
    books: &'a str,
    samples: &'a [Sample],
    /// What the triggers told of the statement that runs, by pid.
    pending: HashMap<i32, Pending>,
    /// The locks that each transaction has already.
    held: HashMap<String, BTreeMap<String, Mode>>,
    /// The names of relations that are gone.
    gone: HashMap<i64, String>,
    /// The numbers of the transactions, in the order in which they came.
    transactions: Vec<String>,
    /// How often one had none of its own.
    alone: usize,
    ran: Ran,
}

#[derive(Default)]
struct Pending {
    xid: Option<String>,
    locks: Vec<(String, Mode)>,
    rewrite: Vec<String>,
    dropped: Vec<String>,
    /// It did something beside reading.
    told: bool,
}

impl Reading<'_> {
    fn take(&mut self, entry: &Entry) {
        match entry.kind.as_str() {
            "LOG" => {
                if let Some(json) = entry.text.strip_prefix("lockkeeper ") {
                    if let Ok(told) = serde_json::from_str(json) {
                        self.told(entry.pid, told);
                    }
                } else if let Some((took, sql)) = finished(&entry.text) {
                    self.statement(entry, sql, Some(took));
                }
            }
            "ERROR" | "FATAL" => self.ran.faults.push(Fault { state: entry.state.clone() }),
            "STATEMENT" if entry.state != "00000" => {
                self.statement(entry, &entry.text, None);
            }
            _ => {}
        }
    }

    fn told(&mut self, pid: i32, told: Told) {
        let pending = self.pending.entry(pid).or_default();
        pending.told = true;
        match told {
            Told::End { xid, locks } => {
                pending.xid = Some(xid);
                for held in locks {
                    let name = held.relation.or_else(|| self.gone.get(&held.oid).cloned());
                    let known = name.zip(Mode::parse(&held.mode));
                    pending.locks.extend(known.filter(|(name, _)| !is_book(name, self.books)));
                }
            }
            Told::Drop { xid, objects } => {
                pending.xid = Some(xid);
                for object in objects {
                    if object.kind == "table" || object.kind.ends_with("view") {
                        self.gone.insert(object.oid, object.identity.replace('"', ""));
                    }
                    let whole = object.kind == "table" || object.kind.ends_with("view");
                    if object.original || (object.normal && whole) {
                        pending.dropped.push(format!("{} {}", object.kind, object.identity));
                    }
                }
            }
            Told::Rewrite { xid, relation } => {
                pending.xid = Some(xid);
                pending.rewrite.extend(relation);
            }
        }
    }

    fn statement(&mut self, entry: &Entry, sql: &str, took: Option<f64>) {
        let pending = self.pending.remove(&entry.pid).unwrap_or_default();
        let is_own = match pending.told {
            // Of the books' own locks nothing was kept.
            true => pending.locks.is_empty() && mentions(sql, self.books),
            false => subject(sql).is_some_and(|name| is_book(name, self.books)),
        };
        if !(pending.told || changes(sql)) || is_own {
            return;
        }
        let transaction = self.transaction(entry, pending.xid.as_ref());
        let (from, to) = (entry.at - took.unwrap_or(0.0), entry.at);
        let mut locks = pending.locks;
        for sample in self.samples.iter().filter(|sample| sample.pid == entry.pid) {
            // One look may come a little before or after.
            let is_of_it = sample.at >= from - 0.001 && sample.at <= to;
            if is_of_it && !is_book(&sample.relation, self.books) {
                locks.push((sample.relation.clone(), sample.mode));
            }
        }
        let locks = self.new_locks(&transaction, &locks);
        self.ran.statements.push(Statement {
            sql: sql.trim().to_owned(),
            started_s: (from - self.began).max(0.0),
            took_s: took,
            locks,
            rewrite: pending.rewrite,
            dropped: pending.dropped,
            transaction,
        });
    }

    /// Returns the strongest lock per relation that this transaction did not have before.
    fn new_locks(&mut self, transaction: &str, locks: &[(String, Mode)]) -> Vec<Lock> {
        let held = self.held.entry(transaction.to_owned()).or_default();
        let mut new: BTreeMap<String, Mode> = BTreeMap::new();
        for (relation, mode) in locks {
            let had = held.get(relation);
            if had.is_none_or(|had| had < mode) {
                let strongest = new.entry(relation.clone()).or_insert(*mode);
                *strongest = (*strongest).max(*mode);
            }
        }
        held.extend(new.iter().map(|(relation, mode)| (relation.clone(), *mode)));
        new.into_iter().map(|(relation, mode)| Lock { relation, mode }).collect()
    }

    fn transaction(&mut self, entry: &Entry, told: Option<&String>) -> String {
        let local = entry.virtual_xid.split_once('/').map_or("0", |(_, local)| local);
        let key = match told {
            Some(xid) => xid.clone(),
            None if entry.xid != "0" => entry.xid.clone(),
            None if local != "0" => entry.virtual_xid.clone(),
            // It was over when this was written: it ran by itself.
            None => {
                self.alone += 1;
                format!("alone {}", self.alone)
            }
        };
        let at = self.transactions.iter().position(|known| *known == key).unwrap_or_else(|| {
            self.transactions.push(key);
            self.transactions.len() - 1
        });
        (at + 1).to_string()
    }
}

/// Returns how long a statement took and its text; `None` for the other lines that tell a time.
fn finished(text: &str) -> Option<(f64, &str)> {
    let (took, rest) = text.strip_prefix("duration: ")?.split_once(" ms  ")?;
    let sql = match rest.strip_prefix("statement: ") {
        Some(sql) => sql,
        None => rest.strip_prefix("execute ")?.split_once(": ")?.1,
    };
    Some((took.parse::<f64>().ok()? / 1000.0, sql))
}

/// Returns true for a statement that may change something: by its first word.
fn changes(sql: &str) -> bool {
    let silent: HashSet<&str> = HashSet::from([
        "SELECT",
        "SHOW",
        "SET",
        "RESET",
        "BEGIN",
        "START",
        "COMMIT",
        "END",
        "ROLLBACK",
        "SAVEPOINT",
        "RELEASE",
        "DISCARD",
        "DEALLOCATE",
        "EXPLAIN",
        "FETCH",
        "CLOSE",
        "DECLARE",
        "PREPARE",
        "LISTEN",
        "UNLISTEN",
        "ABORT",
    ]);
    let bare = sql.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    let word = bare.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    !word.is_empty() && !silent.contains(word.to_ascii_uppercase().as_str())
}

/// Returns true for the name of a table of the tool's own, with its schema or without.
pub(super) fn is_book(name: &str, books: &str) -> bool {
    let plain = name.rsplit('.').next().unwrap_or(name);
    keeps_books(plain.trim_matches('"'), books)
}

/// Returns true if a word of the statement is such a name.
fn mentions(sql: &str, books: &str) -> bool {
    let mut words = sql.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$')));
    words.any(|word| keeps_books(word, books))
}

/// Returns the relation that a statement writes to or locks, as it is written there.
fn subject(sql: &str) -> Option<&str> {
    const BEFORE: [&str; 8] =
        ["INSERT", "INTO", "UPDATE", "DELETE", "FROM", "ONLY", "LOCK", "TABLE"];
    let is_before = |word: &&str| BEFORE.iter().any(|one| word.eq_ignore_ascii_case(one));
    let mut words = sql.split_ascii_whitespace().skip_while(is_before);
    words.next().and_then(|word| word.split(['(', ';']).next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: f64, xid: &str, state: &str, text: &str) -> String {
        format!("lk|{at:.3}|42|3/7|{xid}|{state}|app|{text}\n")
    }

    #[test]
    fn a_statement_has_its_locks_its_drops_and_its_transaction() {
        let drop = r#"LOG:  lockkeeper {"event":"drop","xid":"9","objects":[{"oid":5,"type":"table","identity":"public.t","original":true,"normal":false}]}"#;
        let end = r#"LOG:  lockkeeper {"event":"end","xid":"9","tag":"DROP TABLE","locks":[{"oid":5,"relation":null,"mode":"AccessExclusiveLock"}]}"#;
        let log = [
            line(10.0, "0", "00000", "LOG:  duration: 0.1 ms  statement: BEGIN"),
            line(10.1, "9", "00000", drop),
            line(10.1, "9", "00000", end),
            line(10.2, "9", "00000", "LOG:  duration: 100.0 ms  statement: DROP\n\tTABLE t"),
            line(
                10.3,
                "9",
                "00000",
                "LOG:  duration: 1.0 ms  execute <unnamed>: INSERT INTO u VALUES (1)",
            ),
            line(
                10.4,
                "9",
                "00000",
                "LOG:  duration: 1.0 ms  statement: UPDATE alembic_version SET x = 1",
            ),
            line(
                10.4,
                "9",
                "00000",
                "LOG:  duration: 1.0 ms  statement: INSERT INTO \"public\".\"alembic_version\"(x) VALUES (1)",
            ),
            line(
                10.4,
                "9",
                "00000",
                "LOG:  duration: 1.0 ms  statement: DELETE FROM alembic_versions",
            ),
            line(10.5, "0", "22001", "ERROR:  value too long"),
            line(10.5, "0", "22001", "STATEMENT:  ALTER TABLE x ALTER y TYPE int"),
        ]
        .concat();
        let ran = read(&log, 10.0, "alembic_version", &[]);
        let texts: Vec<&str> = ran.statements.iter().map(|s| s.sql.as_str()).collect();
        let expected = [
            "DROP\nTABLE t",
            "INSERT INTO u VALUES (1)",
            "DELETE FROM alembic_versions",
            "ALTER TABLE x ALTER y TYPE int",
        ];
        assert_eq!(texts, expected);
        let first = &ran.statements[0];
        assert_eq!(first.dropped, ["table public.t"]);
        let lock = Lock { relation: "public.t".into(), mode: Mode::AccessExclusive };
        assert_eq!(first.locks, [lock]);
        assert!((first.started_s - 0.1).abs() < 1e-6, "{first:?}");
        assert_eq!(first.transaction, ran.statements[1].transaction);
        assert_eq!(ran.statements[3].took_s, None);
        assert_eq!(ran.faults, [Fault { state: "22001".into() }]);
    }
}
