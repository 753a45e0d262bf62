//! `restore-table` as an operator uses it: rows of one table out of a real backup.

use std::path::PathBuf;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::lk::Lk;
use crate::support::act::files;
use crate::support::proxy::{Proxy, Then};
use crate::support::server::{Database, database};

/// A type that no dump of the table alone has, json without `=`, a generated and an identity
/// column, and children.
const SHOP: &str = "CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE TABLE users (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL,
      mood mood, more json, shout text GENERATED ALWAYS AS (upper(name)) STORED, old text);
    INSERT INTO users (name, mood, more, old)
      SELECT 'user ' || n, 'ok', '{\"a\": 1}', 'x' FROM generate_series(1, 100) n;
    CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users);
    INSERT INTO orders SELECT n, n FROM generate_series(1, 50) n;
    CREATE TABLE heap (n int); INSERT INTO heap VALUES (1), (2);";

/// What happened after the backup: rows lost, spoilt and added, a column gone and one new.
const LATER: &str =
    "ALTER TABLE users DROP COLUMN old; ALTER TABLE users ADD COLUMN new text DEFAULT 'n';
    DELETE FROM users WHERE id BETWEEN 60 AND 69;
    UPDATE users SET more = '{\"a\": 2}' WHERE id <= 5;
    INSERT INTO users (name) VALUES ('late')";

pub(super) fn shop(name: &str) -> (Database, Lk, String) {
    let database = database(name);
    database.execute(SHOP);
    let lk = Lk::on(&database);
    assert_eq!(lk.confirmed(&["backup"]).code(), 0);
    let dumps = files(&lk.project().join("backups"));
    let dump: Option<PathBuf> =
        dumps.into_iter().find(|path| path.extension().is_some_and(|e| e == "dump"));
    let dump = dump.expect("a backup").display().to_string();
    database.execute(LATER);
    (database, lk, dump)
}

pub(super) fn ask(database: &Database, sql: &str) -> String {
    let sql = sql.to_owned();
    std::thread::scope(|scope| {
        let work = async {
            let mut connection = database.connect().await;
            let query = sqlx::query_scalar::<_, String>(AssertSqlSafe(sql));
            query.fetch_one(&mut connection).await.expect("it answers")
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        scope.spawn(move || runtime.block_on(work)).join().expect("it ends")
    })
}

fn diff(lk: &Lk, table: &str) -> (i32, Value) {
    let answer = lk.run(&["restore-table", "diff", table, "--json"]);
    (answer.code(), serde_json::from_str(&answer.out()).expect("it is JSON"))
}

fn counts(document: &Value) -> Value {
    json!([document["missing"], document["changed"], document["only_live"]])
}

#[test]
fn rows_come_back_by_the_class_of_difference_that_was_chosen() {
    let (database, lk, dump) = shop("table_merge");
    let (code, before) = diff(&lk, "public.users");
    assert_eq!(
        (code, &before["staged"], counts(&before)),
        (2, &json!(false), json!([null, null, null]))
    );
    let (plan, _) = lk.plan(&["restore-table", "stage", "public.users", &dump]);
    assert!(plan["preview"]["touches"].to_string().contains("a scratch server"), "{plan}");
    let staged = lk.confirmed(&["restore-table", "stage", "public.users", &dump]);
    assert_eq!(staged.code(), 0, "{}", staged.said());
    let (code, document) = diff(&lk, "public.users");
    assert_eq!((code, counts(&document)), (1, json!([10, 5, 1])), "{document}");
    assert!(document["cautions"].to_string().contains("the backup has no new"), "{document}");

    // A second staging would mix two backups.
    let again = lk.confirmed(&["restore-table", "stage", "public.users", &dump]);
    assert_ne!(again.code(), 0, "{}", again.said());

    let merged = lk.confirmed(&["restore-table", "merge", "public.users", "--missing"]);
    assert_eq!(merged.code(), 0, "{}", merged.said());
    assert_eq!(counts(&diff(&lk, "public.users").1), json!([0, 5, 1]), "nothing else was touched");
    let row = "SELECT concat_ws(' ', id, name, mood, shout, new) FROM users WHERE id = 65";
    assert_eq!(ask(&database, row), "65 user 65 ok USER 65 n");
    assert_eq!(ask(&database, "SELECT count(*)::text FROM orders"), "50", "no child is lost");
    let next = "INSERT INTO users (name) VALUES ('next') RETURNING id::text";
    assert_eq!(ask(&database, next), "102", "no value is given twice");

    let rest = ["restore-table", "merge", "public.users", "--changed", "--only-live"];
    let (plan, _) = lk.plan(&rest);
    assert_eq!(plan["risk"], "destructive", "{plan}");
    let merged = lk.confirmed(&rest);
    assert_eq!(merged.code(), 0, "{}", merged.said());
    let (code, after) = diff(&lk, "public.users");
    assert_eq!((code, counts(&after)), (0, json!([0, 0, 0])), "{after}");
    let dropped = lk.confirmed(&["restore-table", "drop", "public.users"]);
    assert_eq!(dropped.code(), 0, "{}", dropped.said());
    assert_eq!(
        ask(&database, "SELECT count(*)::text FROM pg_namespace WHERE nspname = 'restore_stage'"),
        "0"
    );
}

#[test]
fn a_table_is_replaced_with_its_keys_checked_or_not_at_all() {
    let (database, lk, dump) = shop("table_replace");
    let staged = lk.confirmed(&["restore-table", "stage", "public.users", &dump]);
    assert_eq!(staged.code(), 0, "{}", staged.said());
    // An order of a user that the backup does not know: the key would not hold.
    database.execute("INSERT INTO orders VALUES (1000, 101)");
    let refused = lk.confirmed(&["restore-table", "replace", "public.users"]);
    assert_eq!(refused.code(), 1, "{}", refused.said());
    assert_eq!(
        ask(&database, "SELECT count(*)::text FROM users"),
        "91",
        "all of it was taken back"
    );
    database.execute("DELETE FROM orders WHERE id = 1000");
    let replaced = lk.confirmed(&["restore-table", "replace", "public.users"]);
    assert_eq!(replaced.code(), 0, "{}", replaced.said());
    let all = "SELECT concat_ws(' ', count(*), max(id), (SELECT count(*) FROM orders), \
               (SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated)) FROM users";
    assert_eq!(ask(&database, all), "100 100 50 1");
}

#[test]
fn rows_that_cannot_be_told_apart_are_not_merged() {
    let (_database, lk, dump) = shop("table_heap");
    let staged = lk.confirmed(&["restore-table", "stage", "public.heap", &dump]);
    assert_eq!(staged.code(), 0, "{}", staged.said());
    let (code, document) = diff(&lk, "public.heap");
    assert_eq!(code, 2, "{document}");
    let refused = lk.run(&["restore-table", "merge", "public.heap", "--missing", "--plan"]);
    refused.refuses("its rows cannot be told apart");
    let none = lk.run(&["restore-table", "merge", "public.users", "--missing", "--plan"]);
    none.refuses("nothing of public.users is staged");
    for nowhere in ["public.nothing", "seen by a test", "a.b.c", "a.b.c.d", "a..b", "\"open"] {
        lk.run(&["restore-table", "diff", nowhere]).refuses("there is no table");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_staging_whose_commit_nobody_heard_of_is_not_told_as_undone() {
    let shop = tokio::task::spawn_blocking(|| shop("table_unheard")).await;
    let (database, lk, dump) = shop.expect("it is set");
    let proxy = Proxy::start(&database).await;
    proxy.when("COMMIT", Then::Deaf);
    let (plan, _) = lk.plan(&["restore-table", "stage", "public.heap", &dump]);
    let argv = plan["command"]["argv"].as_array().expect("it has words");
    let argv: Vec<&str> = argv.iter().skip(1).filter_map(Value::as_str).collect();
    let mut command = lk.command(&argv);
    command.env("PGHOST", "127.0.0.1").env("PGPORT", proxy.port().to_string());
    command.env("PGUSER", &database.superuser).env("PGDATABASE", &database.name);
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("whether the rows are staged cannot be told"), "{said}");
    assert_eq!(ask(&database, "SELECT count(*)::text FROM restore_stage.heap"), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_somebody_has_locked_is_not_waited_for_to_be_compared() {
    let shop = tokio::task::spawn_blocking(|| shop("table_locked")).await;
    let (database, lk, dump) = shop.expect("it is set");
    let staged = lk.confirmed(&["restore-table", "stage", "public.users", &dump]);
    assert_eq!(staged.code(), 0, "{}", staged.said());
    let mut holder = database.connect().await;
    let lock = sqlx::raw_sql("BEGIN; LOCK TABLE users");
    lock.execute(&mut holder).await.expect("it is free");
    let (code, document) = diff(&lk, "public.users");
    assert_eq!((code, counts(&document)), (2, json!([null, null, null])), "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_staged_is_dropped_without_a_look_at_the_rows_of_the_live_table() {
    let (database, lk, dump) = shop("table_locked");
    let staged = lk.confirmed(&["restore-table", "stage", "public.users", &dump]);
    assert_eq!(staged.code(), 0, "{}", staged.said());
    let mut other = database.connect().await;
    let lock = "BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(lock).execute(&mut other).await.expect("it locks");
    let (plan, _) = lk.plan(&["restore-table", "drop", "public.users"]);
    assert!(plan.to_string().contains("DROP"), "{plan}");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.expect("it lets go");
}
