//! What is said of a statement against what the server does with it.
//!
//! Each statement of `tests/samples/locks` runs in a transaction that is rolled back; its locks,
//! new files and sequential scans are compared with what is predicted from the live catalogs.

mod measure;

use std::collections::{BTreeMap, BTreeSet};

use lockkeeper::domain::hazard::{Answer, Catalog, Hazard, Transactions, classify};
use lockkeeper::domain::locks::Mode;
use lockkeeper::io::postgres::reader::Reader;
use lockkeeper::source::sql::compile;
use sqlx::{AssertSqlSafe, Executor as _, Row as _};

use measure::{Before, Truth, before, differences, run, said};

use crate::support::server::{Database, database, private_of};
use crate::support::tcp::spec;
use crate::support::until::eventually;
use crate::support::versions;

const SETUP: &str = include_str!("../../../samples/locks/setup.sql");
const REFUSED: &str = include_str!("../../../samples/locks/refused.sql");

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

/// A list of statements, and the schema that they are of.
struct List {
    setup: &'static [&'static str],
    statements: &'static str,
    /// What nobody can tell the effect of.
    unknown: &'static [&'static str],
    /// What may rewrite or read a table as far as the catalogs tell, beside what finds rows.
    open: &'static [&'static str],
}

/// What migrations are known to do.
const COMMON: List = List {
    setup: &[SETUP],
    statements: include_str!("../../../samples/locks/statements.sql"),
    unknown: &["DO $$ BEGIN EXECUTE 'LOCK TABLE loner'; END $$"],
    open: &[
        // The text of a CHECK cannot be read without a lock, so what it proves stays open.
        "ALTER TABLE years ATTACH PARTITION years_3 FOR VALUES FROM (20) TO (30)",
        // Where it lies already, nothing is copied.
        "ALTER INDEX loner_a SET TABLESPACE pg_default",
    ],
};

/// A walk through the forms of the documentation, and what is commonly put together.
const GRAMMAR: List = List {
    setup: &[SETUP, include_str!("../../../samples/locks/grammar_setup.sql")],
    statements: include_str!("../../../samples/locks/grammar.sql"),
    unknown: &[
        "ALTER TABLE ALL IN TABLESPACE pg_default SET TABLESPACE pg_default NOWAIT",
        "ALTER TYPE rowtype ADD ATTRIBUTE c int CASCADE",
        "ALTER TYPE rowtype ALTER ATTRIBUTE a TYPE bigint CASCADE",
        "ALTER TYPE rowtype DROP ATTRIBUTE b CASCADE",
        "ALTER TYPE rowtype RENAME ATTRIBUTE b TO bb CASCADE",
        "ALTER TYPE pair DROP ATTRIBUTE a",
        "CREATE EXTENSION IF NOT EXISTS plpgsql",
        "CREATE SCHEMA s3 CREATE TABLE made (id int) CREATE VIEW seen AS SELECT * FROM made",
        "PREPARE p AS SELECT * FROM loner",
        "DECLARE c CURSOR FOR SELECT * FROM loner FOR UPDATE",
        "CALL pr0()",
    ],
    open: &[
        // Where it lies and how it is stored, the catalogs that are read do not tell.
        "ALTER TABLE loner SET TABLESPACE pg_default",
        "ALTER TABLE loner SET ACCESS METHOD heap",
        "ALTER MATERIALIZED VIEW child_sums SET TABLESPACE pg_default",
        // Rows are found in them as the planner likes.
        "ALTER TABLE loner RENAME TO loner_old; CREATE TABLE loner (LIKE loner_old INCLUDING ALL); INSERT INTO loner SELECT * FROM loner_old",
        "ALTER TABLE child DISABLE TRIGGER ALL; UPDATE child SET note = 'z' WHERE id < 5; ALTER TABLE child ENABLE TRIGGER ALL",
    ],
};

/// The rules that say of a statement that it fails.
const TOLD: [&str; 2] = ["not-on-this-version", "refused"];

/// Returns true if a statement is said to fail.
fn is_told(hazard: &Hazard) -> bool {
    TOLD.contains(&hazard.rule) || hazard.message.starts_with("fails while")
}

/// Runs every statement of the list on a server of this version and returns where it differs.
async fn compare(major: u32, list: &List) -> Vec<String> {
    let server =
        private_of(versions::programs(major), &[("wal_level", "logical"), ("autovacuum", "off")]);
    let database = server.database("locks");
    list.setup.iter().for_each(|sql| database.execute(sql));
    let mut catalog = catalog(&database).await;
    let mut connection = database.connect().await;
    let zone: String = connection.fetch_one("SHOW timezone").await.expect("shown").get(0);
    catalog.utc = Some(matches!(zone.as_str(), "UTC" | "Etc/UTC" | "GMT"));
    let before = before(&mut connection).await;
    let (mut wrong, mut unknown, mut open) = (Vec::new(), Vec::new(), Vec::new());
    for sql in list.statements.lines().filter(|line| !line.trim().is_empty()) {
        let hazards = hazards(sql, &catalog);
        let is_told = hazards.iter().any(is_told);
        let truth = match run(&mut connection, sql, &before).await {
            Ok(_) if is_told => {
                wrong.push(format!("{sql}\n    is said to fail on {major}"));
                continue;
            }
            Ok(truth) => truth,
            Err(_) if is_told => continue,
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
    let not_listed = |sql: &&&str| !list.unknown.contains(*sql);
    wrong.extend(unknown.iter().filter(not_listed).map(|sql| format!("{sql}\n    is unknown")));
    let not_listed = |sql: &&&str| !finds_rows(sql) && !list.open.contains(*sql);
    wrong.extend(open.iter().filter(not_listed).map(|sql| format!("{sql}\n    is left open")));
    wrong
}

/// Returns true for what finds rows as the planner likes.
fn finds_rows(sql: &str) -> bool {
    let verbs =
        ["UPDATE", "DELETE", "SELECT", "TABLE", "INSERT", "MERGE", "COPY", "WITH", "EXPLAIN"];
    verbs.iter().any(|verb| sql.starts_with(verb))
}

/// Compares both lists on one server version.
async fn holds_on(major: u32) {
    let mut wrong = compare(major, &COMMON).await;
    wrong.extend(compare(major, &GRAMMAR).await);
    assert!(wrong.is_empty(), "{} differ on {major}:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn postgresql_13_does_with_each_statement_what_is_said_of_it() {
    holds_on(13).await;
}

#[tokio::test]
async fn postgresql_14_does_with_each_statement_what_is_said_of_it() {
    holds_on(14).await;
}

#[tokio::test]
async fn the_installed_postgresql_does_with_each_statement_what_is_said_of_it() {
    holds_on(15).await;
}

#[tokio::test]
async fn postgresql_16_does_with_each_statement_what_is_said_of_it() {
    holds_on(16).await;
}

#[tokio::test]
async fn postgresql_17_does_with_each_statement_what_is_said_of_it() {
    holds_on(17).await;
}

#[tokio::test]
async fn postgresql_18_does_with_each_statement_what_is_said_of_it() {
    holds_on(18).await;
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

/// A worker of autovacuum may stand in its way before the blocker does.
const WAITING: &str = "SELECT $2 = ANY (pg_blocking_pids($1))";
/// Of one that waits for somebody who does nothing: they stay as they are.
const LOCKS: &str = "SELECT coalesce(relation, 0)::int8, mode FROM pg_locks WHERE pid = $1";

/// Runs a statement that waits for `blocker`, and returns what it holds and awaits meanwhile.
async fn while_it_waits(
    database: &Database,
    (sql, blocker): (&str, &str),
    before: &Before,
) -> Result<BTreeMap<String, Mode>, String> {
    let (mut holder, mut looker) = (database.connect().await, database.connect().await);
    let hold = format!("BEGIN; {blocker}");
    sqlx::raw_sql(AssertSqlSafe(hold)).execute(&mut holder).await.expect("it holds");
    let by: i32 = holder.fetch_one("SELECT pg_backend_pid()").await.expect("a pid").get(0);
    let mut connection = database.connect().await;
    let pid: i32 = connection.fetch_one("SELECT pg_backend_pid()").await.expect("a pid").get(0);
    let statement = sql.to_owned();
    let running = tokio::spawn(async move {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.map(drop)
    });
    let mut locks: BTreeMap<String, Mode> = BTreeMap::new();
    eventually("it waits, or has failed", async || {
        let asked = sqlx::query_scalar(WAITING).bind(pid).bind(by).fetch_one(&mut looker);
        asked.await.expect("it is read") || running.is_finished()
    })
    .await;
    let looking = sqlx::query(LOCKS).bind(pid).fetch_all(&mut looker);
    for row in &looking.await.expect("it is read") {
        let mode = Mode::parse(&row.get::<String, _>(1)).expect("a mode");
        if let Some((_, name, _)) = before.by_oid.get(&row.get::<i64, _>(0)) {
            let held = locks.entry(name.clone()).or_insert(mode);
            *held = mode.max(*held);
        }
    }
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
