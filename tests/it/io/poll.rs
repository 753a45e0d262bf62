//! The monitor's loop on real servers that stop, crash, freeze, vanish and come back.

use std::time::{Duration, Instant};

use chrono::Utc;
use lockkeeper::domain::identity::{Class, Pin};
use lockkeeper::io::bound::Bound;
use lockkeeper::io::cluster::Stop;
use lockkeeper::io::poll::{self, Answer, Question};
use lockkeeper::io::postgres::target::{self, Request, Target};
use lockkeeper::session::facts::{self, Facts};
use lockkeeper::session::news::News;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::proxy::Proxy;
use crate::support::server::{Database, Server, database, private};
use crate::support::until::{LONG, eventually};

/// The loop, and what it told.
struct Watched {
    facts: Facts,
    inbox: mpsc::UnboundedReceiver<News>,
    questions: mpsc::UnboundedSender<Question>,
    task: JoinHandle<()>,
    /// How often somebody answered.
    answered: usize,
    /// How often it failed, and why.
    failures: Vec<String>,
}

fn target(dsn: &str) -> Target {
    let request = Request { dsn: Some(dsn), ..Request::default() };
    target::resolve(request, &target::environment()).expect("the DSN can be read")
}

impl Watched {
    fn start(dsn: &str) -> Self {
        Self::of(target(dsn))
    }

    fn of(target: Target) -> Self {
        let (news, inbox) = mpsc::unbounded_channel();
        let (questions, asked) = mpsc::unbounded_channel();
        let pace = Duration::from_millis(100);
        let task = tokio::spawn(poll::watch(target, pace, Bound::default(), news, asked));
        let described = facts::Target { class: Class::Scratch, ..facts::Target::default() };
        let facts = Facts::new(described, Utc::now());
        Self { facts, inbox, questions, task, answered: 0, failures: Vec::new() }
    }

    async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let coming = async {
            while !holds(self) {
                let news = self.inbox.recv().await.expect("the loop goes on");
                match &news {
                    News::Identity(Ok(_)) => self.answered += 1,
                    News::Snapshot(Err(why)) => self.failures.push(why.clone()),
                    _ => {}
                }
                self.facts.hear(news, Utc::now());
            }
        };
        let came = timeout(LONG, coming).await;
        assert!(came.is_ok(), "it never came to be: {what}; {:#?}", self.failures);
    }

    /// Waits for a look from now on.
    async fn sees(&mut self) {
        self.facts.snapshot.failed("this test waits for the next one");
        self.until("the server is seen", |w| w.facts.snapshot.error().is_none()).await;
    }

    async fn fails(&mut self) {
        let before = self.failures.len();
        self.until("it fails", |w| w.failures.len() > before).await;
    }

    async fn fails_with(&mut self, words: &str) {
        self.until(words, |w| w.failures.iter().any(|why| why.contains(words))).await;
    }

    async fn ask(&self) -> Answer {
        let (question, answer) = oneshot::channel();
        self.questions.send(question).expect("the loop goes on");
        timeout(LONG, answer).await.expect("it answers").expect("with words")
    }
}

/// Returns the pids of the monitor's sessions in `database`.
async fn monitors(admin: &mut sqlx::PgConnection, database: &Database) -> Vec<i32> {
    let sql = "SELECT pid FROM pg_stat_activity \
               WHERE application_name = 'lockkeeper/monitor' AND datname = $1";
    sqlx::query_scalar(sql).bind(&database.name).fetch_all(admin).await.expect("it answers")
}

/// Returns the pid of its only session: on a slow machine one may just have been given up.
async fn monitor(admin: &mut sqlx::PgConnection, database: &Database) -> i32 {
    let mut found = Vec::new();
    eventually("there is one monitor", async || {
        found = monitors(admin, database).await;
        found.len() == 1
    })
    .await;
    found[0]
}

/// Returns true if a look failed because the machine stood still.
fn is_slow(why: &str) -> bool {
    why.contains("answer within") || why.contains("statement timeout")
}

fn signal(pid: i32, signal: Signal) {
    let pid = Pid::from_raw(pid).expect("a pid is not 0");
    kill_process(pid, signal).expect("the process is there and ours");
}

/// Ends a backend that may have ended by itself.
fn end(pid: i32) {
    let _ = kill_process(Pid::from_raw(pid).expect("a pid is not 0"), Signal::TERM);
}

/// A process that does not run until this is dropped, also by a test that fails.
struct Frozen(i32);

impl Frozen {
    fn new(pid: i32) -> Self {
        signal(pid, Signal::STOP);
        Self(pid)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        signal(self.0, Signal::CONT);
    }
}

fn postmaster(server: &Server) -> i32 {
    let pid = server.cluster.postmaster().expect("it runs");
    i32::try_from(pid).expect("a pid is small")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_leaves_its_last_data_and_is_seen_again_when_it_is_back() {
    let server = private(&[]);
    let mut watched = Watched::start(&server.database("stopped").dsn());
    for how in [Stop::Fast, Stop::Immediate] {
        watched.sees().await;
        server.cluster.stop_server(how).expect("it stops");
        watched.until("nobody answers", |w| w.facts.identity.error().is_some()).await;
        watched.fails_with("no such socket. Start the server").await;
        assert!(watched.facts.snapshot.value().is_some(), "the last data stays");
        assert!(watched.facts.snapshot.age(Utc::now()).is_some(), "with its age");
        server.cluster.start_server().expect("it starts");
        watched.sees().await;
        assert!(watched.facts.identity.error().is_none() && watched.facts.mismatch.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_recovers_from_a_crash_is_seen_again() {
    let server = private(&[]);
    let database = server.database("crash");
    let mut watched = Watched::start(&database.dsn());
    watched.sees().await;
    let mut victim = database.connect().await;
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut victim)
        .await
        .expect("it answers");
    signal(pid, Signal::KILL);
    watched.fails().await;
    watched.sees().await;
    assert_eq!(watched.facts.mismatch, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_monitor_connects_again_at_once() {
    let database = database("terminated");
    let mut watched = Watched::start(&database.dsn());
    watched.sees().await;
    let mut admin = database.connect().await;
    let pid = monitor(&mut admin, &database).await;
    database.execute(&format!("SELECT pg_terminate_backend({pid})"));
    watched.fails().await;
    watched.sees().await;
    let own = watched.failures.iter().filter(|why| !is_slow(why)).count();
    assert_eq!(own, 1, "{:#?}", watched.failures);
    assert!(watched.answered == 2 || own < watched.failures.len(), "{:#?}", watched.failures);
}

/// Freezes the monitor's backend while it waits for its client: in the middle of a look it may
/// hold what every new session needs.
async fn freeze(admin: &mut sqlx::PgConnection, database: &Database) -> (i32, Frozen) {
    loop {
        let pid = monitor(admin, database).await;
        let ice = Frozen::new(pid);
        let sql = "SELECT wait_event = 'ClientRead' FROM pg_stat_activity WHERE pid = $1";
        let asked = sqlx::query_scalar::<_, Option<bool>>(sql).bind(pid).fetch_one(&mut *admin);
        if let Ok(Ok(Some(true))) = timeout(Duration::from_secs(5), asked).await {
            return (pid, ice);
        }
        drop(ice);
        *admin = database.connect().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_backend_is_given_up_and_does_not_stay() {
    let server = private(&[]);
    let database = server.database("frozen");
    let mut watched = Watched::start(&database.dsn());
    watched.sees().await;
    let mut admin = database.connect().await;
    let (frozen, ice) = freeze(&mut admin, &database).await;
    watched.fails_with("did not answer within 3 s").await;
    watched.sees().await;
    drop(ice);
    eventually("the frozen one is gone", async || {
        !monitors(&mut admin, &database).await.contains(&frozen)
    })
    .await;
    watched.sees().await;
    eventually("one monitor is left", async || monitors(&mut admin, &database).await.len() == 1)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_postmaster_gathers_no_backends_of_ours() {
    let server = private(&[]);
    let database = server.database("postmaster");
    let mut watched = Watched::start(&format!("{}&connect_timeout=2", database.dsn()));
    watched.sees().await;
    let mut admin = database.connect().await;
    let pid = monitor(&mut admin, &database).await;
    let ice = Frozen::new(postmaster(&server));
    end(pid);
    watched.fails_with("no answer within 2s. Check the network").await;
    drop(ice);
    watched.sees().await;
    eventually("one monitor is left", async || monitors(&mut admin, &database).await.len() == 1)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_swallows_everything_is_noticed_and_its_return_as_well() {
    let database = database("hole");
    let proxy = Proxy::start(&database).await;
    let mut watched = Watched::start(&proxy.dsn());
    watched.sees().await;
    assert_eq!(proxy.accepted(), 1 + watched.failures.len());
    proxy.swallow();
    watched.fails_with("did not answer within 3 s").await;
    watched.fails_with("no answer within 2s").await;
    assert!(watched.facts.snapshot.value().is_some(), "the last data stays");
    // The next attempt may be under way.
    let (tried, failed) = (proxy.accepted(), watched.failures.len());
    assert!((failed..=failed + 1).contains(&tried), "one connection for each attempt");
    proxy.carry();
    watched.sees().await;
    let mut admin = database.connect().await;
    eventually("one monitor is left", async || monitors(&mut admin, &database).await.len() == 1)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_come_slower_the_longer_nobody_answers() {
    let began = Instant::now();
    let mut watched = Watched::start("postgresql:///none?host=/nonexistent&user=nobody");
    watched.until("the fifth attempt fails", |w| w.failures.len() == 5).await;
    // At least half of 250 ms, 500 ms, 1 s and 2 s: a busy machine only takes longer.
    let least = Duration::from_millis(125 + 250 + 500 + 1000);
    assert!(began.elapsed() >= least, "five attempts in {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_during_an_outage_is_refused_at_once_with_the_reason() {
    let server = private(&[]);
    let mut watched = Watched::start(&server.database("asked").dsn());
    watched.sees().await;
    let (snapshot, slow) = watched.ask().await.expect("the first look is waited for");
    assert!(snapshot.server.primary && slow.is_some());
    server.cluster.stop_server(Stop::Fast).expect("it stops");
    watched.fails_with("no such socket").await;
    let refused = watched.ask().await.expect_err("nobody can know");
    assert!(refused.contains("no such socket"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_catalog_refuses_a_new_session_in_time_and_none_waits_for_it() {
    let database = database("catalog_lock");
    let mut watched = Watched::start(&database.dsn());
    watched.sees().await;
    // From another database: here its own question could wait for the lock, as soon as
    // an ANALYZE of pg_database somewhere makes it read that table's definition anew.
    let elsewhere = Database { name: "postgres".into(), ..database.clone() };
    let mut admin = elsewhere.connect().await;
    let pid = monitor(&mut admin, &database).await;
    let mut holder = database.connect().await;
    let lock = "BEGIN; LOCK TABLE pg_class IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(lock).execute(&mut holder).await.expect("it is free");
    end(pid);
    watched.fails_with("the system catalog is locked").await;
    eventually("none waits", async || monitors(&mut admin, &database).await.is_empty()).await;
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.expect("it ends");
    watched.sees().await;
}

/// Makes a role that may log in and nothing else.
fn role(database: &Database) -> String {
    let role = format!("{}_poor", database.name);
    database.execute(&format!("CREATE ROLE {role} LOGIN"));
    database.dsn().replace("user=postgres", &format!("user={role}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_look_keeps_its_connection_and_goes_on_when_it_may() {
    let database = database("refused");
    let poor = role(&database);
    database.execute("REVOKE SELECT ON pg_prepared_xacts FROM PUBLIC");
    let mut watched = Watched::start(&poor);
    watched.fails_with("permission denied for view pg_prepared_xacts").await;
    let mut admin = database.connect().await;
    let before = monitor(&mut admin, &database).await;
    watched.fails().await;
    database.execute("GRANT SELECT ON pg_prepared_xacts TO PUBLIC");
    watched.sees().await;
    let is_the_same = monitors(&mut admin, &database).await == [before] && watched.answered == 1;
    let stood_still = watched.failures.iter().any(|why| is_slow(why));
    assert!(is_the_same || stood_still, "a second connection: {:#?}", watched.failures);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_facts_that_are_refused_are_unknown_and_not_empty() {
    let database = database("slow");
    let poor = role(&database);
    database.execute("REVOKE SELECT ON pg_stat_archiver FROM PUBLIC");
    let mut watched = Watched::start(&poor);
    watched.sees().await;
    let (_, slow) = watched.ask().await.expect("the activity can be read");
    assert_eq!(slow, None);
    watched.sees().await;
    let why = watched.facts.slow.error().expect("it is said");
    assert!(why.contains("pg_stat_archiver"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_created_anew_under_the_same_name_is_another_one() {
    let database = database("again");
    let mut watched = Watched::start(&database.dsn());
    watched.sees().await;
    let admin = Database { name: "postgres".into(), ..database.clone() };
    admin.execute(&format!("DROP DATABASE {} WITH (FORCE)", database.name));
    watched.fails_with("does not exist").await;
    admin.execute(&format!("CREATE DATABASE {}", database.name));
    watched.sees().await;
    let why = watched.facts.mismatch.clone().expect("it is another one");
    assert!(why.contains("the database's OID is") && why.contains("nothing is run"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_comes_back_as_a_replica_is_another_target_until_it_is_primary_again() {
    let server = private(&[]);
    let mut watched = Watched::start(&server.database("demoted").dsn());
    watched.sees().await;
    let signal = server.cluster.socket_dir().join("data/standby.signal");
    server.cluster.stop_server(Stop::Fast).expect("it stops");
    std::fs::write(&signal, "").expect("the file can be written");
    server.cluster.start_server().expect("it starts");
    watched.until("it is noticed", |w| w.facts.mismatch.is_some()).await;
    let why = watched.facts.mismatch.clone().expect("it is noticed");
    assert!(why.contains("primary is false, was true"), "{why}");
    server.cluster.stop_server(Stop::Fast).expect("it stops");
    std::fs::remove_file(&signal).expect("the file is there");
    server.cluster.start_server().expect("it starts");
    watched.until("it is what it was", |w| w.facts.mismatch.is_none()).await;
}

/// Makes `copy` a physical copy of `original`: the same files at another place.
fn copy_files(original: &Server, copy: &Server) {
    original.cluster.stop_server(Stop::Fast).expect("it stops");
    copy.cluster.stop_server(Stop::Fast).expect("it stops");
    let data = |server: &Server| server.cluster.socket_dir().join("data");
    let configuration = data(copy).join("postgresql.conf");
    let own = std::fs::read(&configuration).expect("it can be read");
    std::fs::remove_dir_all(data(copy)).expect("it can be removed");
    let done = std::process::Command::new("cp")
        .arg("-a")
        .args([data(original), data(copy)])
        .status()
        .expect("cp is there");
    assert!(done.success());
    std::fs::write(&configuration, own).expect("it can be written");
    original.cluster.start_server().expect("it starts");
    copy.cluster.start_server().expect("it starts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_physical_copy_at_another_place_is_not_the_pinned_target() {
    let (original, copy) = (private(&[]), private(&[]));
    let database = original.database("pinned");
    copy_files(&original, &copy);
    let pin = Pin {
        system_identifier: original.cluster.system_identifier().to_owned(),
        database: database.name.clone(),
        host: Some(original.cluster.socket_dir().display().to_string()),
        primary: Some(true),
        certificate: None,
    };
    let mut ours = Watched::of(Target { pin: Some(pin.clone()), ..target(&database.dsn()) });
    ours.sees().await;
    assert_eq!(ours.facts.mismatch, None);
    let elsewhere = target(&copy.existing(&database.name).dsn());
    let mut theirs = Watched::of(Target { pin: Some(pin), ..elsewhere });
    theirs.sees().await;
    let why = theirs.facts.mismatch.clone().expect("it is a copy");
    assert!(why.contains("it is a copy or a failover") && why.contains("host is"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_leaves_with_those_who_ask_and_leaves_no_backend() {
    let database = database("left");
    let mut watched = Watched::start(&database.dsn());
    watched.sees().await;
    drop(watched.questions);
    watched.task.await.expect("it ends in order");
    let mut admin = database.connect().await;
    eventually("its session is gone", async || monitors(&mut admin, &database).await.is_empty())
        .await;
}
