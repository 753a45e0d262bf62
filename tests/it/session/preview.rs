//! From a request to its plan: what it is bound to, and why there is none.

use lockkeeper::domain::activity::{Backend, BackendKey, State};
use lockkeeper::domain::backup::{Backup, Inventory, Kind, Scope};
use lockkeeper::domain::config::Policy;
use lockkeeper::domain::evidence::Level;
use lockkeeper::domain::hazard::Hazard;
use lockkeeper::domain::identity::{Class, Identity};
use lockkeeper::domain::plan::{Action, Digest, Direction, Need, Plan, Risk, Signal};
use lockkeeper::domain::rehearsal::{Material, Standing};
use lockkeeper::domain::snapshot::Snapshot;
use lockkeeper::session::effect::{Goal, Previewed, Request};
use lockkeeper::session::facts::Migrations;
use lockkeeper::session::making::{Dumper, Making};
use lockkeeper::session::preview::{Ground, Ways, plan};
use lockkeeper::session::rehearsing::Rehearsing;
use lockkeeper::tools::{Entry, Tree, Unreadable, by_name};

use crate::support::facts::{World, backend, identity, migrations};
use crate::support::rehearsed::standing;

/// Files whose every path has the same text, or none that can be read.
struct Same(Option<&'static str>);

impl Tree for Same {
    fn list(&self, _directory: &str) -> Result<Vec<Entry>, Unreadable> {
        Ok(Vec::new())
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        self.0.map(Into::into).ok_or_else(|| Unreadable {
            path: path.to_owned(),
            reason: "gone".to_owned(),
            missing: true,
        })
    }
}

/// What a test plans on; changed before it plans.
struct Stand {
    identity: Identity,
    migrations: Migrations,
    tree: Same,
    policy: Policy,
    snapshot: Option<Snapshot>,
    making: Making,
    backups: Option<Inventory>,
    rehearsing: Option<Rehearsing>,
}

impl Stand {
    fn new(applied: usize) -> Self {
        Self {
            identity: identity(),
            migrations: migrations(applied),
            tree: Same(Some("as it was")),
            policy: Policy::default(),
            snapshot: Some(World::blocked().snapshot()),
            making: making(),
            backups: None,
            rehearsing: None,
        }
    }

    fn plan(&self, request: &Request) -> Previewed {
        let tool = by_name("sqlx").expect("sqlx is known");
        let ways = Ways { tool, migrations: &self.migrations, tree: &self.tree };
        let holders = |_: &[Hazard]| vec!["pid 3988 holds ACCESS SHARE".to_owned()];
        plan(
            request,
            &Ground {
                identity: &self.identity,
                class: Class::Production,
                policy: &self.policy,
                snapshot: self.snapshot.as_ref(),
                project: Ok(ways),
                cwd: "shop",
                prefix: &[],
                env: &[],
                holders: &holders,
                making: Some(&self.making),
                backups: self.backups.as_ref(),
                invalid: &[],
                restoring: None,
                rehearsing: self.rehearsing.as_ref(),
            },
        )
    }

    fn planned(&self, request: &Request) -> Plan {
        match self.plan(request) {
            Previewed::Plan(plan) => *plan,
            other => panic!("no plan: {other:?}"),
        }
    }

    fn refused(&self, request: &Request) -> String {
        match self.plan(request) {
            Previewed::Impossible(why) => why,
            other => panic!("not refused: {other:?}"),
        }
    }

    fn of(backend: Backend) -> Self {
        let mut world = World::quiet();
        world.reading.backends.push(backend);
        Self { snapshot: Some(world.snapshot()), ..Self::new(1) }
    }
}

/// A `pg_dump` of the server's version, and a directory with room.
fn making() -> Making {
    let dumper = Dumper {
        path: "/usr/lib/postgresql/15/bin/pg_dump".to_owned(),
        through: None,
        version: "15.20".to_owned(),
        major: 15,
        digest: Some(Digest::of("/usr/lib/postgresql/15/bin/pg_dump", b"ELF")),
        warning: None,
    };
    Making {
        dumper: Ok(dumper),
        directory: "/srv/backups".to_owned(),
        unfit: None,
        stale: Vec::new(),
        free: Some(5 << 30),
        database: Some(1 << 30),
        known: Vec::new(),
        exclusive: Ok(Vec::new()),
        level: Level::L3,
        contents: false,
        tool: Some("sqlx".to_owned()),
        tables: Ok(Vec::new()),
        csv: Ok(Vec::new()),
        roles: Ok("/usr/lib/postgresql/15/bin/pg_dumpall".to_owned()),
        env: vec!["PGHOST".to_owned()],
    }
}

fn backup(scope: Scope) -> Request {
    Request::Backup { scope, to: None }
}

fn migrate(direction: Direction) -> Request {
    Request::Migrate { direction, goal: Goal::One, risk: Risk::Safe }
}

fn signal(key: BackendKey, signal: Signal) -> Request {
    Request::Signal { backend: key, signal }
}

#[test]
fn the_same_world_gives_the_same_hash_and_live_evidence_is_not_in_it() {
    let mut stand = Stand::new(1);
    let first = stand.planned(&migrate(Direction::Up));
    stand.snapshot = Some(World::quiet().snapshot());
    let second = stand.planned(&migrate(Direction::Up));
    assert_eq!(first.hash(), second.hash());
}

#[test]
fn what_a_plan_is_bound_to_changes_its_hash() {
    let hash = |stand: &Stand| stand.planned(&migrate(Direction::Up)).hash();
    let before = hash(&Stand::new(1));
    let changes: [fn(&mut Stand); 7] = [
        |stand| stand.tree = Same(Some("as somebody changed it")),
        |stand| stand.identity.system_identifier = "1".into(),
        |stand| stand.identity.database_oid = 1,
        |stand| stand.identity.host = "db2".into(),
        |stand| stand.identity.role = "postgres".into(),
        |stand| stand.migrations = migrations(2),
        |stand| stand.policy.attempts += 1,
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut stand = Stand::new(1);
        change(&mut stand);
        assert_ne!(hash(&stand), before, "change {at}");
    }
}

#[test]
fn a_plan_names_the_next_migration_and_who_is_in_its_way() {
    let plan = Stand::new(1).planned(&migrate(Direction::Up));
    assert!(matches!(plan.action, Action::Migrate { migration, .. } if migration == "6"));
    assert_eq!(plan.preview.title, "up 6 add status");
    assert_eq!(plan.preview.now, ["pid 3988 holds ACCESS SHARE"]);
    assert!(plan.preview.back.contains("LOSSY"), "{}", plan.preview.back);
    assert_eq!(plan.revision_before, ["5"]);
    assert!(plan.timeouts.lock_ms.is_some() && plan.attempts > 1);
}

#[test]
fn what_destroys_rows_asks_for_the_name_whatever_was_declared() {
    let plan = Stand::new(3).planned(&migrate(Direction::Up));
    assert_eq!((plan.risk, plan.need()), (Risk::Destructive, Need::Typed("shop".into())));
    let plan = Stand::new(1).planned(&migrate(Direction::Up));
    assert_eq!((plan.risk, plan.need()), (Risk::Safe, Need::Key));
}

#[test]
fn no_way_down_is_called_safe() {
    for applied in 1..=4 {
        let plan = Stand::new(applied).planned(&migrate(Direction::Down));
        assert!(plan.risk >= Risk::Lossy, "{:?}", plan.preview);
    }
}

#[test]
fn a_declared_risk_is_never_lowered() {
    let request =
        Request::Migrate { direction: Direction::Up, goal: Goal::One, risk: Risk::Destructive };
    assert_eq!(Stand::new(1).planned(&request).risk, Risk::Destructive);
}

#[test]
fn nothing_is_planned_on_a_replica_or_without_the_version_table() {
    let mut stand = Stand::new(1);
    stand.identity.primary = false;
    assert!(stand.refused(&migrate(Direction::Up)).contains("replica"));
    let mut stand = Stand::new(1);
    stand.migrations.project.connected = false;
    assert!(stand.refused(&migrate(Direction::Up)).contains("cannot be read"));
}

#[test]
fn the_end_of_the_way_is_no_failure() {
    assert!(matches!(Stand::new(4).plan(&migrate(Direction::Up)), Previewed::Nothing(_)));
    assert!(matches!(Stand::new(0).plan(&migrate(Direction::Down)), Previewed::Nothing(_)));
}

#[test]
fn ending_a_session_that_has_written_asks_for_the_name() {
    let need = |has_written, kind| {
        let backend = Backend { has_written, ..backend(7001) };
        let key = backend.key();
        Stand::of(backend).planned(&signal(key, kind)).need()
    };
    assert_eq!(need(Some(false), Signal::Terminate), Need::Key);
    assert_eq!(need(Some(true), Signal::Terminate), Need::Typed("shop".into()));
    assert_eq!(need(None, Signal::Terminate), Need::Typed("shop".into()), "it cannot be told");
    assert_eq!(need(Some(true), Signal::Cancel), Need::Key);
}

#[test]
fn a_session_that_is_named_as_its_role_is_is_named_once() {
    let touches = |application: &str| {
        let backend = Backend { application: application.into(), ..backend(7001) };
        let request = signal(backend.key(), Signal::Terminate);
        Stand::of(backend).planned(&request).preview.touches[0].clone()
    };
    assert!(touches("web").starts_with("web · active"), "{}", touches("web"));
    assert!(touches("shop").starts_with("web · shop · active"), "{}", touches("shop"));
}

fn sql(text: &str) -> Request {
    Request::Sql { text: text.to_owned(), risk: Risk::Read }
}

#[test]
fn sql_is_never_taken_for_a_mere_look_and_what_nobody_understands_is_typed() {
    let need = |text: &str| Stand::new(1).planned(&sql(text)).need();
    assert_eq!(need("SELECT 1"), Need::Key);
    assert_eq!(need("DO $$ BEGIN DELETE FROM expenses; END $$"), Need::Typed("shop".into()));
    assert_eq!(need("TRUNCATE expenses"), Need::Typed("shop".into()));
}

#[test]
fn sql_that_cannot_be_an_act_is_refused_with_the_reason() {
    let stand = Stand::new(1);
    assert!(stand.refused(&sql(" -- nothing\n")).contains("no statement"));
    let long = format!("SELECT '{}'", "x".repeat(120_000));
    assert!(stand.refused(&sql(&long)).contains("longer than 100 kB"));
    let mut replica = Stand::new(1);
    replica.identity.primary = false;
    assert!(replica.refused(&sql("SELECT 1")).contains("replica"));
}

#[test]
fn another_process_of_the_same_pid_is_not_signalled() {
    let meant = backend(7001);
    let other = Backend { backend_start: None, ..backend(7001) };
    let request = signal(meant.key(), Signal::Terminate);
    assert!(Stand::of(other).refused(&request).contains("has ended meanwhile"));
}

#[test]
fn a_cancel_that_can_do_nothing_is_refused_with_what_would() {
    let idle = Backend { state: Some(State::IdleInTransaction), ..backend(7001) };
    let request = signal(idle.key(), Signal::Cancel);
    assert!(!Stand::of(idle).refused(&request).is_empty());
}

#[test]
fn without_a_snapshot_no_session_is_signalled() {
    let stand = Stand { snapshot: None, ..Stand::new(1) };
    let request = signal(backend(7001).key(), Signal::Cancel);
    assert!(stand.refused(&request).contains("not known yet"));
}

#[test]
fn a_backup_is_bound_to_its_program_and_place_and_not_to_what_is_so_now() {
    let hash = |stand: &Stand| stand.planned(&backup(Scope::Full)).hash();
    let mut stand = Stand::new(1);
    let before = hash(&stand);
    stand.making.free = None;
    stand.making.exclusive = Ok(vec!["pid 7 holds AccessExclusive on users".to_owned()]);
    stand.making.stale = vec!["old.dump.partial".to_owned()];
    assert_eq!(hash(&stand), before);
    let told = stand.planned(&backup(Scope::Full)).preview.now.join("\n");
    for what in ["pid 7 holds", "cannot tell how much is free", "old.dump.partial"] {
        assert!(told.contains(what), "{told}");
    }
    let changes: [fn(&mut Making); 3] = [
        |making| making.directory = "/elsewhere".to_owned(),
        |making| making.tool = None,
        |making| {
            let dumper = making.dumper.as_mut().expect("there is one");
            dumper.digest = Some(Digest::of("/usr/lib/postgresql/15/bin/pg_dump", b"other"));
        },
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut stand = Stand::new(1);
        change(&mut stand.making);
        assert_ne!(hash(&stand), before, "change {at}");
    }
    assert_ne!(Stand::new(1).planned(&backup(Scope::Schema)).hash(), before);
    assert_eq!(Stand::new(1).planned(&backup(Scope::Full)).need(), Need::Key);
}

fn rehearsing() -> Rehearsing {
    Rehearsing {
        database: Some(9 << 30),
        free: Some(40 << 30),
        place: "/tmp".to_owned(),
        newest: Ok((Some(1 << 30), "/srv/backups/shop.dump".to_owned())),
        config: Some("shop/lockkeeper.toml".to_owned()),
        env: vec!["PGHOST".to_owned()],
    }
}

#[test]
fn a_rehearsal_says_what_is_copied_what_that_costs_and_that_it_is_personal() {
    let stand = Stand { rehearsing: Some(rehearsing()), ..Stand::new(1) };
    let plan = stand.planned(&Request::Rehearse(Material::Target));
    let command = plan.command.clone().expect("a program runs");
    assert_eq!(command.line(), "lockkeeper rehearse --project shop --config shop/lockkeeper.toml");
    assert_eq!((plan.risk, plan.preview.title.as_str()), (Risk::Read, "rehearse 3 migrations"));
    let touches = plan.preview.touches.join("; ");
    for part in ["9.0 GB", "ACCESS SHARE", "personal data", "6, 7, 8", "nothing of it runs on"] {
        assert!(touches.contains(part), "{part}: {touches}");
    }
    assert!(plan.preview.takes.as_deref().is_some_and(|takes| takes.contains("12 runs of sqlx")));
    let changed =
        Stand { tree: Same(Some("another way")), rehearsing: Some(rehearsing()), ..Stand::new(1) };
    let other = changed.planned(&Request::Rehearse(Material::Target));
    assert_ne!(plan.hash(), other.hash(), "what is rehearsed is another thing");

    let newest = stand.planned(&Request::Rehearse(Material::Newest));
    let line = newest.command.expect("a program runs").line();
    assert!(line.ends_with("--source /srv/backups/shop.dump"), "{line}");
    let bare = stand.planned(&Request::Rehearse(Material::SchemaOnly));
    let line = bare.command.expect("a program runs").line();
    assert!(line.ends_with("--schema-only"), "{line}");
    assert!(!bare.preview.touches.join("; ").contains("personal data"));
}

#[test]
fn there_is_no_plan_of_a_rehearsal_of_nothing_or_of_no_backup() {
    let done = Stand { rehearsing: Some(rehearsing()), ..Stand::new(4) };
    let why = done.refused(&Request::Rehearse(Material::Target));
    assert!(why.contains("nothing is pending"), "{why}");
    let none = Rehearsing { newest: Err("no full backup was found".to_owned()), ..rehearsing() };
    let stand = Stand { rehearsing: Some(none), ..Stand::new(1) };
    assert_eq!(stand.refused(&Request::Rehearse(Material::Newest)), "no full backup was found");
    assert_eq!(
        Stand::new(1).refused(&Request::Rehearse(Material::Target)),
        "what a rehearsal needs was not read"
    );
}

#[test]
fn there_is_no_plan_of_a_rehearsal_of_what_cannot_be_read() {
    let gone = Stand { tree: Same(None), rehearsing: Some(rehearsing()), ..Stand::new(1) };
    let why = gone.refused(&Request::Rehearse(Material::Target));
    assert!(why.contains("m/0006_"), "{why}");
}

#[test]
fn there_is_no_plan_of_a_backup_that_cannot_be_made() {
    let mut replica = Stand::new(1);
    replica.identity.primary = false;
    assert!(replica.refused(&backup(Scope::Full)).contains("replica"));
    let mut stand = Stand::new(1);
    stand.making.unfit = Some("it is no directory".to_owned());
    assert_eq!(stand.refused(&backup(Scope::Full)), "it is no directory");
    // The last one took more than is free.
    stand.making.unfit = None;
    stand.making.known = vec![Backup {
        database: Some(stand.identity.database.as_str().into()),
        system_identifier: Some(stand.identity.system_identifier.clone()),
        scope: Some(Scope::Full),
        complete: Some(true),
        size: Some(6 << 30),
        ..Backup::at("/srv/backups/last.dump", Kind::Custom)
    }];
    let refused = stand.refused(&backup(Scope::Full));
    assert!(refused.contains("/srv/backups: only 5.0 GB are free"), "{refused}");
    stand.making.dumper = Err("pg_dump was not found".to_owned());
    assert_eq!(stand.refused(&backup(Scope::Full)), "pg_dump was not found");
    assert!(stand.refused(&backup(Scope::Tables)).contains("no table is named"));
}

#[test]
fn a_later_pg_dump_and_little_room_are_said() {
    let mut stand = Stand::new(1);
    stand.making.free = Some(100 << 20);
    let dumper = stand.making.dumper.as_mut().expect("there is one");
    (dumper.major, dumper.version) = (17, "17.6".to_owned());
    let told = stand.planned(&backup(Scope::Full)).preview.now.join("\n");
    assert!(told.contains("only 100.0 MB are free there, and the database has 1.0 GB"), "{told}");
    assert!(told.contains("restoring with the tools of 15 will refuse it"), "{told}");
}

#[test]
fn a_proof_names_its_file_only_reads_and_says_where_a_server_of_its_own_is_needed() {
    let mut stand = Stand::new(1);
    let ask = |backup: &str, level| Request::VerifyBackup { backup: backup.to_owned(), level };
    let why = |stand: &Stand, request: &Request| match stand.plan(request) {
        Previewed::Impossible(why) => why,
        other => panic!("{other:?}"),
    };
    assert!(why(&stand, &ask("newest", Level::L3)).contains("were not read"));
    let max_age = lockkeeper::domain::config::Backups::default().max_age;
    let mut inventory = Inventory::empty(Level::L3, max_age);
    stand.backups = Some(inventory.clone());
    assert!(why(&stand, &ask("newest", Level::L3)).contains("make one"));
    let drill = stand.planned(&ask("/b/-x.dump", Level::L4));
    assert!(drill.preview.touches.iter().any(|line| line.contains("a scratch server")));
    let of = identity();
    let made = |location: &str, hours| Backup {
        database: Some(of.database.as_str().into()),
        system_identifier: Some(of.system_identifier.clone()),
        scope: Some(Scope::Full),
        snapshot_started_at: Some(chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(hours)),
        ..Backup::at(location, Kind::Custom)
    };
    inventory.backups = vec![made("/b/old.dump", 1), made("/b/new.dump", 2)];
    stand.backups = Some(inventory);
    let plan = stand.planned(&ask("newest", Level::L3));
    let file = |file: &str| Action::VerifyBackup { file: file.to_owned(), level: "L3".to_owned() };
    assert_eq!((&plan.action, plan.need()), (&file("/b/new.dump"), Need::Nothing));
    let argv = plan.command.as_ref().expect("it runs a program").argv.join(" ");
    assert_eq!(argv, "lockkeeper verify --level L3 -- /b/new.dump");
    assert_eq!(stand.planned(&ask("/b/new.dump", Level::L3)).hash(), plan.hash(), "as rechecked");
    assert_eq!(stand.planned(&ask("/b/old.dump", Level::L3)).action, file("/b/old.dump"));
    let elsewhere = stand.planned(&ask("/tmp/x.dump", Level::L3));
    assert!(elsewhere.preview.now[0].contains("not among the backups"));
}

#[test]
fn a_way_up_says_until_when_it_may_run_or_why_it_should_not_begin() {
    let said = |window: &str, rehearsed: Option<Standing>, direction| {
        let mut stand = Stand::new(2);
        stand.migrations.rehearsed = rehearsed;
        stand.policy.windows = vec![window.parse().expect("a window")];
        let risk = Risk::Destructive;
        let plan = stand.planned(&Request::Migrate { direction, goal: Goal::One, risk });
        (plan.preview.takes.unwrap_or_default(), plan.preview.now.join("\n"))
    };
    // The scenes are of a Thursday, 20:26:40 UTC; the second migration takes 7:32 at most.
    let rehearsed = || Some(standing(None));
    let (takes, now) = said("Thu 20:00-20:35 Z", rehearsed(), Direction::Up);
    assert!(takes.ends_with("; the maintenance window is open until Thu 20:35 +00:00"), "{takes}");
    assert!(!now.contains("window"), "{now}");
    let (takes, now) = said("Thu 20:00-20:34 Z", rehearsed(), Direction::Up);
    assert!(!takes.contains("window"), "{takes}");
    let closes =
        "it may take up to 7:32, as rehearsed, and the maintenance window closes Thu 20:34 +00:00";
    assert!(now.contains(closes), "{now}");
    let (_, now) = said("Fri 01:00-02:00 +02:00", None, Direction::Up);
    assert!(
        now.contains("no maintenance window is open: the next opens Fri 01:00 +02:00"),
        "{now}"
    );
    let (takes, now) = said("Fri 01:00-02:00 +02:00", None, Direction::Down);
    assert!(!(takes + &now).contains("window"), "the way back is open at any time");
}
