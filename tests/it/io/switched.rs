//! A network that leads to another server all at once: a database of the same name and OID is
//! another one, and nothing is run, bound or believed there.

use lockkeeper::domain::backup::Scope;
use lockkeeper::domain::evidence::{Builtin, Probe, Reading, Value};
use lockkeeper::domain::outcome::Ending;
use lockkeeper::domain::plan::Action;
use lockkeeper::domain::restore::{Act, Goal, Order, Stated};
use lockkeeper::session::effect::Request;
use tempfile::TempDir;

use crate::support::drive::{Drive, site};
use crate::support::proxy::Proxy;
use crate::support::server::{Database, Server, private};

/// Two servers, and the way to the first of them.
struct Scene {
    servers: [Server; 2],
    database: Database,
    proxy: Proxy,
    places: [TempDir; 2],
}

impl Scene {
    async fn new(name: &str) -> Self {
        let servers = [private(&[]), private(&[])];
        let database = servers[0].database(name);
        let other = servers[1].existing("postgres");
        other.execute(&format!("CREATE DATABASE \"{}\"", database.name));
        let scene = Self {
            proxy: Proxy::start(&database).await,
            database,
            servers,
            places: [(); 2].map(|()| tempfile::tempdir().expect("a directory")),
        };
        assert_eq!(
            oid(&scene.database).await,
            oid(&scene.other()).await,
            "the name and the OID fit"
        );
        scene
    }

    fn other(&self) -> Database {
        self.servers[1].existing(&self.database.name)
    }

    fn drive(&self) -> Drive {
        let [project, state] = &self.places;
        Drive::start(site(&self.proxy.patient_dsn(), project.path(), state.path()))
    }
}

async fn oid(database: &Database) -> i64 {
    let sql = "SELECT oid::int8 FROM pg_database WHERE datname = current_database()";
    let oid = sqlx::query_scalar(sql).fetch_one(&mut database.connect().await).await;
    oid.expect("it answers")
}

fn restore() -> Request {
    let stated = Stated { free: Some(1 << 40), drained: true };
    Request::Restore(Order { stated, ..Order::to(Goal::Backup("newest".to_owned())) })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_that_was_refused_on_another_server_binds_nothing_to_it() {
    let scene = Scene::new("switched_swap").await;
    scene.database.execute("CREATE TABLE t AS SELECT 1 AS id");
    let mut drive = scene.drive();
    drive.plan(Request::Backup { scope: Scope::Full, to: None }).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done);
    for expected in [Act::Load, Act::Settle] {
        let plan = drive.plan(restore()).await;
        assert!(matches!(plan.action, Action::Restore { act, .. } if act == expected), "{plan:?}");
        let outcome = drive.confirm().await;
        assert_eq!(outcome.ending, Ending::Done, "{outcome:?}");
    }
    let plan = drive.plan(restore()).await;
    assert!(matches!(plan.action, Action::Restore { act: Act::Swap, .. }), "{plan:?}");

    scene.proxy.lead_to(&scene.other());
    let outcome = drive.confirm().await;
    assert_eq!(outcome.ending, Ending::NotRun, "{outcome:?}");
    assert!(outcome.message.raw().contains("system identifier"), "{outcome:?}");
    drive.until("the screen says so", |d| d.facts.mismatch.is_some()).await;
    drive.refuses(restore(), "another target answers").await;
    assert!(drive.facts.mismatch.is_some(), "it stands");

    scene.proxy.lead_to(&scene.database);
    drive.until("it is back", |d| d.facts.mismatch.is_none()).await;
    drive.plan(restore()).await;
    let outcome = drive.confirm().await;
    assert!(outcome.message.raw().contains("the lease on"), "once, as it was lost: {outcome:?}");
    drive.plan(restore()).await;
    assert_eq!(drive.confirm().await.ending, Ending::Done, "it is swapped where it belongs");
    drive.driver.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_probe_believes_another_server() {
    let scene = Scene::new("switched_probes").await;
    let mut drive = scene.drive();
    drive.until("the server is seen", |d| d.facts.snapshot.value().is_some()).await;
    let probes = [
        Probe::builtin(Builtin::BlockedSessions),
        Probe::builtin(Builtin::OrphanRows),
        toml::from_str("sql = \"SELECT 0\"").expect("it is a probe"),
    ];
    let values = |readings: Vec<Reading>| readings.into_iter().map(|one| one.value);
    for value in values(drive.driver.read(&probes).await) {
        assert_eq!(value, Value::Int(0));
    }
    scene.proxy.lead_to(&scene.other());
    drive.until("the screen says so", |d| d.facts.mismatch.is_some()).await;
    for value in values(drive.driver.read(&probes).await) {
        let Value::Unknown(why) = value else { panic!("it is believed: {value}") };
        assert!(why.contains("another target answers"), "{why}");
    }
    drive.driver.close().await;
}
