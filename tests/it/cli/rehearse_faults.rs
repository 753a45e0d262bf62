//! `rehearse` where something is missing, full or in the way: "cannot tell" with the reason, and
//! nothing left behind, wherever it is killed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use lockkeeper::io::cluster;
use tempfile::TempDir;

use super::lk::{Answer, Lk, Typed};
use crate::support::server::{self, Database};
use crate::support::until::until;

/// A place for temporary files of its own, which a server that runs as somebody else may enter.
fn temporary() -> TempDir {
    let place = tempfile::tempdir().expect("a directory");
    let mode = fs::Permissions::from_mode(0o1777);
    fs::set_permissions(place.path(), mode).expect("it can be opened");
    place
}

fn entries(place: &TempDir) -> Vec<String> {
    let all = fs::read_dir(place.path()).expect("it reads");
    all.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

/// Asserts that it cannot be told, for this reason, and that nothing is left.
fn cannot_tell(lk: &Lk, answer: &Answer, why: &str) {
    assert_eq!(answer.code(), 2, "{} {}", answer.out(), answer.said());
    let document = answer.document("rehearse");
    assert_eq!(document["verdict"], "unknown");
    let told = document["why"].as_str().expect("a reason");
    assert!(told.contains(why), "{told}");
    assert!(cluster::registered(&lk.state().join("lockkeeper")).is_empty());
}

#[test]
fn an_extension_that_the_scratch_server_lacks_is_named() {
    let database = server::database("rehearse_extension");
    // As a source has it whose packages are not installed here.
    database.execute(
        "INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
         VALUES (4000000000, 'nowhere_lk', 10, 'public'::regnamespace, false, '1.0')",
    );
    let lk = Lk::on(&database);
    let answer = lk.run(&["rehearse", "--json"]);
    cannot_tell(&lk, &answer, "nowhere_lk");
    let answer = lk.run(&["rehearse", "--json", "--schema-only"]);
    cannot_tell(&lk, &answer, "nowhere_lk");
}

#[test]
fn a_disk_that_is_full_is_no_verdict() {
    let database = server::database("rehearse_full");
    database.execute(
        "CREATE TABLE large (t text);
         ALTER TABLE large ALTER t SET STORAGE EXTERNAL;
         INSERT INTO large SELECT repeat('x', 8000) FROM generate_series(1, 4000)",
    );
    let lk = Lk::on(&database);
    let place = temporary();
    // No file may grow beyond 20 MB: the table is larger, the server's own files are not.
    let words = ["--fsize=20971520", server::LOCKKEEPER, "rehearse", "--json"];
    let command = lk.command(&[]);
    let mut limited = std::process::Command::new("prlimit");
    limited.args(words).current_dir(lk.project()).stdin(Stdio::null());
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited.env("TMPDIR", place.path());
    let answer = Answer::of(limited.output().expect("prlimit is part of util-linux"));
    cannot_tell(&lk, &answer, "File too large");
    assert_eq!(entries(&place), [""; 0]);
}

#[test]
fn no_right_to_make_databases_is_needed_where_a_dump_is_the_source() {
    let database = server::database("rehearse_plain");
    database.execute(
        "CREATE TABLE known (id int);
         DO $$ BEGIN CREATE ROLE lk_plain LOGIN NOCREATEDB NOSUPERUSER;
               EXCEPTION WHEN duplicate_object THEN NULL; END $$;
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO lk_plain;
         GRANT CREATE ON SCHEMA public TO lk_plain",
    );
    let dsn = database.dsn();
    let (before, _) = dsn.rsplit_once("user=").expect("it names a role");
    let lk = Lk::at(&format!("{before}user=lk_plain"));
    let answer = lk.run(&["rehearse", "--json"]);
    assert_eq!(answer.code(), 0, "{} {}", answer.out(), answer.said());
    assert_eq!(answer.document("rehearse")["verdict"], "pass");
}

/// Begins a rehearsal in a place of its own.
fn begun(lk: &Lk, place: &TempDir) -> Typed {
    let mut command = lk.command(&["rehearse"]);
    command.env("TMPDIR", place.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Typed::start(command)
}

/// Waits until neither a server nor a file nor a session of it is left.
fn nothing_is_left(lk: &Lk, place: &TempDir, database: &Database) {
    let state = lk.state().join("lockkeeper");
    until("the copy is gone with all that is in it", || {
        cluster::registered(&state).is_empty() && entries(place).is_empty()
    });
    until("no session of it is left on the target", || sessions(database) == 0);
}

fn sessions(database: &Database) -> i64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let asked = async {
        let sql = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid()
                     AND backend_type = 'client backend'";
        sqlx::query_scalar(sql).fetch_one(&mut database.connect().await).await
    };
    runtime.expect("a runtime").block_on(asked).expect("it answers")
}

#[test]
fn nothing_is_left_wherever_it_is_killed() {
    // The way up or down sleeps when it is taken for the time that the number says.
    let sleeps = |times: u32| {
        format!("SELECT pg_sleep(CASE WHEN nextval('turns') >= {times} THEN 600 ELSE 0 END);")
    };
    let none = "SELECT 1;".to_owned();
    for (phase, up, down) in [
        ("rehearsing 1/1 up: 1", sleeps(1), none.clone()),
        ("rehearsing 1/1 down: 1", none.clone(), sleeps(1)),
        ("rehearsing 1/1 up again: 1", sleeps(2), none.clone()),
        ("rehearsing 1/1 down over written rows: 1", none.clone(), sleeps(2)),
        ("making a scratch server", none.clone(), none.clone()),
        ("settling the copy", none.clone(), none.clone()),
    ] {
        let database = server::database("rehearse_killed_at");
        database.execute("CREATE SEQUENCE turns");
        let lk = Lk::on(&database);
        for file in ["2_second.up.sql", "2_second.down.sql"] {
            fs::remove_file(lk.project().join("migrations").join(file)).expect("it goes");
        }
        lk.write("migrations/1_first.up.sql", &up);
        lk.write("migrations/1_first.down.sql", &down);
        let place = temporary();
        let mut running = begun(&lk, &place);
        running.expect(phase);
        running.kill();
        nothing_is_left(&lk, &place, &database);
    }
}

#[test]
fn nothing_is_left_when_it_is_killed_while_the_source_is_read() {
    let database = server::database("rehearse_killed_dump");
    database.execute("CREATE TABLE held (id int)");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut holder = runtime.block_on(database.connect());
    let hold = sqlx::raw_sql("BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE");
    runtime.block_on(hold.execute(&mut holder)).expect("it is held");
    let lk = Lk::on(&database);
    let place = temporary();
    let mut running = begun(&lk, &place);
    running.expect(" reads rehearse_killed_dump");
    running.kill();
    let state = lk.state().join("lockkeeper");
    until("the copy is gone", || {
        cluster::registered(&state).is_empty() && entries(&place).is_empty()
    });
    drop(holder);
    until("no session of it is left on the target", || sessions(&database) == 0);
}
