//! One writer per target.

use lockkeeper::domain::connection::Spec;
use lockkeeper::domain::identity::Identity;
use lockkeeper::io::cluster::Stop;
use lockkeeper::io::postgres::identity::identity;
use lockkeeper::io::postgres::lease::{Error, Lease, key};
use lockkeeper::io::postgres::{Purpose, connect};
use sqlx::Row as _;

use crate::support::pooler;
use crate::support::server::{Database, database, private};
use crate::support::tcp::spec;
use crate::support::until::eventually;

async fn target(database: &Database) -> (Spec, Identity) {
    let spec = spec(&database.dsn());
    let mut connection = connect(&spec, Purpose::Control).await.expect("it connects");
    let identity = identity(&mut connection, &spec).await.expect("everybody may ask");
    (spec.in_database("postgres"), identity)
}

#[tokio::test]
async fn a_second_holder_is_refused_and_told_who_holds_it() {
    let (maintenance, target) = target(&database("held")).await;
    let mut first = Lease::take(&maintenance, &target).await.expect("it is free");
    let error = Lease::take(&maintenance, &target).await.expect_err("it is held");
    let Error::Held { holder: Some(holder) } = &error else { panic!("{error}") };
    assert_eq!(holder.pid, first.pid());
    assert!(error.to_string().contains("held by lockkeeper/lease as role postgres from local"));
    first.is_alive().await.expect("the first still holds it");
    first.release().await.expect("it was held");
    Lease::take(&maintenance, &target).await.expect("it is free again");
}

#[tokio::test]
async fn two_databases_have_two_leases() {
    let (maintenance, one) = target(&database("lease_one")).await;
    let (_, two) = target(&database("lease_two")).await;
    assert_ne!(key(&one), key(&two));
    let _one = Lease::take(&maintenance, &one).await.expect("it is free");
    Lease::take(&maintenance, &two).await.expect("it is another one");
}

#[tokio::test]
async fn a_lease_is_lost_with_its_session_and_stays_lost() {
    let database = database("lost");
    let (maintenance, target) = target(&database).await;
    let mut lease = Lease::take(&maintenance, &target).await.expect("it is free");
    let mut admin = database.connect().await;
    let sql = "SELECT pg_terminate_backend(pid)::bool FROM pg_stat_activity WHERE pid = $1";
    eventually("the session is terminated", async || {
        let row = sqlx::query(sql).bind(lease.pid()).fetch_optional(&mut admin).await;
        row.expect("it answers").is_none()
    })
    .await;
    for _ in 0..2 {
        let error = lease.is_alive().await.expect_err("its session is gone");
        assert!(matches!(error, Error::Lost { .. }), "{error}");
        assert!(error.to_string().contains("start nothing"), "{error}");
    }
    Lease::take(&maintenance, &target).await.expect("another may take it now");
}

#[tokio::test]
async fn a_lease_through_a_pooler_is_none() {
    let database = database("lease_pooled");
    let (_, target) = target(&database).await;
    let port = pooler::start(&database, pooler::Kind::Swallows).await;
    let pooled = spec(&format!("host=127.0.0.1 port={port} user=postgres sslmode=disable"));
    let error = Lease::take(&pooled, &target).await.expect_err("it would bind nobody");
    assert!(matches!(error, Error::PoolerSuspected { .. }), "{error}");
}

#[tokio::test]
async fn a_lease_on_another_server_or_on_a_replica_is_none() {
    let (shared, target_of_shared) = target(&database("elsewhere")).await;
    let server = private(&[]);
    let (maintenance, target) = target(&server.database("replicated")).await;
    let error = Lease::take(&shared, &target).await.expect_err("it is another server");
    assert!(matches!(error, Error::OtherServer { .. }), "{error}");
    Lease::take(&shared, &target_of_shared).await.expect("it is the same server");

    server.cluster.stop_server(Stop::Fast).expect("it stops");
    let signal = server.cluster.socket_dir().join("data/standby.signal");
    std::fs::write(signal, "").expect("the file can be written");
    server.cluster.start_server().expect("it starts");
    let error = Lease::take(&maintenance, &target).await.expect_err("it is a replica");
    assert!(matches!(error, Error::Replica { .. }), "{error}");
}

#[tokio::test]
async fn the_lock_is_gone_from_the_server_when_the_lease_is_dropped() {
    let database = database("dropped");
    let (maintenance, target) = target(&database).await;
    let lease = Lease::take(&maintenance, &target).await.expect("it is free");
    let pid = lease.pid();
    drop(lease);
    let mut admin = database.connect().await;
    let sql = "SELECT count(*)::int8 FROM pg_locks WHERE pid = $1 AND locktype = 'advisory'";
    eventually("the lock is gone", async || {
        let row = sqlx::query(sql).bind(pid).fetch_one(&mut admin).await.expect("it answers");
        row.get::<i64, _>(0) == 0
    })
    .await;
    Lease::take(&maintenance, &target).await.expect("it is free again");
}
