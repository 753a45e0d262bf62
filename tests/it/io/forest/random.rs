//! The differential test: random scripts of locks, our edges against the server's.

use std::collections::BTreeMap;

use crate::support::scene::{Scene, Session, Waiter, Went, agree};

const TABLES: &str =
    "create table t1 (id int primary key, v int); insert into t1 select generate_series(1, 4), 0;
    create table t2 (like t1 including all); insert into t2 select * from t1;
    create table t3 (like t1 including all); insert into t3 select * from t1";

/// The generator `SplitMix64`: a script is its seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).expect("31 bits fit") % sides
    }

    fn pick<'a>(&mut self, among: &[&'a str]) -> &'a str {
        among[self.below(among.len())]
    }

    /// Returns a statement that locks something, strong or weak, in some way.
    fn statement(&mut self) -> String {
        const MODES: [&str; 8] = [
            "ACCESS SHARE",
            "ROW SHARE",
            "ROW EXCLUSIVE",
            "SHARE UPDATE EXCLUSIVE",
            "SHARE",
            "SHARE ROW EXCLUSIVE",
            "EXCLUSIVE",
            "ACCESS EXCLUSIVE",
        ];
        let table = self.pick(&["t1", "t2", "t3"]);
        let key = self.below(4) + 1;
        match self.below(10) {
            0 => format!("select pg_advisory_xact_lock({key})"),
            1 => format!("select pg_advisory_xact_lock_shared({key})"),
            2 => format!("update {table} set v = v + 1 where id = {key}"),
            3 => format!("select * from {table} where id = {key} for share"),
            _ => format!("lock table {table} in {} mode", self.pick(&MODES)),
        }
    }
}

/// The sessions of a script: at rest, and waiting.
struct Cast {
    scene: Scene,
    resting: Vec<Session>,
    waiting: BTreeMap<i32, Waiter>,
}

impl Cast {
    async fn new(name: &str, size: usize) -> Self {
        let scene = Scene::new(name, TABLES).await;
        let mut resting = Vec::new();
        for _ in 0..size {
            resting.push(scene.holder("script", "").await);
        }
        Self { scene, resting, waiting: BTreeMap::new() }
    }

    /// Lets one resting session try one statement.
    async fn step(&mut self, dice: &mut Dice) {
        let session = self.resting.swap_remove(dice.below(self.resting.len()));
        match self.scene.start(session, &dice.statement()).await {
            Went::Done(session) => self.resting.push(session),
            Went::Waits(waiter) => drop(self.waiting.insert(waiter.pid, waiter)),
            Went::Failed(session) => self.again(session).await,
        }
        self.collect().await;
    }

    /// The server saw a deadlock at once: a new transaction.
    async fn again(&mut self, mut session: Session) {
        session.run("ROLLBACK; BEGIN").await;
        self.resting.push(session);
    }

    /// Takes back whom a rollback has released.
    async fn collect(&mut self) {
        let done: Vec<i32> = self
            .waiting
            .iter()
            .filter(|(_, w)| w.task.is_finished())
            .map(|(pid, _)| *pid)
            .collect();
        for pid in done {
            let waiter = self.waiting.remove(&pid).expect("it was waiting");
            let (session, outcome) = waiter.session().await;
            match outcome {
                Ok(()) => self.resting.push(session),
                Err(_) => self.again(session).await,
            }
        }
    }
}

async fn play(name: &str, seed: u64, sessions: usize, steps: usize) -> usize {
    let mut dice = Dice(seed);
    let mut cast = Cast::new(name, sessions).await;
    let mut monitor = cast.scene.monitor().await;
    let mut compared = 0;
    for step in 1..=steps {
        if cast.resting.is_empty() {
            break;
        }
        cast.step(&mut dice).await;
        if step % 10 == 0 || step == steps || cast.resting.is_empty() {
            let (snapshot, truth) = cast.scene.look(&mut monitor).await;
            agree(&snapshot, &truth, &format!("script {seed}, step {step}"));
            compared += truth.values().filter(|blockers| !blockers.is_empty()).count();
        }
    }
    cast.scene.end().await;
    compared
}

#[tokio::test]
async fn random_scripts_have_the_edges_of_pg_blocking_pids() {
    let mut compared = 0;
    for seed in 1..=8 {
        compared += play("script", seed, 30, 70).await;
    }
    assert!(compared > 300, "the scripts made only {compared} waits");
}

#[tokio::test]
async fn hundreds_of_waiters_have_the_edges_of_pg_blocking_pids() {
    let mut dice = Dice(99);
    let mut cast = Cast::new("hundreds", 0).await;
    let mut monitor = cast.scene.monitor().await;
    let holder = cast.scene.holder("holder", "lock table t1 in share mode").await;
    while cast.waiting.len() < 200 {
        let session = cast.scene.holder("crowd", "").await;
        cast.resting.push(session);
        cast.step(&mut dice).await;
    }
    let (snapshot, truth) = cast.scene.look(&mut monitor).await;
    assert!(truth.len() >= 200, "{} wait", truth.len());
    agree(&snapshot, &truth, "in the crowd");
    assert!(holder.pid > 0);
    cast.scene.end().await;
}
