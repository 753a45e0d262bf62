//! Where a child really connects.

use std::time::Duration;

use lockkeeper::domain::identity::Identity;
use lockkeeper::io::act::{Value, inherits};
use lockkeeper::io::cluster::Programs;
use lockkeeper::io::postgres::Control;
use lockkeeper::io::postgres::identity::identity;
use lockkeeper::io::postgres::prove::{Probe, Proof, Reason, child_target, name};
use lockkeeper::io::postgres::{Purpose, connect};
use sqlx::Row as _;
use tempfile::TempDir;

use crate::support::server::{Database, database, private};
use crate::support::tcp::spec;
use crate::support::until::{LONG, eventually};

async fn ours(database: &Database) -> (Control, Identity) {
    let spec = spec(&database.dsn());
    let mut connection = connect(&spec, Purpose::Control).await.expect("it connects");
    let identity = identity(&mut connection, &spec).await.expect("everybody may ask");
    (Control::open(spec).await.expect("it connects"), identity)
}

fn probe(argv: &[&str]) -> Probe {
    Probe {
        application: name(),
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        directory: std::env::temp_dir(),
        environment: Vec::new(),
        output: None,
    }
}

/// A psql that is connected, idle, until it is killed; below a shell, so it is a grandchild.
fn psql(database: &Database) -> Probe {
    let initdb = Programs::find().expect("PostgreSQL is installed").path("initdb");
    // A directory on the PATH may hold links to the server's programs alone.
    let psql = initdb.canonicalize().expect("it is there").with_file_name("psql");
    // Another version's server may come without clients: any psql connects to any server.
    let psql = if psql.is_file() { psql } else { "psql".into() };
    let script = r#""$0" "$1" -c 'SELECT 1' -c '\! sleep 600'; exit 0"#;
    probe(&["sh", "-c", script, &psql.display().to_string(), &database.dsn()])
}

#[tokio::test]
async fn a_child_on_our_database_is_proven_and_then_gone() {
    let database = database("proven");
    let (mut control, target) = ours(&database).await;
    let proof = child_target(&mut control, &psql(&database), &target, LONG).await;
    let Proof::Proven { pid } = proof.expect("the server can be asked") else {
        panic!("it was on our database")
    };
    let mut admin = database.connect().await;
    let sql = "SELECT count(*)::int8 FROM pg_stat_activity WHERE pid = $1 \
                  AND application_name LIKE 'lk-proof-%'";
    eventually("the child is killed and its session ends", async || {
        let row = sqlx::query(sql).bind(pid).fetch_one(&mut admin).await.expect("it answers");
        row.get::<i64, _>(0) == 0
    })
    .await;
}

#[tokio::test]
async fn a_child_in_another_database_of_the_server_is_found_out() {
    let (wanted, other) = (database("wanted"), database("other"));
    let (mut control, target) = ours(&wanted).await;
    let proof = child_target(&mut control, &psql(&other), &target, LONG).await;
    let Proof::ElsewhereOnServer { database, .. } = proof.expect("the server can be asked") else {
        panic!("it was in another database")
    };
    assert_eq!(database.raw(), other.name);
}

#[tokio::test]
async fn a_child_on_another_server_is_not_proven() {
    let elsewhere = private(&[]);
    let (mut control, target) = ours(&database("here")).await;
    let probe = psql(&elsewhere.existing("postgres"));
    let limit = Duration::from_millis(500);
    let proof = child_target(&mut control, &probe, &target, limit).await;
    let proof = proof.expect("the server can be asked");
    assert_eq!(proof, Proof::CannotTell(Reason::TimedOut(limit)));
}

#[tokio::test]
async fn a_child_that_fails_or_never_connects_cannot_be_told() {
    let (mut control, target) = ours(&database("failing")).await;
    let mut ask = async |probe: Probe| {
        child_target(&mut control, &probe, &target, LONG).await.expect("the server can be asked")
    };
    assert_eq!(ask(probe(&["true"])).await, Proof::CannotTell(Reason::Ended(Some(0))));
    let failed = Reason::Ended(Some(3));
    assert!(failed.text().contains("exit code 3"));
    assert_eq!(ask(probe(&["sh", "-c", "exit 3"])).await, Proof::CannotTell(failed));
    let Proof::CannotTell(Reason::NotStarted(why)) = ask(probe(&["/nowhere/tool"])).await else {
        panic!("there is no such program")
    };
    assert!(why.starts_with("/nowhere/tool: "), "{why}");
}

#[tokio::test]
async fn the_childs_output_is_kept_and_nothing_is_overwritten() {
    let directory = TempDir::new().expect("a directory can be made");
    let path = directory.path().join("out");
    let (mut control, target) = ours(&database("output")).await;
    let mut probe = probe(&["sh", "-c", "echo \"$PGAPPNAME\"; echo oops >&2"]);
    probe.output = Some(path.clone());
    let first = child_target(&mut control, &probe, &target, LONG).await.expect("it can be asked");
    assert_eq!(first, Proof::CannotTell(Reason::Ended(Some(0))));
    let text = std::fs::read_to_string(&path).expect("it was written");
    assert!(text.starts_with("lk-proof-") && text.ends_with("oops\n"), "{text}");
    let second = child_target(&mut control, &probe, &target, LONG).await.expect("it can be asked");
    assert!(matches!(second, Proof::CannotTell(Reason::NotStarted(_))), "{second:?}");
}

#[test]
fn a_program_and_its_proof_inherit_nothing_that_says_where_the_database_is() {
    for name in ["PATH", "HOME", "LC_ALL", "VIRTUAL_ENV"] {
        assert!(inherits(name), "{name}");
    }
    for name in ["PGHOST", "PGHOSTADDR", "PGSERVICE", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY"] {
        assert!(!inherits(name), "{name}");
    }
}

#[test]
fn a_probe_shows_no_secret_in_its_debug_form() {
    let mut probe = probe(&["true"]);
    probe.environment = vec![("PGPASSWORD".to_owned(), Value::Secret("hunter2".into()))];
    assert!(!format!("{probe:?}").contains("hunter2"));
}
