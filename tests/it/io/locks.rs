//! What is said of a statement against what the server does with it.
//!
//! Each statement of `tests/samples/locks` runs in a transaction that is rolled back; its locks,
//! new files and sequential scans are compared with what is predicted from the live catalogs.

use std::collections::{BTreeMap, BTreeSet};

use lockkeeper::domain::hazard::{Answer, Catalog, Hazard, Transactions, classify};
use lockkeeper::domain::locks::Mode;
use lockkeeper::io::postgres::reader::Reader;
use lockkeeper::source::sql::compile;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _, Row as _};

use crate::support::server::{Database, database};
use crate::support::tcp::spec;
use crate::support::until::eventually;

const SETUP: &str = include_str!("../../samples/locks/setup.sql");
const STATEMENTS: &str = include_str!("../../samples/locks/statements.sql");
const REFUSED: &str = include_str!("../../samples/locks/refused.sql");

/// The relations before any statement: by oid the kind, the name with its schema, and of an index
/// its table.
struct Before {
    by_oid: BTreeMap<i64, (String, String, Option<String>)>,
}

/// What the server did.
#[derive(Debug)]
struct Truth {
    locks: BTreeMap<String, Mode>,
    rewritten: BTreeSet<String>,
    scanned: BTreeSet<String>,
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

async fn before(connection: &mut PgConnection) -> Before {
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
async fn run(connection: &mut PgConnection, sql: &str, before: &Before) -> Result<Truth, String> {
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
    Truth {
        locks,
        rewritten: changed(pairs(connection, FILES).await, files),
        scanned: changed(pairs(connection, SCANS).await, scans),
    }
}

/// What is said of the whole text.
struct Said {
    /// What is taken for certain.
    sure: BTreeMap<String, Mode>,
    /// What may be taken.
    may: BTreeMap<String, Mode>,
    /// What may be taken on relations that nobody can name before.
    unnamed: Option<Mode>,
    rewrite: Answer,
    scan: Answer,
}

fn said(hazards: &[Hazard]) -> Said {
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
fn differences(said: &Said, truth: &Truth, before: &Before) -> Vec<String> {
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
            _ => ours == theirs || (theirs.is_some() && said.may.get(name) == theirs),
        };
        if !is_fine && (ours.is_some() || theirs > said.unnamed.as_ref()) {
            wrong.push(format!("{name} is {ours:?}, the server took {theirs:?}"));
        }
    }
    let is_rewritten = truth.rewritten.iter().any(|name| !name.contains("counter"));
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

async fn catalog(database: &Database) -> Catalog {
    let mut reader = Reader::new(spec(&database.dsn()));
    let version = reader.identity().await.expect("the server answers").version_num;
    let catalog = reader.catalog(version).await.expect("the catalogs are read");
    reader.close().await;
    catalog
}

fn hazards(sql: &str, catalog: &Catalog) -> Vec<Hazard> {
    classify(&compile(sql).statements, &mut catalog.clone(), Transactions::One)
}

#[tokio::test]
async fn the_server_does_with_each_statement_what_is_said_of_it() {
    let database = database("locks");
    database.execute(SETUP);
    let mut catalog = catalog(&database).await;
    let mut connection = database.connect().await;
    let zone: String = connection.fetch_one("SHOW timezone").await.expect("shown").get(0);
    catalog.utc = Some(matches!(zone.as_str(), "UTC" | "Etc/UTC" | "GMT"));
    let before = before(&mut connection).await;
    let mut wrong = Vec::new();
    let mut unknown = Vec::new();
    let mut open = Vec::new();
    for sql in STATEMENTS.lines().filter(|line| !line.trim().is_empty()) {
        let hazards = hazards(sql, &catalog);
        let truth = match run(&mut connection, sql, &before).await {
            Ok(truth) => truth,
            // The statement came with a later version.
            Err(_) if hazards.iter().any(|h| h.rule == "not-on-this-version") => continue,
            Err(error) => {
                wrong.push(format!("{sql}\n    fails: {error}"));
                continue;
            }
        };
        if hazards.iter().any(|hazard| hazard.rule == "unknown") {
            unknown.push(sql);
            continue;
        }
        let said = said(&hazards);
        if said.rewrite == Answer::Unknown || said.scan == Answer::Unknown {
            open.push(sql);
        }
        let differences = differences(&said, &truth, &before);
        if !differences.is_empty() {
            wrong.push(format!("{sql}\n    {}", differences.join("\n    ")));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(unknown, ["DO $$ BEGIN EXECUTE 'LOCK TABLE loner'; END $$"]);
    let rows = |sql: &&str| {
        let verbs =
            ["UPDATE", "DELETE", "SELECT", "TABLE", "INSERT", "MERGE", "COPY", "WITH", "EXPLAIN"];
        verbs.iter().any(|verb| sql.starts_with(verb))
    };
    let open: Vec<&str> = open.into_iter().filter(|sql| !rows(sql)).collect();
    let told = [
        // The text of a CHECK cannot be read without a lock, so what it proves stays open.
        "ALTER TABLE years ATTACH PARTITION years_3 FOR VALUES FROM (20) TO (30)",
        // Where it lies already, nothing is copied.
        "ALTER INDEX loner_a SET TABLESPACE pg_default",
    ];
    assert_eq!(open, told, "beside these only how rows are found is open");
}

/// What runs by itself, with a transaction that it waits for: meanwhile its locks can be read.
const CONCURRENT: [(&str, &str); 7] = [
    ("CREATE INDEX CONCURRENTLY made ON loner (id)", "INSERT INTO loner VALUES (0)"),
    (
        "CREATE UNIQUE INDEX CONCURRENTLY made ON middle (id)",
        "UPDATE middle SET id = id WHERE id = 1",
    ),
    ("DROP INDEX CONCURRENTLY loner_a", "SELECT count(*) FROM loner"),
    ("REINDEX INDEX CONCURRENTLY child_note", "UPDATE child SET note = note WHERE id = 1"),
    ("REINDEX TABLE CONCURRENTLY child", "UPDATE child SET note = note WHERE id = 1"),
    ("ALTER TABLE years DETACH PARTITION years_1 CONCURRENTLY", "SELECT count(*) FROM years"),
    // Its second transaction: nobody is on the parent any more.
    (
        "ALTER TABLE years DETACH PARTITION years_1 CONCURRENTLY",
        "LOCK TABLE years_1 IN ACCESS SHARE MODE",
    ),
];

const WAITING: &str = "SELECT coalesce(relation, 0)::int8, mode FROM pg_locks l WHERE pid = $1
      AND EXISTS (SELECT 1 FROM pg_locks w WHERE w.pid = l.pid AND NOT w.granted)";

/// Runs a statement that waits for `blocker`, and returns what it holds and awaits meanwhile.
async fn while_it_waits(
    database: &Database,
    (sql, blocker): (&str, &str),
    before: &Before,
) -> Result<BTreeMap<String, Mode>, String> {
    let (mut holder, mut looker) = (database.connect().await, database.connect().await);
    let hold = format!("BEGIN; {blocker}");
    sqlx::raw_sql(AssertSqlSafe(hold)).execute(&mut holder).await.expect("it holds");
    let mut connection = database.connect().await;
    let pid: i32 = connection.fetch_one("SELECT pg_backend_pid()").await.expect("a pid").get(0);
    let statement = sql.to_owned();
    let running = tokio::spawn(async move {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.map(drop)
    });
    let mut locks: BTreeMap<String, Mode> = BTreeMap::new();
    eventually("it waits, or has failed", async || {
        let rows = sqlx::query(WAITING).bind(pid).fetch_all(&mut looker).await.expect("it is read");
        for row in &rows {
            let mode = Mode::parse(&row.get::<String, _>(1)).expect("a mode");
            if let Some((_, name, _)) = before.by_oid.get(&row.get::<i64, _>(0)) {
                let held = locks.entry(name.clone()).or_insert(mode);
                *held = mode.max(*held);
            }
        }
        !rows.is_empty() || running.is_finished()
    })
    .await;
    holder.execute("ROLLBACK").await.expect("it lets go");
    running.await.expect("it ends").map(|()| locks).map_err(|error| error.to_string())
}

#[tokio::test]
async fn what_runs_concurrently_locks_what_is_said_of_it() {
    let mut wrong = Vec::new();
    for (at, case) in CONCURRENT.into_iter().enumerate() {
        let database = database(&format!("concurrent_{at}"));
        database.execute(SETUP);
        let catalog = catalog(&database).await;
        let hazards =
            classify(&compile(case.0).statements, &mut catalog.clone(), Transactions::None);
        let before = before(&mut database.connect().await).await;
        let locks = match while_it_waits(&database, case, &before).await {
            Ok(locks) => locks,
            Err(_) if hazards.iter().any(|h| h.rule == "not-on-this-version") => continue,
            Err(error) => {
                wrong.push(format!("{}: fails: {error}", case.0));
                continue;
            }
        };
        // Between its two transactions DETACH holds nothing.
        assert!(!locks.is_empty() || case.1.starts_with("SELECT"), "{case:?}");
        let mut said = said(&hazards);
        if case.0.contains("DETACH") {
            // Each of its two transactions shows its own: nothing may be stronger than is said.
            for (name, mode) in &locks {
                let strongest = hazards.iter().flat_map(|h| &h.locks).find(|held| {
                    held.name.as_ref().is_some_and(|own| name.ends_with(&format!(".{}", own.name)))
                });
                if strongest.is_none_or(|held| *mode > held.mode) {
                    wrong.push(format!(
                        "{case:?}: {name} is locked {mode:?}, {strongest:?} is said"
                    ));
                }
            }
            continue;
        }
        (said.rewrite, said.scan) = (Answer::Unknown, Answer::Unknown);
        let truth = Truth { locks, rewritten: BTreeSet::new(), scanned: BTreeSet::new() };
        let differences = differences(&said, &truth, &before);
        if !differences.is_empty() {
            wrong.push(format!("{}\n    {}", case.0, differences.join("\n    ")));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn what_the_server_refuses_is_said_to_fail() {
    let database = database("refused");
    database.execute(SETUP);
    let catalog = catalog(&database).await;
    let mut connection = database.connect().await;
    let before = before(&mut connection).await;
    let mut wrong = Vec::new();
    for sql in REFUSED.lines() {
        let hazards = hazards(sql, &catalog);
        let is_said = hazards.iter().any(|hazard| hazard.message.starts_with("fails"));
        let refused = run(&mut connection, sql, &before).await.err();
        if !is_said || refused.is_none() {
            wrong.push(format!("{sql}: {:?}; the server: {refused:?}", hazards[0].message));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_catalog_is_read_past_an_exclusive_lock_on_everything() {
    let database = database("locked_catalog");
    database.execute(SETUP);
    let mut holder = database.connect().await;
    holder.execute("BEGIN; LOCK TABLE child, parent, events, years, loner").await.expect("locked");
    let catalog = catalog(&database).await;
    let child = catalog.find(&lockkeeper::domain::change::Name::new("child")).expect("it is there");
    assert!(child.proves_not_null("proven") && !child.proves_not_null("amount"));
    assert_eq!(catalog.search_path, ["app", "public"]);
}
