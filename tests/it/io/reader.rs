//! The connection that reads now and then: how it looks for signs of life, and what it reads.

use lockkeeper::domain::change::Name;
use lockkeeper::io::postgres::reader::Reader;
use lockkeeper::io::tables::look;

use crate::support::proxy::{Proxy, Then};
use crate::support::server::{database, private_of};
use crate::support::tcp::spec;
use crate::support::versions;

/// A machine may stand still for longer than an answer is fresh, but not each time.
#[tokio::test(flavor = "multi_thread")]
async fn two_questions_one_after_the_other_are_asked_without_a_sign_of_life_between() {
    let database = database("reader_fresh");
    let proxy = Proxy::start(&database).await;
    let mut reader = Reader::new(spec(&proxy.patient_dsn()));
    for _ in 0..20 {
        let before = reader.pid().await.expect("it answers");
        proxy.when("SQLx ping", Then::Deaf);
        let after = reader.pid().await.expect("it answers");
        if !proxy.was_said() {
            assert_eq!(before, after, "one connection");
            return;
        }
    }
    panic!("a sign of life was asked for before each question");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_broke_is_opened_anew_for_the_question_after_the_next() {
    let database = database("reader_broken");
    let mut reader = Reader::new(spec(&database.dsn()));
    let pid = reader.pid().await.expect("it answers");
    database.execute(&format!("SELECT pg_terminate_backend({pid})"));
    // It may have been found out right away.
    drop(reader.pid().await);
    assert_ne!(reader.pid().await.expect("it answers"), pid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_while_it_prepares_is_given_up() {
    let database = database("reader_silent");
    let proxy = Proxy::start(&database).await;
    let mut reader = Reader::new(spec(&proxy.patient_dsn()));
    proxy.when("lock_timeout = '100ms'", Then::Silent);
    let why = reader.prepares("SELECT 1").await.expect_err("nothing came").to_string();
    assert!(why.contains("no answer within 5 s"), "{why}");
}

/// 18 sets `attnotnull` for a NOT NULL that no row was checked against.
#[tokio::test(flavor = "multi_thread")]
async fn a_not_null_that_is_not_valid_makes_no_key_and_proves_nothing() {
    let server = private_of(versions::programs(18), &[]);
    let database = server.database("key");
    database.execute(
        "CREATE TABLE t (id int, kept int NOT NULL, UNIQUE (id));
         INSERT INTO t VALUES (NULL, 1), (NULL, 2);
         ALTER TABLE t ADD CONSTRAINT later NOT NULL id NOT VALID",
    );
    let not_null = async || {
        let mut reader = Reader::new(spec(&database.dsn()));
        let catalog = reader.catalog(180_000).await.expect("it reads");
        let table = catalog.find(&Name::new("t")).expect("it is there").clone();
        ["id", "kept"].map(|name| table.column(name).expect("it is there").not_null)
    };
    let mut connection = database.connect().await;
    let shape = look(&mut connection, "public.t").await.expect("it reads").expect("it is there");
    assert_eq!((shape.key, not_null().await), (vec![], [false, true]));
    database.execute("UPDATE t SET id = kept; ALTER TABLE t VALIDATE CONSTRAINT later");
    let shape = look(&mut connection, "public.t").await.expect("it reads").expect("it is there");
    assert_eq!((shape.key, not_null().await), (vec!["id".to_owned()], [true, true]));
}
