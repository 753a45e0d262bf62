//! `rehearse --on NAME`: a database of its own on a target that is not production.

use std::fs;

use serde_json::Value;

use super::lk::{Answer, Lk};
use crate::support::server::{Database, Server, database, private};

/// A project whose target is on one server, and whose staging is on another.
fn project(database: &Database, staging: &str, more: &str) -> Lk {
    let lk = Lk::on(database);
    lk.write(
        "lockkeeper.toml",
        &format!(
            "schema = 1\n[targets.test]\nclass = \"production\"\ndsn = \"{}\"\n{more}\
             [targets.staging]\nclass = \"staging\"\ndsn = \"{staging}\"\n",
            lk.dsn()
        ),
    );
    lk
}

fn rehearse(lk: &Lk, more: &[&str]) -> Answer {
    let args = ["rehearse", "--target", "test", "--on", "staging", "--json"];
    lk.run(&[&args, more].concat())
}

fn told(answer: &Answer) -> (Value, String) {
    let document = answer.document("rehearse");
    let why = document["why"].as_str().unwrap_or_default().to_owned();
    (document, why)
}

/// Fails unless so many databases of rehearsals are there.
fn left(server: &Server, count: usize) {
    server.existing("postgres").execute(&format!(
        "DO $$ BEGIN ASSERT (SELECT count(*) FROM pg_database WHERE datname LIKE 'lockkeeper%') = {count}; END $$"
    ));
}

fn lodgings(lk: &Lk) -> usize {
    let places = lk.state().join("lockkeeper/rehearsals/lodgings");
    fs::read_dir(places).map_or(0, Iterator::count)
}

#[test]
fn it_is_held_in_a_database_of_its_own_once_the_name_was_typed_and_leaves_nothing() {
    let (source, there) = (database("on_source"), private(&[]));
    source.execute("CREATE TABLE known (id int PRIMARY KEY); INSERT INTO known VALUES (1), (2)");
    let staging = there.database("staging");
    let lk = project(&source, &staging.dsn(), "");
    let refused = rehearse(&lk, &[]);
    assert_eq!((refused.code(), refused.out().as_str()), (2, ""), "{}", refused.said());
    assert!(refused.said().contains("--confirm staging agrees"), "{}", refused.said());
    assert_eq!(rehearse(&lk, &["--confirm", "other"]).code(), 2);
    let answer = rehearse(&lk, &["--confirm", "staging"]);
    let (document, why) = told(&answer);
    assert_eq!((answer.code(), why.as_str()), (0, ""), "{document:#} {}", answer.said());
    assert_eq!(document["on"], "staging");
    assert_eq!(document["source"], "dump");
    assert_eq!(document["migrations"][0]["verdict"], "LOSSY", "{document:#}");
    assert_eq!(document["migrations"][1]["verdict"], "LOSSY", "{document:#}");
    assert!(answer.said().contains("to staging, personal data included"), "{}", answer.said());
    left(&there, 0);
    staging.execute("DO $$ BEGIN ASSERT to_regclass('first') IS NULL; END $$");
    assert_eq!(lodgings(&lk), 0);
    lk.write("migrations/3_third.up.sql", "ALTER TABLE first ALTER COLUMN note TYPE varchar(400);");
    lk.write("migrations/3_third.down.sql", "ALTER TABLE first ALTER COLUMN note TYPE text;");
    let (document, _) = told(&rehearse(&lk, &["--confirm", "staging"]));
    assert!(document["migrations"][0]["sampled"].is_array(), "{document:#}");
    let third = &document["migrations"][2];
    assert_eq!(third["statements"].as_array().map(Vec::len), Some(0), "no log is read there");
    assert_eq!(third["findings"].as_array().map(Vec::len), Some(0), "{third:#}");
    let status = lk.run(&["status", "--target", "test", "--json"]).out();
    assert!(!status.contains("nothing in it grows"), "{status}");
    let empty = rehearse(&lk, &["--confirm", "staging", "--schema-only"]);
    assert_eq!((empty.code(), &told(&empty).0["source"]), (0, &"schema_only".into()));
}

/// Goes on once somebody who began after it has looked at all locks.
const SEEN: &str = "ALTER TABLE first ADD COLUMN more int;
DO $$ DECLARE held timestamptz := clock_timestamp(); BEGIN
    LOOP
        PERFORM pg_stat_clear_snapshot();
        EXIT WHEN clock_timestamp() > held + interval '1 min' OR EXISTS (
            SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle'
                AND pid <> pg_backend_pid() AND query_start > held AND query LIKE '%pg_locks%');
        PERFORM pg_sleep(0.01);
    END LOOP;
END $$;";

#[test]
fn what_is_not_measured_there_is_said_and_locks_that_outlast_a_look_are_seen() {
    let (source, there) = (database("on_sampled"), private(&[]));
    source.execute("CREATE TABLE first (id int PRIMARY KEY)");
    let staging = there.database("staging");
    let lk = project(&source, &staging.dsn(), "");
    lk.write("migrations/1_first.up.sql", SEEN);
    lk.write("migrations/1_first.down.sql", "ALTER TABLE first DROP COLUMN more;");
    for file in ["migrations/2_second.up.sql", "migrations/2_second.down.sql"] {
        fs::remove_file(lk.project().join(file)).expect("it goes");
    }
    let answer = rehearse(&lk, &["--confirm", "staging", "--markdown", "summary.md"]);
    let (document, why) = told(&answer);
    assert_eq!(why, "", "{document:#}");
    let first = &document["migrations"][0];
    assert_eq!(first["statements"], Value::Array(Vec::new()));
    let lock = serde_json::json!({ "relation": "public.first", "mode": "ACCESS EXCLUSIVE" });
    assert_eq!(first["sampled"], Value::Array(vec![lock]), "{first:#}");
    let said = "not measured: the server's log could not be read; seen by sampling, perhaps not \
                all: ACCESS EXCLUSIVE on public.first";
    let summary = fs::read_to_string(lk.project().join("summary.md")).expect("it was written");
    assert!(summary.contains(&format!("**Statements and locks** {said}")), "{summary}");
    let args = ["rehearse", "--target", "test", "--on", "staging", "--confirm", "staging"];
    let printed = lk.run(&args).out();
    assert!(printed.contains(&format!("statements and locks {said}")), "{printed}");
}

#[test]
fn production_is_refused_by_its_class_by_its_pin_and_by_its_server() {
    let (source, there) = (database("on_production"), private(&[]));
    let staging = there.database("staging");
    let answer = |lk: &Lk, why: &str| {
        let answer = rehearse(lk, &["--confirm", "staging"]);
        let (document, said) = told(&answer);
        assert_eq!(answer.code(), 2, "{document:#}");
        assert!(said.contains(why), "no {why:?} in {said}");
        left(&there, 0);
        assert_eq!(lodgings(lk), 0);
    };
    let pin = format!(
        "pin = {{ system_identifier = \"{}\", database = \"x\" }}\n",
        there.cluster.system_identifier()
    );
    let pinned =
        format!("[targets.real]\nclass = \"production\"\ndsn = \"{}\"\n{pin}", source.dsn());
    answer(&project(&source, &staging.dsn(), &pinned), "system identifier of a production pin");
    answer(&project(&staging, &staging.dsn(), ""), "lies on the server of production");
    let lk = project(&source, &staging.dsn(), "");
    let text = fs::read_to_string(lk.project().join("lockkeeper.toml")).expect("it reads");
    lk.write("lockkeeper.toml", &text.replace("\"staging\"", "\"production\""));
    answer(&lk, "is of class production");
}

#[test]
fn a_role_that_may_not_create_databases_is_a_reason() {
    let (source, there) = (database("on_denied"), private(&[]));
    let staging = there.database("staging");
    staging.execute("CREATE ROLE plain LOGIN");
    let plain = Database { superuser: "plain".to_owned(), ..staging };
    let lk = project(&source, &plain.dsn(), "");
    let answer = rehearse(&lk, &["--confirm", "staging"]);
    let (_, why) = told(&answer);
    assert_eq!(answer.code(), 2);
    assert!(why.contains("the role plain may not create databases on staging"), "{why}");
}

#[test]
fn what_a_killed_one_left_is_dropped_by_the_next_and_an_idle_neighbour_is_cloned() {
    let there = private(&[]);
    let (source, staging) = (there.database("source"), there.database("staging"));
    let lk = project(&source, &staging.dsn(), "");
    let text = fs::read_to_string(lk.project().join("lockkeeper.toml")).expect("it reads");
    lk.write("lockkeeper.toml", &text.replace("\"production\"", "\"development\""));
    lk.write("migrations/1_first.up.sql", "SELECT pg_sleep(600);");
    let args = ["rehearse", "--target", "test", "--on", "staging", "--confirm", "staging"];
    let mut running = lk.typed(&args);
    running.expect("up: 1");
    running.kill();
    left(&there, 1);
    assert_eq!(lodgings(&lk), 1);
    lk.write("migrations/1_first.up.sql", "CREATE TABLE first (id int PRIMARY KEY, note text);");
    let answer = rehearse(&lk, &["--confirm", "staging"]);
    let (document, why) = told(&answer);
    assert_eq!((answer.code(), why.as_str()), (0, ""), "{document:#} {}", answer.said());
    assert_eq!(document["source"], "template", "{}", answer.said());
    left(&there, 0);
    assert_eq!(lodgings(&lk), 0);
}
