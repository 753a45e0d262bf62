//! `backup` as a script runs it, on a real server with the real `pg_dump`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lockkeeper::domain::backup::{Manifest, manifest};
use lockkeeper::domain::journal::Kind;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};

use super::lk::Lk;
use super::resume::{SESSIONS, until_number};
use crate::support::act::{files, script, until};
use crate::support::server::{Database, database, private};

const SHOP: &str = "CREATE TABLE users (id int PRIMARY KEY, name text);
    INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 5000) n;
    CREATE TABLE orders (id bigserial, at date NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE orders_2025 PARTITION OF orders FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    CREATE TABLE orders_2026 PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    INSERT INTO orders (at) SELECT date '2025-12-01' + n % 60 FROM generate_series(1, 900) n;
    CREATE TABLE \"-x big*\" (\"a\"\"b\" int);
    INSERT INTO \"-x big*\" VALUES (1), (2);";

/// Whoever waits for a table's lock in this database.
const WAITS: &str = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                     WHERE d.datname = current_database() AND NOT l.granted";

fn shop(name: &str) -> (Database, Lk) {
    let database = database(name);
    database.execute(SHOP);
    let lk = Lk::on(&database);
    (database, lk)
}

/// Returns the one backup with its manifest.
fn made(lk: &Lk) -> (PathBuf, Manifest) {
    let directory = lk.project().join("backups");
    let mut dumps = files(&directory);
    dumps.retain(|path| path.extension().is_some_and(|ending| ending == "dump"));
    let [dump] = dumps.as_slice() else { panic!("not one backup: {:?}", files(&directory)) };
    let name = dump.file_name().expect("a name").to_string_lossy();
    let text = fs::read_to_string(directory.join(manifest::name_for(&name)));
    (dump.clone(), Manifest::read(&text.expect("a manifest")).expect("it reads"))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

fn limited(lk: &Lk, lock_timeout: &str) {
    let dsn = lk.dsn();
    let text = format!(
        "schema = 1\n[targets.test]\nclass = \"scratch\"\ndsn = \"{dsn}\"\n\
         [policy]\nlock_timeout = \"{lock_timeout}\"\n"
    );
    lk.write("lockkeeper.toml", &text);
}

async fn locked(database: &Database) -> PgConnection {
    let mut holder = database.connect().await;
    let sql = "BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(sql).execute(&mut holder).await.expect("it is locked");
    holder
}

fn count(database: &Database, table: &str) -> u64 {
    let sql = format!("SELECT count(*) FROM {table}");
    std::thread::scope(|scope| {
        let work = async {
            let mut connection = database.connect().await;
            let query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql));
            query.fetch_one(&mut connection).await.expect("it counts")
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let counted = scope.spawn(move || runtime.block_on(work)).join().expect("it ends");
        u64::try_from(counted).expect("no less than nothing")
    })
}

#[test]
fn a_confirmed_backup_is_a_private_file_with_a_manifest_and_a_journal() {
    let (database, lk) = shop("backup_confirmed");
    assert_eq!(lk.confirmed(&["up"]).code(), 0);
    let (plan, _) = lk.plan(&["backup"]);
    assert_eq!(plan["action"]["kind"], "backup");
    assert_eq!(plan["files"][0]["path"], plan["command"]["argv"][7], "bound to this pg_dump");
    let answer = lk.confirmed(&["backup"]);
    assert_eq!(answer.code(), 0, "{}", answer.said());
    let outcome = answer.document("outcome");
    let (dump, manifest) = made(&lk);
    assert!(outcome["message"].as_str().is_some_and(|text| text.contains(".dump")), "{outcome}");
    assert_eq!((mode(&dump), mode(dump.parent().expect("a directory"))), (0o600, 0o700));
    assert!(files(dump.parent().expect("a directory")).iter().all(|path| mode(path) == 0o600));
    assert_eq!(manifest.revisions, Some(vec!["1".to_owned()]));
    assert_eq!(manifest.source.database, database.name);
    assert_eq!(manifest.rows.get("public.-x big*"), Some(&Some(2)));
    assert_eq!(
        manifest.rows.get("public.orders_2025"),
        Some(&Some(count(&database, "orders_2025")))
    );
    assert_eq!(manifest.rows.get("public.orders"), None, "its partitions have the rows");
    let journals = lk.journals();
    let run = &journals.last().expect("a run").records;
    assert_eq!(manifest.made_by.run.as_deref(), Some(run[0].run.as_str()));
    let kinds: Vec<Kind> = run.iter().map(|record| record.kind).collect();
    assert_eq!(kinds, [Kind::Opened, Kind::Intent, Kind::Outcome, Kind::Closed]);
    let verified = lk.run(&["verify", &dump.display().to_string(), "--json"]);
    assert_eq!(verified.document("verify")["reached"], json!("L3"));
}

#[test]
fn a_schema_backup_has_no_rows_and_says_so_in_its_name() {
    let (_database, lk) = shop("backup_schema");
    let answer = lk.confirmed(&["backup", "--scope", "schema", "--to", "elsewhere/deep"]);
    assert_eq!(answer.code(), 0, "{}", answer.said());
    let mut all = files(&lk.project().join("elsewhere/deep"));
    all.sort();
    assert_eq!(all.len(), 2, "{all:?}");
    let dump = all[0].to_string_lossy();
    assert!(dump.ends_with("-none-schema.dump"), "{dump}");
    let inventory = lk.run(&["verify", &dump, "--json"]);
    assert_eq!(inventory.document("verify")["reached"], json!("L3"));
}

/// Rows come in all the while: what was counted is what was dumped.
#[test]
fn a_restore_has_exactly_the_rows_that_the_manifest_counts() {
    let (database, lk) = shop("backup_counts");
    let sql = "CREATE PROCEDURE load() LANGUAGE plpgsql AS $$
        BEGIN
          FOR n IN 5001..5000000 LOOP
            INSERT INTO users VALUES (n, 'late');
            INSERT INTO orders (at) VALUES (date '2026-01-01' + n % 300);
            COMMIT;
          END LOOP;
        END $$";
    database.execute(sql);
    let (_, hash) = lk.plan(&["backup"]);
    let mut load = Command::new("psql");
    load.arg("-X").arg(database.dsn()).args(["-c", "CALL load()"]);
    let mut load = load.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("psql starts");
    until("rows to come in", || (count(&database, "users") > 5200).then_some(()));
    let answer = lk.run(&["backup", "--confirm", &hash, "--json"]);
    let after = count(&database, "users");
    // The end of a client ends no statement.
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE query = 'CALL load()' AND datname = current_database()",
    );
    load.wait().expect("it ends");
    assert_eq!(answer.code(), 0, "{}", answer.said());
    let (dump, manifest) = made(&lk);
    let counted = manifest.rows["public.users"].expect("it was counted");
    assert!(5200 < counted && counted < after, "{counted} of {after} while rows came in");

    let into = crate::support::server::database("backup_restored");
    let mut restore = Command::new("pg_restore");
    restore.args(["--exit-on-error", "--no-owner", "-d"]).arg(into.dsn()).arg(&dump);
    assert!(restore.status().expect("pg_restore starts").success());
    for (table, rows) in &manifest.rows {
        let (schema, name) = table.split_once('.').expect("schema and name");
        let quoted = format!("\"{schema}\".\"{name}\"");
        assert_eq!(Some(count(&into, &quoted)), *rows, "{table}");
    }
}

#[test]
fn without_a_pg_dump_that_works_nothing_is_run_and_the_package_is_named() {
    let (_database, lk) = shop("backup_tool");
    let place = tempfile::tempdir().expect("a directory");
    let refused = |what: &str| {
        let mut command = lk.command(&["backup", "--plan", "--json"]);
        let output = command.env("LOCKKEEPER_PG_BIN", place.path()).output().expect("it starts");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(what), "{said}");
    };
    refused("pg_dump was not found in");
    let fake = place.path().join("pg_dump");
    script(&fake, "#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n");
    refused("is of version 9.6.24, and refuses a server of version");
    assert!(!lk.project().join("backups").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_ends_it_within_its_limit_and_the_holder_is_named() {
    let (database, lk) = shop("backup_locked");
    limited(&lk, "300ms");
    let mut holder = locked(&database).await;
    let pid: i32 =
        sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut holder).await.expect("a pid");
    let (plan, hash) = lk.plan(&["backup"]);
    let now = plan["preview"]["now"].to_string();
    assert!(now.contains(&format!("pid {pid} test")), "{now}");
    let answer = lk.run(&["backup", "--confirm", &hash, "--json"]);
    assert_eq!(answer.code(), 1, "{}", answer.said());
    let outcome = answer.document("outcome");
    let message = outcome["message"].as_str().expect("a message");
    assert!(message.contains(&format!("pid {pid} test holds ACCESS EXCLUSIVE")), "{message}");
    assert!(files(&lk.project().join("backups")).is_empty(), "nothing is left");
}

/// Killed while `pg_dump` waits: the truth is told later, and the next one cleans up.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_backup_is_nothing_of_worth_and_is_swept_by_the_next() {
    let server = private(&[]);
    let database = server.database("backup_interrupted");
    database.execute(SHOP);
    let lk = Lk::on(&database);
    let mut holder = locked(&database).await;
    let (_, hash) = lk.plan(&["backup"]);
    let mut command = lk.command(&["backup", "--confirm", &hash]);
    let mut child = command.stderr(Stdio::null()).spawn().expect("lockkeeper starts");
    until_number(&mut holder, WAITS, 1).await;
    child.kill().expect("it can be killed");
    child.wait().expect("it is gone");
    let open = lk.run(&["resume"]);
    assert!(open.said().contains("STILL RUNNING"), "{}", open.said());
    lk.kill_jobs();
    let end = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
               WHERE application_name LIKE 'lockkeeper/backup%' AND datname = current_database()";
    sqlx::raw_sql(end).execute(&mut holder).await.expect("its backends are ended");
    until_number(&mut database.connect().await, SESSIONS, 0).await;
    let left = files(&lk.project().join("backups"));
    assert!(left.len() == 1 && left[0].to_string_lossy().ends_with(".dump.partial"), "{left:?}");
    let resumed = lk.run(&["resume"]);
    assert!(resumed.said().contains("nothing of worth"), "{}", resumed.said());
    assert!(lk.journals()[0].open().is_empty());

    sqlx::raw_sql("COMMIT").execute(&mut holder).await.expect("it lets go");
    let (plan, hash) = lk.plan(&["backup"]);
    assert!(plan["preview"]["now"].to_string().contains("left by an interrupted backup"), "{plan}");
    assert_eq!(lk.run(&["backup", "--confirm", &hash]).code(), 0);
    let left = files(&lk.project().join("backups"));
    assert!(!left.iter().any(|path| path.to_string_lossy().contains(".partial")), "{left:?}");
    made(&lk);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_in_no_command_line_journal_manifest_or_output() {
    const CANARY: &str = "canary-8d1f0c";
    let (database, lk) = shop("backup_secret");
    let mut holder = locked(&database).await;
    // That a password is given is part of the plan; which, is not.
    let mut plan = lk.command(&["backup", "--plan", "--json"]);
    let plan = plan.env("PGPASSWORD", CANARY).output().expect("lockkeeper starts").stdout;
    let text: serde_json::Value = serde_json::from_slice(&plan).expect("a plan");
    let hash = text["hash"].as_str().expect("a hash");
    let mut command = lk.command(&["backup", "--confirm", hash, "--json"]);
    command.env("PGPASSWORD", CANARY).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("lockkeeper starts");
    until_number(&mut holder, WAITS, 1).await;
    let mut dumps = 0;
    for process in fs::read_dir("/proc").expect("there is one") {
        let line = fs::read(process.expect("an entry").path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        dumps += usize::from(line.contains("pg_dump") && line.contains("--snapshot="));
        assert!(!line.contains(CANARY), "{line}");
    }
    assert!(dumps > 0, "pg_dump was seen");
    sqlx::raw_sql("COMMIT").execute(&mut holder).await.expect("it lets go");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let mut all = files(lk.project().parent().expect("the test's own"));
    all.retain(|path| path.extension().is_none_or(|ending| ending != "dump"));
    assert!(all.len() > 8, "{all:?}");
    let texts = all.iter().map(|path| fs::read(path).expect("it reads"));
    for text in texts.chain([plan, output.stdout, output.stderr]) {
        assert!(!String::from_utf8_lossy(&text).contains(CANARY));
    }
}

fn beside(dump: &Path) -> PathBuf {
    dump.with_file_name(manifest::beside(&dump.file_name().expect("a name").to_string_lossy()))
}

#[test]
fn a_backup_of_tables_has_their_partitions_and_says_what_it_lacks() {
    let (database, lk) = shop("backup_tables");
    database.execute("CREATE SCHEMA other; CREATE TABLE other.users (id int)");
    let args = ["backup", "--table", "users", "--table", "orders", "--table", "\"-x big*\""];
    let (plan, _) = lk.plan(&args);
    let touches = plan["preview"]["touches"].to_string();
    assert!(
        touches.contains("data only: public.\\\"-x big*\\\", public.orders, public.users"),
        "{touches}"
    );
    let answer = lk.confirmed(&args);
    assert_eq!(answer.code(), 0, "{}", answer.said());
    let (dump, manifest) = made(&lk);
    assert!(dump.to_string_lossy().ends_with("-tables.dump"), "{}", dump.display());
    assert_eq!(manifest.scope, lockkeeper::domain::backup::Scope::Tables);
    let rows: Vec<&str> = manifest.rows.keys().map(String::as_str).collect();
    let expected = ["public.-x big*", "public.orders_2025", "public.orders_2026", "public.users"];
    assert_eq!(rows, expected);
    let proof = lk.run(&["verify", &dump.display().to_string(), "--json"]).document("verify");
    assert_eq!((&proof["reached"], &proof["rows"]["public.users"]), (&json!("L3"), &json!(5000)));
    assert!(!beside(&dump).exists(), "a part of a database has no roles beside it");
}

#[test]
fn a_name_of_no_table_is_refused_before_anything_is_begun() {
    let (_database, lk) = shop("backup_names");
    for args in [["--table", "uesrs"], ["--csv", "no.such"], ["--table", "users*"]] {
        let refused = lk.run(&[&["backup", "--plan"][..], &args].concat());
        refused.refuses(&format!("there is no table {}", args[1]));
    }
    assert!(!lk.project().join("backups").exists());
}

#[test]
fn roles_properties_and_csv_lie_beside_a_full_backup_of_the_same_snapshot() {
    let (database, lk) = shop("backup_beside");
    let name = &database.name;
    database.execute(&format!(
        "COMMENT ON DATABASE {name} IS 'the shop'; ALTER DATABASE {name} SET work_mem = '5MB'"
    ));
    let answer = lk.confirmed(&["backup", "--csv", "users", "--csv", "orders"]);
    assert_eq!(answer.code(), 0, "{}", answer.said());
    let (dump, manifest) = made(&lk);
    let read = |name: &str| fs::read_to_string(beside(&dump).join(name)).expect("it is there");
    assert_eq!(read("public.users.csv").lines().count(), 5001, "a line of names, and the rows");
    assert!(read("public.users.csv").starts_with("id,name\n1,user 1\n"));
    assert_eq!(read("public.orders.csv").lines().count(), 901, "of all its partitions");
    let roles = read("roles.sql");
    assert!(roles.contains("CREATE ROLE") && !roles.contains("PASSWORD '"), "{roles}");
    let properties = read("database.sql");
    for part in ["CREATE DATABASE", "the shop", "SET work_mem TO '5MB'"] {
        assert!(properties.contains(part), "{part}: {properties}");
    }
    assert!(!properties.contains("CREATE TABLE"), "{properties}");
    let told: Vec<(&str, &str, Option<u64>)> =
        manifest.beside.iter().map(|s| (s.name.as_str(), s.what.as_str(), s.rows)).collect();
    assert_eq!(
        told,
        [
            ("public.orders.csv", "csv", Some(900)),
            ("public.users.csv", "csv", Some(5000)),
            ("database.sql", "properties", None),
            ("roles.sql", "roles", None),
        ]
    );
    assert!(files(&beside(&dump)).iter().all(|path| mode(path) == 0o600));
    assert_eq!(mode(&beside(&dump)), 0o700);
    let listed = lk.run(&["backups", "--json"]).document("backups");
    assert_eq!(listed["backups"].as_array().map(Vec::len), Some(1), "none of it is a backup");
}
