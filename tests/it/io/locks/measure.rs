//! What a statement does on a server, beside what is said of it.

use std::collections::{BTreeMap, BTreeSet};

use lockkeeper::domain::hazard::{Answer, Hazard};
use lockkeeper::domain::locks::Mode;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _, Row as _};

/// The relations before any statement: by oid the kind, the name with its schema, and of an index
/// its table.
pub struct Before {
    pub by_oid: BTreeMap<i64, (String, String, Option<String>)>,
}

/// What the server did.
#[derive(Debug)]
pub struct Truth {
    pub locks: BTreeMap<String, Mode>,
    pub rewritten: BTreeSet<String>,
    pub scanned: BTreeSet<String>,
}

const RELATIONS: &str = "SELECT c.oid::int8, c.relkind::text,
    (n.nspname || '.' || c.relname)::text,
    (SELECT i.indrelid FROM pg_index i WHERE i.indexrelid = c.oid)::int8
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";
const HELD: &str = "SELECT relation::int8, mode FROM pg_locks
    WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted";
const FILES: &str = "SELECT oid::int8, pg_relation_filenode(oid)::int8 FROM pg_class";
const SCANS: &str = "SELECT relid::int8, seq_tup_read FROM pg_stat_xact_user_tables";

pub async fn before(connection: &mut PgConnection) -> Before {
    let rows = connection.fetch_all(RELATIONS).await.expect("the relations are read");
    let named: BTreeMap<i64, String> = rows.iter().map(|row| (row.get(0), row.get(2))).collect();
    let of = |row: &sqlx::postgres::PgRow| {
        let table: Option<i64> = row.get(3);
        (row.get(1), row.get(2), table.and_then(|oid| named.get(&oid).cloned()))
    };
    Before { by_oid: rows.iter().map(|row| (row.get(0), of(row))).collect() }
}

async fn pairs(connection: &mut PgConnection, sql: &'static str) -> BTreeMap<i64, i64> {
    let rows = connection.fetch_all(sql).await.expect("it is read");
    let value = |row: &sqlx::postgres::PgRow| row.get::<Option<i64>, _>(1).unwrap_or(0);
    rows.iter().map(|row| (row.get(0), value(row))).collect()
}

/// Runs a statement and rolls it back; the server's error if it refuses.
pub async fn run(
    connection: &mut PgConnection,
    sql: &str,
    before: &Before,
) -> Result<Truth, String> {
    connection.execute("BEGIN").await.expect("a transaction begins");
    if sql.starts_with("INSERT") {
        // On a table of one page a key is looked up by reading the page.
        connection.execute("SET LOCAL enable_seqscan = off").await.expect("it is set");
    }
    let (files, scans) = (pairs(connection, FILES).await, pairs(connection, SCANS).await);
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *connection).await;
    let truth = match done {
        Ok(_) => Ok(truth(connection, before, &files, &scans).await),
        Err(error) => Err(error.to_string()),
    };
    connection.execute("ROLLBACK").await.expect("it is rolled back");
    truth
}

async fn truth(
    connection: &mut PgConnection,
    before: &Before,
    files: &BTreeMap<i64, i64>,
    scans: &BTreeMap<i64, i64>,
) -> Truth {
    let mut locks: BTreeMap<String, Mode> = BTreeMap::new();
    for row in connection.fetch_all(HELD).await.expect("the locks are read") {
        let mode = Mode::parse(&row.get::<String, _>(1)).expect("a mode");
        if let Some((_, name, _)) = before.by_oid.get(&row.get::<i64, _>(0)) {
            let held = locks.entry(name.clone()).or_insert(mode);
            *held = mode.max(*held);
        }
    }
    let changed = |now: BTreeMap<i64, i64>, was: &BTreeMap<i64, i64>| -> BTreeSet<String> {
        let differs = now.iter().filter(|(oid, n)| was.get(oid).copied().unwrap_or(0) != **n);
        differs.filter_map(|(oid, _)| Some(before.by_oid.get(oid)?.1.clone())).collect()
    };
    let now = pairs(connection, SCANS).await;
    let made = now.iter().any(|(oid, read)| *read > 0 && !before.by_oid.contains_key(oid));
    let mut scanned = changed(now, scans);
    // What the statement made itself.
    scanned.extend(made.then(|| "made".to_owned()));
    Truth { locks, rewritten: changed(pairs(connection, FILES).await, files), scanned }
}

/// What is said of the whole text.
pub struct Said {
    /// What is taken for certain.
    pub sure: BTreeMap<String, Mode>,
    /// What may be taken.
    pub may: BTreeMap<String, Mode>,
    /// What may be taken on relations that nobody can name before.
    pub unnamed: Option<Mode>,
    pub rewrite: Answer,
    pub scan: Answer,
}

pub fn said(hazards: &[Hazard]) -> Said {
    let mut said = Said {
        sure: BTreeMap::new(),
        may: BTreeMap::new(),
        unnamed: None,
        rewrite: Answer::No,
        scan: Answer::No,
    };
    for hazard in hazards {
        said.rewrite = said.rewrite.max(hazard.rewrite);
        said.scan = said.scan.max(hazard.scan);
        for held in &hazard.locks {
            let Some(name) = &held.name else {
                said.unnamed = said.unnamed.max(Some(held.mode));
                continue;
            };
            let schema = name.schema.as_deref().unwrap_or("app");
            let list = if held.may { &mut said.may } else { &mut said.sure };
            let mode = list.entry(format!("{schema}.{}", name.name)).or_insert(held.mode);
            *mode = held.mode.max(*mode);
        }
    }
    said
}

/// Returns where the two differ.
///
/// An index and a sequence are locked with their table and need not be named, unless the lock
/// is stronger than the table's.
pub fn differences(said: &Said, truth: &Truth, before: &Before) -> Vec<String> {
    let mut wrong = Vec::new();
    let tables: BTreeSet<&String> = said.sure.keys().chain(truth.locks.keys()).collect();
    for name in tables {
        let Some((kind, _, table)) = before.by_oid.values().find(|(_, n, _)| n == name) else {
            continue;
        };
        let (ours, theirs) = (said.sure.get(name), truth.locks.get(name));
        let of_table = table.as_ref().and_then(|t| said.sure.get(t).max(said.may.get(t)));
        let strongest = of_table.max(ours);
        let is_fine = match kind.as_str() {
            "i" | "I" => theirs <= strongest && (ours.is_none() || ours == theirs),
            "S" => ours == theirs || ours.is_none(),
            // A composite type's own entry.
            "c" => true,
            _ => {
                let may = theirs.is_some() && said.may.get(name) >= theirs && theirs >= ours;
                ours == theirs || may
            }
        };
        if !is_fine && (ours.is_some() || theirs > said.unnamed.as_ref()) {
            wrong.push(format!("{name} is {ours:?}, the server took {theirs:?}"));
        }
    }
    // A sequence is a row.
    let counts =
        |name: &&String| before.by_oid.values().any(|(kind, n, _)| n == *name && kind == "S");
    let is_rewritten = truth.rewritten.iter().any(|name| !counts(&name));
    for (what, ours, theirs, whose) in [
        ("rewrite", said.rewrite, is_rewritten, &truth.rewritten),
        ("scan", said.scan, !truth.scanned.is_empty(), &truth.scanned),
    ] {
        let is_fine = match ours {
            Answer::Yes => theirs,
            Answer::No => !theirs,
            Answer::Unknown => true,
        };
        if !is_fine {
            wrong.push(format!("{what} is {ours:?}, the server's were {whose:?}"));
        }
    }
    wrong
}
