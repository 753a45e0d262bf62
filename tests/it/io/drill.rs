//! The restore drill: real archives, loaded into real scratch servers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use chrono::Utc;
use lockkeeper::domain::backup::Manifest;
use lockkeeper::domain::verify::{Level, Report};
use lockkeeper::io::cluster::registered;
use lockkeeper::io::drill;
use tempfile::TempDir;

use super::store::{Place, dump, manifest_of};
use crate::support::act::until;
use crate::support::server::{Database, LOCKKEEPER, database};

/// A database with what a scratch server has not: roles, owners, grants, policies.
const SHOP: &str = "CREATE EXTENSION pg_trgm; CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, mood mood);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users);
    CREATE INDEX names ON users USING gin (name gin_trgm_ops);
    INSERT INTO users SELECT n, 'user ' || n, 'ok' FROM generate_series(1, 900) n;
    INSERT INTO orders SELECT n, n FROM generate_series(1, 700) n;";
const ROWS: &str = r#"{"public.users":900,"public.orders":700}"#;

fn shop(name: &str) -> Database {
    let database = database(name);
    database.execute(SHOP);
    database
}

/// A state of a drill's own.
struct State(TempDir);

impl State {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn prove(&self, path: &Path, level: Level) -> (Report, Vec<String>) {
        let place = drill::Place { state: self.0.path().into(), program: LOCKKEEPER.into() };
        let mut told = Vec::new();
        let mut tell = |text: &str| told.push(text.to_owned());
        let proved = drill::verify(path, level, Utc::now(), &place, &mut tell);
        (proved.expect("it can be read").0, told)
    }

    fn servers(&self) -> Vec<PathBuf> {
        registered(self.0.path())
    }
}

fn what(report: &Report, level: Level) -> (Option<bool>, String) {
    let found = report.findings.iter().find(|finding| finding.level == level);
    let found = found.unwrap_or_else(|| panic!("no {level} in {report:?}"));
    (found.ok, found.what.clone())
}

#[test]
fn a_good_backup_passes_every_level_and_leaves_its_evidence_and_no_server() {
    let (place, state, database) = (Place::new(), State::new(), shop("drill_good"));
    // Names that a scratch server knows nothing of; unique, the server is shared.
    database.execute(
        "CREATE ROLE \"drill \"\"owner\"; CREATE ROLE drill_reader;
         ALTER TABLE users OWNER TO \"drill \"\"owner\"; GRANT SELECT ON users TO drill_reader;
         ALTER TABLE users ENABLE ROW LEVEL SECURITY;
         CREATE POLICY p ON users FOR SELECT TO drill_reader, \"drill \"\"owner\" USING (id > 3)",
    );
    let file = place.at("x.dump");
    dump(&database, &file, &["-Fc", "-Z1"]);
    let manifest = manifest_of(&file, "x", ROWS);
    let (report, told) = state.prove(&file, Level::L6);
    assert_eq!((report.ok, report.reached), (Some(true), Some(Level::L6)), "{report:?}");
    let loads = what(&report, Level::L4).1;
    assert!(loads.contains("1 foreign keys, 2 primary keys and uniques"), "{loads}");
    assert!(what(&report, Level::L5).1.contains("1600 rows in 2 tables"), "{report:?}");
    for words in [
        "making a scratch server",
        "trying the definitions",
        "making the role",
        "loading table 1/2",
    ] {
        assert!(told.iter().any(|line| line.starts_with(words)), "{words}: {told:?}");
    }
    assert_eq!(state.servers(), [""; 0].map(PathBuf::from), "nothing is left");
    let kept =
        Manifest::read(&fs::read_to_string(manifest).expect("it is there")).expect("it reads");
    let levels: Vec<Level> = kept.verified.iter().map(|evidence| evidence.level).collect();
    assert_eq!(levels, Level::ALL);
    assert!(kept.verified[4].tool.contains("PostgreSQL 1"), "{:?}", kept.verified[4]);
}

#[test]
fn every_format_but_tar_is_loaded() {
    let (place, state, database) = (Place::new(), State::new(), shop("drill_formats"));
    for (name, args) in [("d", &["-Fd"][..]), ("x.sql", &["-Fp"]), ("z.sql.gz", &["-Fp", "-Z6"])] {
        dump(&database, &place.at(name), args);
        let (report, _) = state.prove(&place.at(name), Level::L4);
        assert_eq!(
            (report.ok, report.reached),
            (Some(true), Some(Level::L4)),
            "{name}: {report:?}"
        );
    }
    dump(&database, &place.at("x.tar"), &["-Ft"]);
    let (report, _) = state.prove(&place.at("x.tar"), Level::L4);
    assert_eq!(report.exit_code(), 2, "{report:?}");
    assert!(what(&report, Level::L4).1.contains("for ever"), "{report:?}");
}

#[test]
fn a_script_that_would_run_a_program_here_runs_none_and_is_bad() {
    let (place, state, database) = (Place::new(), State::new(), shop("drill_led"));
    let (script, ran) = (place.at("x.sql"), place.at("ran"));
    dump(&database, &script, &["-Fp"]);
    let text = fs::read_to_string(&script).expect("it reads");
    let led = format!("\n\\! touch {}\nSET ", ran.display());
    fs::write(&script, text.replacen("\nSET ", &led, 1)).expect("it is written");
    let (report, _) = state.prove(&script, Level::L4);
    assert_eq!(report.ok, Some(false), "{report:?}");
    assert!(what(&report, Level::L4).1.contains("leads psql elsewhere"), "{report:?}");
    assert!(!ran.exists(), "psql has run it");
}

/// What decodes and counts well may still not load: here an order of nobody.
#[test]
fn an_archive_that_breaks_its_own_keys_is_bad_at_the_drill() {
    let (place, state, database) = (Place::new(), State::new(), shop("drill_keys"));
    // What `session_replication_role` leaves behind: the key is there, and does not hold.
    database.execute(
        "SET session_replication_role = replica; DELETE FROM users WHERE id = 5; RESET ALL",
    );
    let file = place.at("x.dump");
    dump(&database, &file, &["-Fc", "-Z1"]);
    let (report, _) = state.prove(&file, Level::L6);
    assert_eq!((report.ok, report.reached), (Some(false), Some(Level::L3)), "{report:?}");
    let (ok, why) = what(&report, Level::L4);
    assert!(ok == Some(false) && why.contains("violates foreign key constraint"), "{why}");
    assert!(report.findings.iter().all(|f| f.level <= Level::L4), "nothing is tried beyond it");
    assert!(state.servers().is_empty());
}

#[test]
fn rows_other_than_the_source_held_are_not_equal() {
    let (place, state, database) = (Place::new(), State::new(), shop("drill_equal"));
    let file = place.at("x.sql");
    // INSERTs are not counted without a server, so that only the drill can tell.
    dump(&database, &file, &["-Fp", "--rows-per-insert=100"]);
    manifest_of(&file, "x", r#"{"public.users":901,"public.orders":700}"#);
    let (report, _) = state.prove(&file, Level::L5);
    assert_eq!(report.reached, Some(Level::L4), "{report:?}");
    let (ok, why) = what(&report, Level::L5);
    assert!(ok == Some(false) && why.contains("public.users has 900, not 901"), "{why}");
    assert_eq!(report.ok, Some(false));
}

#[test]
fn what_the_scratch_server_lacks_says_nothing_of_the_backup() {
    let (place, state, database) = (Place::new(), State::new(), shop("drill_lacks"));
    let script = place.at("x.sql");
    dump(&database, &script, &["-Fp"]);
    let text = fs::read_to_string(&script).expect("it reads");
    let text = text.replacen("EXISTS pg_trgm", "EXISTS no_such_extension", 1);
    fs::write(&script, text).expect("it can be written");
    let (report, _) = state.prove(&script, Level::L4);
    assert_eq!((report.ok, report.reached), (None, Some(Level::L3)), "{report:?}");
    let why = what(&report, Level::L4).1;
    assert!(why.contains("the scratch server lacks what it needs"), "{why}");
    dump(&database, &place.at("rows.dump"), &["-Fc", "-a"]);
    let (report, _) = state.prove(&place.at("rows.dump"), Level::L4);
    assert!(report.ok.is_none() && what(&report, Level::L4).1.contains("without their tables"));
}

/// Killed with nobody to clean up after it: its watcher does, and the next drill would.
#[test]
fn a_drill_that_is_killed_leaves_no_server() {
    let (place, state, database) = (Place::new(), State::new(), shop("drill_killed"));
    database.execute(
        "CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
         CREATE TABLE waits AS SELECT 1 AS n; CREATE INDEX ON waits (slow(n));
         CREATE OR REPLACE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql
           AS 'BEGIN PERFORM pg_sleep(600); RETURN 1; END'",
    );
    let file = place.at("x.dump");
    dump(&database, &file, &["-Fc", "-Z1"]);
    let mut command = std::process::Command::new(LOCKKEEPER);
    command.args(["verify", "--level", "L4"]).arg(&file).env("XDG_STATE_HOME", state.0.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("lockkeeper starts");
    let servers = state.0.path().join("lockkeeper");
    let running = until("a scratch server", || {
        registered(&servers).into_iter().find(|directory| directory.join(".s.PGSQL.5432").exists())
    });
    child.kill().expect("it can be killed");
    child.wait().expect("it is gone");
    until("the server to go", || (!running.exists()).then_some(()));
    until("its record to go", || registered(&servers).is_empty().then_some(()));
}
