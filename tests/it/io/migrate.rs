//! The child that runs sqlx's migrator, on a real server.

use std::process::{Command, Output, Stdio};

use sqlx::{AssertSqlSafe, Connection as _};

use crate::support::server::{self, Database, LOCKKEEPER};

/// A project of three migrations.
fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory can be made");
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).expect("a file can be written");
    }
    dir
}

const FILES: [(&str, &str); 4] = [
    ("1_a.up.sql", "CREATE TABLE a (id int); DO $$ BEGIN RAISE NOTICE 'hello'; END $$;"),
    ("1_a.down.sql", "DROP TABLE a;"),
    ("2_b.up.sql", "ALTER TABLE a ADD COLUMN b int;"),
    ("2_b.down.sql", "ALTER TABLE a DROP COLUMN b;"),
];

fn command(database: &Database, source: &std::path::Path, words: &[&str]) -> Command {
    let mut command = Command::new(LOCKKEEPER);
    command.arg("__sqlx").args(words).current_dir(source);
    command.env("DATABASE_URL", database.dsn()).stdin(Stdio::null());
    command
}

fn run(database: &Database, source: &std::path::Path, words: &[&str]) -> Output {
    command(database, source, words).output().expect("the child starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn scalar(database: &Database, sql: &str) -> Option<String> {
    let mut connection = database.connect().await;
    let query = sqlx::query_scalar::<_, Option<String>>(AssertSqlSafe(sql.to_owned()));
    let found = query.fetch_optional(&mut connection).await.expect("the query succeeds");
    connection.close().await.expect("the connection closes");
    found.flatten()
}

const VERSIONS: &str =
    "SELECT string_agg(version::text, ',' ORDER BY version) FROM _sqlx_migrations";
const HELD: &str = "SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory' AND database = \
     (SELECT oid FROM pg_database WHERE datname = current_database())";

#[tokio::test]
async fn it_goes_up_and_down_one_by_one() {
    let database = server::database("migrate_one");
    let dir = project(&FILES);
    let up = run(&database, dir.path(), &["up", "--to", "1", "--from", "0", "--source", "."]);
    assert!(up.status.success(), "{}", text(&up.stderr));
    assert!(text(&up.stdout).ends_with("now at 1\n"), "{}", text(&up.stdout));
    assert!(text(&up.stderr).contains("notice: hello"));
    let up = run(&database, dir.path(), &["up", "--to", "2", "--from", "1", "--source", "."]);
    assert!(up.status.success(), "{}", text(&up.stderr));
    assert_eq!(scalar(&database, VERSIONS).await.as_deref(), Some("1,2"));
    let down = run(&database, dir.path(), &["down", "--to", "1", "--from", "2", "--source", "."]);
    assert!(down.status.success(), "{}", text(&down.stderr));
    assert_eq!(scalar(&database, VERSIONS).await.as_deref(), Some("1"));
    let down = run(&database, dir.path(), &["down", "--to", "0", "--from", "1", "--source", "."]);
    assert!(text(&down.stdout).ends_with("now at 0\n"));
}

#[tokio::test]
async fn it_refuses_to_run_more_than_one_or_from_elsewhere() {
    let database = server::database("migrate_more");
    let dir = project(&FILES);
    for words in [["up", "--to", "2", "--from", "0"], ["up", "--to", "1", "--from", "7"]] {
        let words: Vec<&str> = words.iter().chain(&["--source", "."]).copied().collect();
        let refused = run(&database, dir.path(), &words);
        assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
        assert!(text(&refused.stderr).contains("nothing was run"));
    }
    let table = scalar(&database, "SELECT to_regclass('_sqlx_migrations')::text").await;
    assert_eq!(table, None, "a refusal creates nothing");
}

#[tokio::test]
async fn a_failure_is_told_with_its_sqlstate_and_leaves_no_lock() {
    let database = server::database("migrate_fail");
    database.execute("CREATE TABLE a (id int); INSERT INTO a VALUES (1)");
    let dir = project(&[(
        "1_x.sql",
        "ALTER TABLE a ADD COLUMN b int;\nALTER TABLE a ADD COLUMN c int NOT NULL;",
    )]);
    let failed = run(&database, dir.path(), &["up", "--to", "1", "--from", "0", "--source", "."]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(text(&failed.stderr).contains("SQLSTATE 23502"), "{}", text(&failed.stderr));
    assert_eq!(scalar(&database, HELD).await.as_deref(), Some("0"));
    let column =
        "SELECT attname::text FROM pg_attribute WHERE attrelid = 'a'::regclass AND attname = 'b'";
    assert_eq!(scalar(&database, column).await, None, "all was rolled back");
}

#[tokio::test]
async fn a_lock_timeout_of_the_environment_is_in_force() {
    let database = server::database("migrate_timeout");
    database.execute("CREATE TABLE a (id int)");
    let mut blocker = database.connect().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE a").execute(&mut blocker).await.expect("it locks");
    let dir = project(&[("1_x.sql", "ALTER TABLE a ADD COLUMN b int;")]);
    let failed =
        command(&database, dir.path(), &["up", "--to", "1", "--from", "0", "--source", "."])
            .env("PGOPTIONS", "-c lock_timeout=100ms")
            .output()
            .expect("the child starts");
    assert_eq!(failed.status.code(), Some(1));
    assert!(text(&failed.stderr).contains("SQLSTATE 55P03"), "{}", text(&failed.stderr));
}

#[tokio::test]
async fn the_probe_is_seen_on_the_server_under_its_name_until_stdin_closes() {
    use std::io::BufRead as _;
    let database = server::database("migrate_probe");
    let mut child = command(&database, std::path::Path::new("."), &["probe"])
        .env("PGAPPNAME", "lk-probe-77")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let mut line = String::new();
    let out = child.stdout.take().expect("it is piped");
    std::io::BufReader::new(out).read_line(&mut line).expect("it says something");
    let seen = scalar(&database, "SELECT 'probe: pid ' || pid || ' database ' || datname FROM pg_stat_activity WHERE application_name = 'lk-probe-77'").await;
    assert_eq!(seen.as_deref(), Some(line.trim_end()));
    drop(child.stdin.take());
    assert!(child.wait().expect("it ends").success());
}

#[tokio::test]
async fn a_concurrent_index_alone_in_its_file_is_built() {
    let database = server::database("migrate_cic");
    database.execute("CREATE TABLE a (id int)");
    let dir = project(&[("1_i.sql", "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON a (id);")]);
    let up = run(&database, dir.path(), &["up", "--to", "1", "--from", "0", "--source", "."]);
    assert!(up.status.success(), "{}", text(&up.stderr));
}

#[test]
fn a_dsn_that_cannot_be_read_is_not_repeated() {
    let out = Command::new(LOCKKEEPER)
        .args(["__sqlx", "probe"])
        .env("DATABASE_URL", "postgresql://u:s3cret@[bad/x")
        .stdin(Stdio::null())
        .output()
        .expect("the child starts");
    assert_eq!(out.status.code(), Some(2));
    assert!(!text(&out.stderr).contains("s3cret"));
}

#[tokio::test]
async fn another_content_than_the_confirmed_one_is_not_run() {
    let database = server::database("migrate_checksum");
    let dir = project(&FILES);
    let words =
        ["up", "--to", "1", "--from", "0", "--source", ".", "--checksum", "0123456789abcdef"];
    let up = run(&database, dir.path(), &words);
    assert_eq!(up.status.code(), Some(2));
    assert!(text(&up.stderr).contains("nothing was run"), "{}", text(&up.stderr));
    assert_eq!(scalar(&database, "SELECT to_regclass('a')::text").await, None);
}
