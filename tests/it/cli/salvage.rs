//! `salvage`: what a migration is about to destroy, saved and brought back by its own script.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use lockkeeper::domain::plan::sha256_hex;
use lockkeeper::io::salvage::SalvageManifest;

use super::lk::Lk;
use super::restore_table::ask;
use crate::support::act::files;
use crate::support::server::{Database, database};

const SHOP: &str = "CREATE TABLE \"Users\" (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      name text, prefs json);
    INSERT INTO \"Users\" (name, prefs) SELECT E'a\\tb\\n' || n, json_build_object('n', n)
      FROM generate_series(1, 300) n;
    UPDATE \"Users\" SET prefs = NULL WHERE id = 7;
    CREATE TABLE heap (n int); INSERT INTO heap VALUES (1), (1);";

fn shop(name: &str) -> (Database, Lk) {
    let database = database(name);
    database.execute(SHOP);
    let lk = Lk::on(&database);
    (database, lk)
}

/// Returns the file of the rows, with its manifest.
fn saved(lk: &Lk) -> (PathBuf, SalvageManifest) {
    let all = files(&lk.project().join("backups"));
    let rows = all.iter().find(|path| path.extension().is_some_and(|ending| ending == "copy"));
    let rows = rows.unwrap_or_else(|| panic!("no rows: {all:?}")).clone();
    let text = fs::read(format!("{}.json", rows.display())).expect("a manifest");
    (rows, serde_json::from_slice(&text).expect("it reads"))
}

fn bring_back(database: &Database, rows: &std::path::Path) {
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q"]).arg(database.dsn()).arg("-f").arg(format!("{}.sql", rows.display()));
    let output = psql.output().expect("psql starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

const SUM: &str =
    "SELECT md5(string_agg(concat_ws('|', id, name, prefs), ',' ORDER BY id)) FROM \"Users\"";

#[test]
fn a_column_is_saved_with_its_key_and_comes_back_by_its_own_script() {
    let (database, lk) = shop("salvage_column");
    let before = ask(&database, SUM);
    let args = ["salvage", "\"Users\"", "--column", "prefs"];
    let (plan, _) = lk.plan(&args);
    assert!(plan["preview"]["touches"].to_string().contains("one snapshot"), "{plan}");
    assert!(!lk.project().join("backups").exists(), "a plan writes nothing");
    let done = lk.confirmed(&args);
    assert_eq!(done.code(), 0, "{}", done.said());
    let (rows, manifest) = saved(&lk);
    assert_eq!(
        (manifest.rows, manifest.columns.as_slice()),
        (300, &["id".to_owned(), "prefs".to_owned()][..])
    );
    assert_eq!(manifest.sha256, sha256_hex(&fs::read(&rows).expect("it reads")));
    let private = |path: &PathBuf| {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o777 == 0o600
    };
    assert!(files(&lk.project().join("backups")).iter().all(private));

    // The migration, and the way back: the column is made again, with a default of its own.
    database.execute(
        "ALTER TABLE \"Users\" DROP COLUMN prefs; ALTER TABLE \"Users\" ADD COLUMN prefs json DEFAULT '{}'",
    );
    assert_ne!(ask(&database, SUM), before);
    bring_back(&database, &rows);
    assert_eq!(ask(&database, SUM), before, "every value, NULL included");
    // What lies beside backups is no problem of theirs.
    let inventory = lk.run(&["backups"]).out();
    assert!(!inventory.contains("PROBLEM"), "{inventory}");
}

/// Confirms an act that a user would type, and returns the last that is said of it.
fn done(lk: &Lk, args: &[&str]) -> String {
    let answer = lk.confirmed(args);
    assert_eq!(answer.code(), 0, "{args:?}: {}", answer.said());
    answer.document("outcome")["message"].as_str().unwrap_or_default().to_owned()
}

/// Does what the last word of a salvage says, as its reader would.
fn as_told(database: &Database, told: &str) {
    let (_, rest) = told.split_once("psql -X -f ").unwrap_or_else(|| panic!("no way back: {told}"));
    let (script, _) = rest.split_once(" on this database").expect("which file");
    let mut psql = Command::new("psql");
    psql.args(["-X", "-f", script]).arg(database.dsn());
    // What a session of somebody else's brings along.
    psql.env("PGCLIENTENCODING", "LATIN1").env("PGOPTIONS", "-c intervalstyle=sql_standard");
    let output = psql.output().expect("psql starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_a_migration_destroys_comes_back_as_its_salvage_says_after_the_migration_was_undone() {
    let database = database("salvage_end_to_end");
    let lk = Lk::on(&database);
    done(&lk, &["up"]);
    done(&lk, &["up"]);
    database.execute(
        "ALTER TABLE first ADD COLUMN took interval;
         INSERT INTO first (id, note, more, took) SELECT n, 'né\t' || n, E'日本\\\\' || n,
           make_interval(months => -n, days => n, secs => -n) FROM generate_series(1, 50) n;
         INSERT INTO first (id, more) VALUES (51, NULL), (52, '')",
    );
    let sum = |what: &str| {
        let sql = format!("SELECT md5(string_agg(({what})::text, ',' ORDER BY id)) FROM first");
        ask(&database, &sql)
    };
    let column = sum("ROW(id, more)");
    let told = done(&lk, &["salvage", "first", "--column", "more"]);
    done(&lk, &["down"]);
    let exists = "SELECT count(*)::text FROM pg_attribute WHERE attrelid = 'first'::regclass \
                  AND attname = 'more' AND NOT attisdropped";
    assert_eq!(ask(&database, exists), "0", "the migration has destroyed it");
    done(&lk, &["up"]);
    assert_ne!(sum("ROW(id, more)"), column);
    as_told(&database, &told);
    assert_eq!(sum("ROW(id, more)"), column, "byte for byte, NULL and empty apart");

    // The columns have come back in another order.
    let all = "ROW(id, note, more, took)";
    let whole = sum(all);
    let told = done(&lk, &["salvage", "first"]);
    done(&lk, &["down"]);
    done(&lk, &["down"]);
    assert_eq!(ask(&database, "SELECT coalesce(to_regclass('first')::text, 'gone')"), "gone");
    done(&lk, &["up"]);
    done(&lk, &["up"]);
    database.execute("ALTER TABLE first ADD COLUMN took interval");
    as_told(&database, &told);
    assert_eq!(sum(all), whole);
}

#[test]
fn a_table_comes_back_whole_and_its_sequence_goes_on() {
    let (database, lk) = shop("salvage_table");
    let before = ask(&database, SUM);
    let done = lk.confirmed(&["salvage", "\"Users\"", "--to", "kept"]);
    assert_eq!(done.code(), 0, "{}", done.said());
    let all = files(&lk.project().join("kept"));
    let rows = all.iter().find(|path| path.extension().is_some_and(|ending| ending == "copy"));
    database.execute(
        "DROP TABLE \"Users\"; CREATE TABLE \"Users\" (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
           name text, prefs json)",
    );
    bring_back(&database, rows.expect("the rows"));
    assert_eq!(ask(&database, SUM), before);
    let next = "INSERT INTO \"Users\" (name) VALUES ('next') RETURNING id::text";
    assert_eq!(ask(&database, next), "301");
}

#[test]
fn what_could_not_be_brought_back_is_refused_and_a_failure_leaves_no_file() {
    let (database, lk) = shop("salvage_refused");
    let refused = |args: &[&str], code: i32, what: &str| {
        let answer = lk.confirmed(args);
        assert_eq!(answer.code(), code, "{}", answer.said());
        let outcome = answer.document("outcome")["message"].to_string();
        assert!(outcome.contains(what), "{outcome}");
    };
    refused(&["salvage", "heap", "--column", "n"], 1, "nobody could tell which row");
    refused(&["salvage", "nothing"], 1, "there is no table nothing");
    refused(&["salvage", "heap", "--column", "m"], 1, "has no column m");
    // The program of the act itself, on a disk that is full.
    let (plan, _) = lk.plan(&["salvage", "heap"]);
    let argv = plan["command"]["argv"].as_array().expect("it has words");
    let argv: Vec<&str> = argv.iter().skip(1).filter_map(serde_json::Value::as_str).collect();
    for fault in ["salvage.sync:28", "salvage.named:28"] {
        let mut command = lk.command(&argv);
        command.env("PGHOST", &database.socket_dir).env("PGPORT", "5432");
        command.env("PGUSER", &database.superuser).env("PGDATABASE", &database.name);
        let full = command.env("LOCKKEEPER_FAULT", fault).output().expect("it starts");
        let said = String::from_utf8_lossy(&full.stderr).into_owned();
        assert_eq!(full.status.code(), Some(1), "{fault}: {said}");
        assert!(said.contains("No space left") && said.contains("nothing of it is left"), "{said}");
        let left = files(&lk.project().join("backups"));
        assert!(left.is_empty(), "{fault}: {left:?}");
    }
}
