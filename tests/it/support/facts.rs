//! What a console knows in the scenes that the panels are drawn over, concluded from
//! readings exactly as from a server's.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use lockkeeper::domain::activity::{Backend, State};
use lockkeeper::domain::config::Triggers;
use lockkeeper::domain::counters::{Counters, Prepared, Replica, Slot, Surroundings};
use lockkeeper::domain::evidence::{Probe, Value};
use lockkeeper::domain::hazard::Catalog;
use lockkeeper::domain::health::Sample;
use lockkeeper::domain::identity::{Class, Identity};
use lockkeeper::domain::journal::{Kind, Record};
use lockkeeper::domain::locks::{Holder, Mode, Names, Object, Reported, Row};
use lockkeeper::domain::outcome::{Ending, Outcome};
use lockkeeper::domain::plan::{Action, Answer, Confirmed, Direction, Plan, Preview, Risk};
use lockkeeper::domain::plan::{Command, Timeouts};
use lockkeeper::domain::progress::Progress;
use lockkeeper::domain::snapshot::{Reading, Snapshot};
use lockkeeper::domain::untrusted::Untrusted;
use lockkeeper::session::effect::{Effect, Event, Goal, Previewed, Request};
use lockkeeper::session::facts::{Facts, Migrations, Point, Target};
use lockkeeper::session::machine::Session;
use lockkeeper::session::news::News;
use lockkeeper::tools::{Entry, Rows, Tree, Unreadable, by_name, status::Status};
use sha2::{Digest as _, Sha384};

const EXPENSES: u32 = 16_400;
const INCOMES: u32 = 16_410;
const ACCOUNTS: u32 = 16_420;
const DATABASE: u32 = 5;

/// The moment of every scene, by the server's clock and by ours.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).expect("it is a time")
}

/// Returns the moment `seconds` before [`now`].
pub fn ago(seconds: i64) -> Option<DateTime<Utc>> {
    now().checked_sub_signed(TimeDelta::seconds(seconds))
}

/// Returns who answers.
pub fn identity() -> Identity {
    Identity {
        system_identifier: "7412000000000000903".to_owned(),
        database: "shop".to_owned(),
        database_oid: DATABASE,
        host: "db1".to_owned(),
        port: 5432,
        role: "deployer".to_owned(),
        primary: true,
        version_num: 150_020,
        version: "15.20".to_owned(),
    }
}

/// Returns an active session of the web application.
pub fn backend(pid: i32) -> Backend {
    Backend {
        pid,
        leader_pid: None,
        backend_start: ago(7_200 + i64::from(pid % 60)),
        backend_type: "client backend".to_owned(),
        database: Some("shop".into()),
        user: Some("web".into()),
        application: "web".into(),
        client: Some("10.0.3.17".into()),
        state: Some(State::Active),
        wait: None,
        xact_start: ago(2),
        query_start: ago(2),
        state_change: ago(2),
        wait_start: None,
        has_written: Some(false),
        xmin_age: Some(3),
        query: "SELECT id, name FROM categories WHERE user_id = $1".into(),
        ours: false,
        can_signal: true,
    }
}

/// Returns an idle session.
pub fn idle(pid: i32) -> Backend {
    Backend {
        state: Some(State::Idle),
        wait: Some("Client:ClientRead".to_owned()),
        xact_start: None,
        xmin_age: None,
        query: "COMMIT".into(),
        ..backend(pid)
    }
}

/// Returns a session that has waited for a lock for `seconds`.
pub fn waiting(pid: i32, wait: &str, seconds: i64, query: &str) -> Backend {
    Backend {
        wait: Some(format!("Lock:{wait}")),
        xact_start: ago(seconds),
        query_start: ago(seconds),
        state_change: ago(seconds),
        query: query.into(),
        ..backend(pid)
    }
}

fn granted(holder: Holder, object: &Object, mode: Mode) -> Row {
    Row { holder, object: object.clone(), mode, granted: true, waitstart: None }
}

fn asked(pid: i32, object: &Object, mode: Mode, seconds: i64) -> Row {
    let holder = Holder::Session(pid);
    Row { holder, object: object.clone(), mode, granted: false, waitstart: ago(seconds) }
}

fn relation(oid: u32) -> Object {
    Object::relation(DATABASE, oid)
}

/// What a server would answer, put together piece by piece.
#[derive(Clone, Default)]
pub struct World {
    /// The rows.
    pub reading: Reading,
    /// What `pg_blocking_pids` would say of the cycle.
    pub reported: Reported,
    /// Some edges could not be asked for.
    pub partial: bool,
    /// What the role cannot see.
    pub limits: Vec<String>,
}

impl World {
    /// Returns a server at peace: our connections, some idle and some busy sessions.
    pub fn quiet() -> Self {
        let mut world = Self::default();
        let own = |pid: i32, name: &str| Backend {
            ours: true,
            user: Some("deployer".into()),
            application: format!("lockkeeper/{name}").into(),
            client: Some("10.0.1.4".into()),
            query: "SELECT a.pid".into(),
            ..backend(pid)
        };
        world.reading.backends.push(own(4100, "monitor"));
        world.reading.backends.push(Backend { state: Some(State::Idle), ..own(4101, "control") });
        world.reading.backends.extend((6001..6013).map(idle));
        world.reading.backends.extend((6101..6104).map(backend));
        world.reading.backends.push(checkpointer());
        world.reading.counters = Counters {
            at: now(),
            transactions: Some(100_000),
            rollbacks: Some(12),
            wal: Some(9_000_000_000),
            max_connections: 100,
            ..Counters::default()
        };
        world
    }

    /// Returns the scene of `SCREENS.md`: a report idle in its transaction, our migration
    /// behind it, fifteen web sessions behind our migration.
    pub fn blocked() -> Self {
        let mut world = Self::quiet().reporting().migration();
        for pid in 5001..5016 {
            let seconds = i64::from(5_041 - pid);
            let query = format!("SELECT * FROM expenses WHERE user_id = {pid}");
            world.reading.backends.push(waiting(pid, "relation", seconds, &query));
            let lock = asked(pid, &relation(EXPENSES), Mode::AccessShare, seconds);
            world.reading.locks.push(lock);
        }
        world
    }

    /// Returns everything that a forest can hold.
    pub fn everything() -> Self {
        Self::blocked().transfer().advisory().cycle(true)
    }

    /// Returns a scene whose every text is meant to harm a terminal.
    pub fn hostile() -> Self {
        let mut world = Self::quiet();
        let text = |what: &str| Untrusted::new(format!("{what}\u{1b}[2J\u{202e}evil\nx\u{7}"));
        for (pid, application) in [(6661, "holder"), (6662, "waiter")] {
            world.reading.backends.push(Backend {
                application: text(application),
                user: Some(text("user")),
                database: Some(text("database")),
                client: Some(text("client")),
                ..waiting(
                    pid,
                    "relation",
                    20,
                    "SELECT 1 --\u{1b}]0;owned\u{7}\nDROP TABLE x\u{202e}",
                )
            });
        }
        world.reading.prepared.push(Prepared { gid: text("gid"), ..prepared(888) });
        let accounts = relation(ACCOUNTS);
        let mode = Mode::RowExclusive;
        world.reading.locks.extend([
            granted(Holder::Prepared(888), &accounts, mode),
            asked(6661, &accounts, Mode::AccessExclusive, 25),
            asked(6662, &accounts, mode, 20),
        ]);
        world.limits.push("\u{1b}[31mcannot see\u{202e}".to_owned());
        world
    }

    /// Returns `sessions` sessions, most of them in one queue.
    pub fn crowd(sessions: i32) -> Self {
        let mut world = Self::quiet().reporting().migration();
        for pid in 20_000..20_000 + sessions {
            let query = format!("SELECT * FROM expenses WHERE user_id = {pid}");
            if pid % 9 < 7 {
                world.reading.backends.push(waiting(pid, "relation", 30, &query));
                world.reading.locks.push(asked(pid, &relation(EXPENSES), Mode::AccessShare, 30));
            } else {
                world.reading.backends.push(idle(pid));
            }
        }
        world
    }

    fn reporting(mut self) -> Self {
        self.reading.backends.push(Backend {
            application: "reporting".into(),
            user: Some("bi".into()),
            state: Some(State::IdleInTransaction),
            wait: Some("Client:ClientRead".to_owned()),
            xact_start: ago(270),
            query_start: ago(265),
            state_change: ago(250),
            xmin_age: Some(58_211),
            query: "SELECT sum(amount) FROM expenses".into(),
            ..backend(3988)
        });
        let held = granted(Holder::Session(3988), &relation(EXPENSES), Mode::AccessShare);
        self.reading.locks.push(held);
        self
    }

    fn migration(mut self) -> Self {
        self.reading.backends.push(Backend {
            application: "lockkeeper/migrate".into(),
            user: Some("deployer".into()),
            client: Some("10.0.1.4".into()),
            ours: true,
            has_written: Some(true),
            ..waiting(4121, "relation", 42, ALTER)
        });
        let expenses = relation(EXPENSES);
        self.reading.locks.push(asked(4121, &expenses, Mode::AccessExclusive, 42));
        self
    }

    /// Adds the prepared transaction `transfer_77`, an index build behind it and a writer
    /// behind that.
    pub fn transfer(mut self) -> Self {
        self.reading.prepared.push(prepared(777));
        let build = "CREATE INDEX incomes_day ON incomes (day)";
        let build = Backend { user: Some("dba".into()), ..waiting(5101, "relation", 31, build) };
        self.reading.backends.push(Backend { application: "psql".into(), ..build });
        let write = "UPDATE incomes SET day = day + 1 WHERE id = 7";
        self.reading.backends.push(waiting(5102, "relation", 12, write));
        let incomes = relation(INCOMES);
        self.reading.locks.extend([
            granted(Holder::Prepared(777), &incomes, Mode::RowExclusive),
            asked(5101, &incomes, Mode::Share, 31),
            asked(5102, &incomes, Mode::RowExclusive, 12),
        ]);
        self
    }

    /// Adds an idle session with an advisory lock, and one that waits for it.
    pub fn advisory(mut self) -> Self {
        let runner = |backend: Backend| Backend { application: "node-migrate".into(), ..backend };
        let query = "SELECT pg_advisory_lock(424242)";
        let holder = Backend { query: query.into(), state_change: ago(900), ..idle(2040) };
        self.reading.backends.push(runner(holder));
        self.reading.backends.push(runner(waiting(2041, "advisory", 8, query)));
        let key = Object {
            locktype: "advisory".to_owned(),
            database: Some(DATABASE),
            classid: Some(0),
            objid: Some(424_242),
            objsubid: Some(1),
            ..Object::default()
        };
        let lock = granted(Holder::Session(2040), &key, Mode::Exclusive);
        self.reading.locks.extend([lock, asked(2041, &key, Mode::Exclusive, 8)]);
        self
    }

    /// Adds two sessions that wait for each other; `confirmed` as the server would.
    pub fn cycle(mut self, confirmed: bool) -> Self {
        for (pid, other) in [(511, 512), (512, 511)] {
            let query = format!("UPDATE accounts SET balance = balance - 1 WHERE id = {other}");
            let waiter = waiting(pid, "transactionid", 3, &query);
            self.reading.backends.push(Backend { has_written: Some(true), ..waiter });
            let own = transaction(pid);
            self.reading.locks.push(granted(Holder::Session(pid), &own, Mode::Exclusive));
            self.reading.locks.push(asked(pid, &transaction(other), Mode::Share, 3));
            if confirmed {
                self.reported.insert(pid, [other].into());
            }
        }
        self
    }

    /// Adds our index build's progress.
    pub fn progress(mut self) -> Self {
        let build = "CREATE INDEX CONCURRENTLY expenses_day ON expenses (day)";
        self.reading.backends.push(Backend {
            application: "lockkeeper/migrate".into(),
            ours: true,
            query: build.into(),
            query_start: ago(12),
            ..backend(4121)
        });
        self.reading.progress.push(Progress {
            pid: 4121,
            command: "CREATE INDEX CONCURRENTLY".to_owned(),
            phase: "building index: scanning table".to_owned(),
            relation: Some("public.expenses".into()),
            done: 3_100,
            total: 10_000,
            waiting_for: None,
            eta_s: Some(27.0),
        });
        self
    }

    /// Adds two replicas, one far behind.
    pub fn replicas(mut self) -> Self {
        let replica = |name: &str, lag| Replica {
            name: name.into(),
            state: Some("streaming".to_owned()),
            sync: Some("async".to_owned()),
            lag_bytes: lag,
        };
        self.reading.counters.replicas =
            vec![replica("replica_a", Some(120_000)), replica("replica_b", Some(1_400_000_000))];
        self
    }

    /// Returns the snapshot that a monitor would conclude.
    pub fn snapshot(&self) -> Snapshot {
        let reading = self.reading.clone().completed();
        let graph = reading.graph(&self.reported);
        let named = [(EXPENSES, "public.expenses"), (INCOMES, "public.incomes")];
        let named = named.into_iter().chain([(ACCOUNTS, "public.accounts")]);
        let relations: HashMap<u32, Untrusted> =
            named.map(|(oid, name)| (oid, Untrusted::from(name))).collect();
        let names = Names::new(DATABASE, relations, &reading.locks);
        let mut snapshot = Snapshot::new(reading, graph, &names, &identity(), self.partial);
        snapshot.limits.clone_from(&self.limits);
        snapshot
    }

    /// Returns the facts after some refreshes of this world, read this moment.
    pub fn facts(&self) -> Facts {
        let mut facts = connecting();
        facts.identity.arrived(identity(), now());
        facts.snapshot_arrived(self.snapshot(), now());
        let blocked = facts.snapshot.value().map_or(0, |snapshot| snapshot.forest.blocked);
        facts.history.extend((0..40_u32).map(|at| Point {
            tps: (at != 7).then(|| 210.0 - f64::from(at * at) / 12.0),
            wal: Some(1_500_000.0),
            blocked: if at < 25 { 0 } else { blocked * (at as usize - 24) / 15 },
        }));
        facts
    }
}

fn checkpointer() -> Backend {
    Backend {
        backend_type: "checkpointer".to_owned(),
        database: None,
        user: None,
        application: Untrusted::default(),
        client: None,
        state: None,
        wait: Some("Activity:CheckpointerMain".to_owned()),
        xact_start: None,
        query_start: None,
        state_change: None,
        has_written: None,
        xmin_age: None,
        query: Untrusted::default(),
        can_signal: false,
        ..backend(811)
    }
}

fn prepared(xid: u32) -> Prepared {
    Prepared {
        xid,
        gid: "transfer_77".into(),
        prepared: ago(730),
        owner: Some("payments".into()),
        database: Some("shop".into()),
        xid_age: Some(4_012),
    }
}

fn transaction(pid: i32) -> Object {
    Object {
        locktype: "transactionid".to_owned(),
        transactionid: Some(9_000 + pid.unsigned_abs()),
        ..Object::default()
    }
}

/// Returns the facts before anything answered.
pub fn connecting() -> Facts {
    let mut facts = Facts::default();
    facts.now = now();
    facts.target = Target {
        class: Class::Production,
        database: "shop".to_owned(),
        place: "db1:5432".to_owned(),
        role: "deployer".to_owned(),
        ..Target::default()
    };
    facts
}

/// Returns `facts` an unanswered minute later.
pub fn stale(mut facts: Facts) -> Facts {
    facts.now = now() + TimeDelta::seconds(73);
    facts.snapshot.failed("the server does not answer: connection refused (db1:5432)");
    facts
}

/// Returns slow facts with a slot that keeps WAL and a broken index.
pub fn surroundings() -> Surroundings {
    let slot = Slot {
        name: "replica_b".into(),
        retained_bytes: Some(1_500_000_000),
        xmin_age: None,
        wal_status: Some("extended".to_owned()),
        active: true,
    };
    Surroundings { slots: vec![slot], ..Surroundings::default() }
}

/// The statement that is in flight in the scenes.
pub const ALTER: &str = "ALTER TABLE expenses ALTER COLUMN amount TYPE bigint";

/// Returns the plan of the migration that is in flight in the scenes.
pub fn plan() -> Plan {
    Plan {
        action: Action::Migrate {
            tool: "sqlx".to_owned(),
            direction: Direction::Up,
            migration: "7".to_owned(),
            after: vec!["7".to_owned()],
        },
        target: identity(),
        class: Class::Production,
        command: Some(Command {
            argv: ["lockkeeper", "__sqlx", "up", "7"].map(str::to_owned).to_vec(),
            env: Vec::new(),
            cwd: "shop".to_owned(),
        }),
        files: Vec::new(),
        revision_before: vec!["6".to_owned()],
        timeouts: Timeouts { lock_ms: Some(5_000), statement_ms: None, ..Timeouts::default() },
        attempts: 5,
        risk: Risk::Lossy,
        approvals: 0,
        preview: Preview {
            rehearsal: false,
            title: "up 7 widen amount".to_owned(),
            sql: vec![ALTER.to_owned()],
            touches: vec!["public.expenses: ACCESS EXCLUSIVE, rewritten".to_owned()],
            now: Vec::new(),
            takes: None,
            stall: None,
            counts: Vec::new(),
            back: "down 7 loses nothing".to_owned(),
        },
    }
}

/// Returns a session that runs `plan` in its second attempt, after a lock timeout.
pub fn running(plan: Plan) -> Session {
    let mut session = Session::default();
    session.update(Event::Ticked(now() - TimeDelta::seconds(48)));
    let (act, confirmed) = started(&mut session, plan);
    let outcome = Outcome::new(Ending::LockTimeout, "canceling statement due to lock timeout");
    session.update(Event::Performed { act, outcome, confirmed: Some(confirmed) });
    session.update(Event::Ticked(now()));
    session
}

/// Lets `session` start `plan`; returns the act and its ticket.
pub fn started(session: &mut Session, plan: Plan) -> (String, Confirmed) {
    let (direction, goal) = (Direction::Up, Goal::One);
    let request = Request::Migrate { direction, goal, risk: plan.risk };
    let asked = session.update(Event::Asked(request));
    let [Effect::Preview(ticket, _)] = asked[..] else { panic!("it was not asked: {asked:?}") };
    let answer = Answer::Script(plan.hash());
    session.update(Event::Previewed(ticket, Previewed::Plan(Box::new(plan))));
    let effects = session.update(Event::Answered(answer));
    let perform = effects.into_iter().find_map(|effect| match effect {
        Effect::Perform { act, confirmed, .. } => Some((act, confirmed)),
        _ => None,
    });
    perform.expect("a confirmed plan is performed")
}

/// Files in memory.
#[derive(Default)]
struct Files(BTreeMap<String, Vec<u8>>);

impl Tree for Files {
    fn list(&self, directory: &str) -> Result<Vec<Entry>, Unreadable> {
        let names = self.0.keys().filter_map(|path| path.strip_prefix(&format!("{directory}/")));
        Ok(names.map(|name| Entry { name: name.into(), is_dir: false }).collect())
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        let unreadable = || Unreadable {
            path: path.to_owned(),
            reason: "no such file".to_owned(),
            missing: true,
        };
        self.0.get(path).cloned().ok_or_else(unreadable)
    }
}

/// The migrations of the scenes: name, way up, way down.
const MIGRATIONS: [(&str, &str, &str); 4] = [
    (
        "0005_add_category_fk",
        "ALTER TABLE expenses ADD COLUMN category int;",
        "ALTER TABLE expenses DROP COLUMN category;",
    ),
    (
        "0006_add_status",
        "ALTER TABLE expenses ADD COLUMN status text;",
        "ALTER TABLE expenses DROP COLUMN status;",
    ),
    (
        "0007_widen_amount",
        "ALTER TABLE expenses ALTER COLUMN amount TYPE bigint;",
        "ALTER TABLE expenses ALTER COLUMN amount TYPE int;",
    ),
    ("0008_drop_legacy", "ALTER TABLE expenses DROP COLUMN legacy;", "SELECT 1;"),
];

/// Returns a sqlx project of which the first `applied` migrations have run.
pub fn migrations(applied: usize) -> Migrations {
    let mut files = Files::default();
    for (name, up, down) in MIGRATIONS {
        files.0.insert(format!("m/{name}.up.sql"), up.into());
        files.0.insert(format!("m/{name}.down.sql"), down.into());
    }
    let rows = MIGRATIONS.iter().take(applied).map(|(name, up, _)| row(name, up)).collect();
    let tool = by_name("sqlx").expect("sqlx is known");
    let project = tool.load(&files, "m", &Rows::Read(rows));
    let status = Status::of(&project, &Catalog::default());
    Migrations { project, status, rehearsed: None }
}

/// Returns a row of `_sqlx_migrations`.
fn row(name: &str, up: &str) -> Vec<Option<String>> {
    let (version, words) = name.split_once('_').expect("a name has a version");
    let version = version.trim_start_matches('0').to_owned();
    let checksum = format!("{:x}", Sha384::digest(up));
    let time = "2026-01-02T03:04:05.000006Z".to_owned();
    [version, words.replace('_', " "), time, "true".to_owned(), checksum].map(Some).to_vec()
}

/// Returns the record of the intent to run [`plan`], written `seconds` ago.
pub fn intent(seconds: i64) -> Record {
    Record {
        v: 1,
        seq: 2,
        at: ago(seconds).expect("it is a time"),
        mono: 1.0,
        boot: "boot".to_owned(),
        kind: Kind::Intent,
        run: "run".to_owned(),
        step: None,
        act: Some("a1".to_owned()),
        attempt: Some(1),
        plan: None,
        operator: "ops@host".to_owned(),
        data: serde_json::json!({ "plan": plan() }),
        prev: String::new(),
    }
}

/// Returns the result of a probe, `seconds` ago.
pub fn sampled(name: &str, value: Value, took_ms: f64, seconds: i64) -> News {
    let probe: Probe = toml::from_str("http = \"http://localhost/\"").expect("it is a probe");
    let sample = Sample::new(&probe, value, took_ms, ago(seconds).expect("it is a time"));
    News::Health { name: name.to_owned(), sample }
}

/// Returns what an endpoint answered.
pub fn answered(status: u16) -> Value {
    Value::Answer { status, text: String::new() }
}

/// Returns the facts of `world` a minute after a migration began: before it all was well,
/// since then `api` answers `now_answers`, and `slower` of the transactions are left.
pub fn measured(world: &World, now_answers: &Value, left: f64) -> Facts {
    let mut facts = connecting();
    facts.now = now() - TimeDelta::seconds(180);
    facts.arm(Triggers::default().armed(), ["api", "auth", "web"].map(str::to_owned));
    facts.project.arrived(migrations(2), facts.now);
    let hear = |facts: &mut Facts, news, seconds| {
        let event = facts.hear(news, ago(seconds).expect("it is a time"));
        facts.identity.arrived(identity(), now());
        event
    };
    let rows = |rows: i64| {
        let rows = [("public.users".to_owned(), rows), ("public.expenses".to_owned(), rows)];
        Surroundings { rows: rows.into(), ..surroundings() }
    };
    hear(&mut facts, News::Slow(Ok(Box::new(rows(12_000)))), 175);
    hear(&mut facts, News::Snapshot(Ok(Box::new(world.snapshot()))), 172);
    for seconds in (65..170).rev().step_by(5) {
        for name in ["api", "auth", "web"] {
            hear(&mut facts, sampled(name, answered(200), 8.0, seconds), seconds);
        }
    }
    let point = |tps| Point { tps: Some(tps), wal: None, blocked: 0 };
    facts.history.extend((0..40).map(|_| point(540.0)));
    hear(&mut facts, News::Recorded(Box::new(intent(60))), 60);
    facts.history.extend((0..20_u8).map(|_| point(540.0 * left)));
    for seconds in (0..12).rev().map(|step| step * 5) {
        hear(&mut facts, sampled("api", now_answers.clone(), 19.0, seconds), seconds);
        hear(&mut facts, sampled("auth", answered(200), 19.0, seconds), seconds);
        hear(&mut facts, sampled("web", answered(200), 19.0, seconds), seconds);
        hear(&mut facts, News::Snapshot(Ok(Box::new(world.snapshot()))), seconds);
        // The world's counters stand still: this is the rate that they would have shown.
        facts.history.pop_back();
        let blocked = facts.snapshot.value().map_or(0, |snapshot| snapshot.forest.blocked);
        facts.history.push_back(Point { blocked, ..point(540.0 * left) });
    }
    facts
}
