//! Backups and restores whose client programs a prefix runs in another place: the real ones,
//! in another directory, with nothing of the environment but what is named, behind pipes.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use lockkeeper::io::cluster::clients;
use serde_json::Value;

use super::lk::{Answer, Lk};
use crate::support::act::{files, script, until};
use crate::support::server::{Database, Server, private};

const PASSWORD: &str = "sluice gate 7";

/// `docker compose exec` in so far as it matters here: `-e NAME` gives a variable on.
const PREFIX: &str = r#"#!/bin/bash
set -o pipefail
printf '%s\n' "$0" "$@" >> "$(dirname "$0")/seen"
for name in $(compgen -e); do
    case "$name" in PATH|PGPASSWORD) ;; *) unset "$name";; esac
done
if [ "$1" = -e ]; then shift 2; else unset PGPASSWORD; fi
cd /
cat | "$@" | cat
"#;

struct Scene {
    server: Server,
    database: Database,
    lk: Lk,
}

impl Scene {
    /// A server that asks `keeper` for a password, and a project whose clients are elsewhere.
    fn new(named: &str, more: &str) -> Self {
        let server = private(&[]);
        let database = server.database("shop");
        database.execute(&format!(
            "CREATE ROLE keeper SUPERUSER LOGIN PASSWORD '{PASSWORD}';
             CREATE TABLE users (id int PRIMARY KEY, name text);
             INSERT INTO users SELECT n, md5(n::text) FROM generate_series(1, 3000) n;
             CREATE TABLE \"Odd 'one\" (a int); INSERT INTO \"Odd 'one\" VALUES (1);"
        ));
        let hba = server.cluster.socket_dir().join("data/pg_hba.conf");
        let rules = fs::read_to_string(&hba).expect("it can be read");
        fs::write(&hba, format!("local all keeper scram-sha-256\n{rules}")).expect("it is written");
        database.execute("SELECT pg_reload_conf()");
        let lk = Lk::on(&database);
        let prefix = lk.project().join("elsewhere");
        script(&prefix, PREFIX);
        lk.write(
            "lockkeeper.toml",
            &format!(
                "schema = 1\n[targets.test]\nclass = \"scratch\"\ndsn_env = \"SHOP\"\n\
                 [policy]\nlock_timeout = \"60s\"\n\
                 [backups.client]\nprefix = [\"{}\"{named}]\n{more}",
                prefix.display()
            ),
        );
        Self { server, database, lk }
    }

    fn allowed(self) -> Self {
        let allowed = self.run(&["runbook", "allow", "lockkeeper.toml"]);
        assert_eq!(allowed.code(), 0, "{}", allowed.said());
        self
    }

    fn command(&self, args: &[&str]) -> Command {
        let host = self.server.cluster.socket_dir().display();
        let password = PASSWORD.replace(' ', "%20");
        let name = &self.database.name;
        let url = format!("postgresql:///{name}?host={host}&user=keeper&password={password}");
        let mut command = self.lk.command(args);
        command.env("SHOP", url);
        command
    }

    fn run(&self, args: &[&str]) -> Answer {
        Answer::of(self.command(args).output().expect("lockkeeper starts"))
    }

    fn plan(&self, args: &[&str]) -> Value {
        let answer = self.run(&[args, &["--plan", "--json"]].concat());
        assert_eq!(answer.code(), 0, "{}", answer.said());
        answer.document("plan")
    }

    fn confirmed(&self, args: &[&str]) -> (Value, Answer) {
        let plan = self.plan(args);
        let hash = plan["hash"].as_str().expect("a hash").to_owned();
        (plan, self.run(&[args, &["--confirm", &hash, "--json"]].concat()))
    }

    /// What the prefix was given.
    fn seen(&self) -> String {
        fs::read_to_string(self.lk.project().join("seen")).unwrap_or_default()
    }

    fn backups(&self) -> Vec<PathBuf> {
        let directory = self.lk.project().join("backups");
        if directory.exists() { files(&directory) } else { Vec::new() }
    }

    fn count(&self, table: &str) -> String {
        let query = format!("SELECT count(*) FROM {table}");
        let mut psql = Command::new("psql");
        psql.args(["-XAtc", &query]).arg(self.database.dsn());
        let output = psql.stderr(Stdio::null()).output().expect("psql starts");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

const NAMED: &str = ", \"-e\", \"PGPASSWORD\"";

#[test]
fn doctor_asks_the_prefix_for_the_programs_that_a_backup_would_run() {
    let scene = Scene::new(NAMED, "");
    let found = |scene: &Scene, id: &str| {
        let document = scene.run(&["doctor", "--json"]).document("doctor");
        let findings = document["findings"].as_array().expect("a list").clone();
        let found = findings.into_iter().find(|finding| finding["id"] == id).expect("it is there");
        (found["state"].clone(), found.to_string())
    };
    let (state, told) = found(&scene, "pg_dump");
    assert_eq!(state, "fail", "its commands were not allowed: {told}");
    assert_eq!(scene.seen(), "", "nothing of it ran");
    let scene = scene.allowed();
    for id in ["pg_dump", "pg_restore"] {
        let (state, told) = found(&scene, id);
        assert_ne!(state, "fail", "{told}");
        assert!(told.contains(&format!("elsewhere -e PGPASSWORD {id}")), "{told}");
    }
}

#[test]
fn a_backup_and_its_restore_through_a_prefix_are_counted_proven_and_swapped_in() {
    let scene = Scene::new(NAMED, "").allowed();
    let (plan, answer) = scene.confirmed(&["backup"]);
    assert_eq!(answer.code(), 0, "{}", answer.said());
    let now = plan["preview"]["now"].to_string();
    assert!(now.contains("given on by name"), "{now}");
    let touches = plan["preview"]["touches"].to_string();
    assert!(touches.contains("elsewhere -e PGPASSWORD pg_dump"), "{touches}");
    let dump =
        scene.backups().into_iter().find(|path| path.extension().is_some_and(|e| e == "dump"));
    let dump = dump.expect("a backup").display().to_string();
    let beside = scene.backups().iter().map(|path| path.display().to_string()).collect::<String>();
    assert!(!beside.contains(".partial"), "{beside}");
    let verified = scene.run(&["verify", &dump, "--json"]);
    assert_eq!(verified.code(), 0, "{}", verified.said());
    let verified = verified.document("verify");
    assert_eq!(
        (&verified["reached"], &verified["rows"]["public.users"]),
        (&"L3".into(), &3000.into())
    );

    scene.database.execute("DELETE FROM users WHERE id > 10");
    for act in ["load", "settle", "swap"] {
        let (plan, answer) = scene.confirmed(&["restore", "newest"]);
        assert_eq!(plan["action"]["act"], act);
        assert_eq!(answer.code(), 0, "{act}: {}", answer.said());
    }
    assert_eq!((scene.count("users"), scene.count("\"Odd 'one\"")), ("3000".into(), "1".into()));
    let seen = scene.seen();
    for program in ["pg_dump", "pg_dumpall", "pg_restore"] {
        assert!(seen.lines().any(|line| line == program), "{program}: {seen}");
    }
    let (journal, runs) = (format!("{:?}", scene.lk.journals()), seen.as_str());
    for text in [journal.as_str(), runs] {
        assert!(!text.contains(PASSWORD), "the password is in no argument and no record");
    }
}

/// Runs this in every database that a restore has made, behind each run of `pg_restore`.
fn behind_pg_restore(scene: &Scene, sql: &str) {
    let script = PREFIX.replace("cat | \"$@\" | cat\n", "");
    let admin = scene.server.cluster.dsn("postgres", "postgres");
    let more = format!(
        "cat | \"$@\" | cat || exit\ncase \" $* \" in *\" pg_restore \"*) ;; *) exit;; esac\n\
         unset PGPASSWORD\nmade=\"select datname from pg_database where datname like '%_restore_%'\"\n\
         for name in $(psql '{admin}' -XAtc \"$made\"); do\n    \
         psql \"$(echo '{admin}' | sed \"s|/postgres?|/$name?|\")\" -Xqc \"{sql}\" >&2\ndone\n"
    );
    fs::write(scene.lk.project().join("elsewhere"), script + &more).expect("it is written");
}

#[test]
fn what_was_loaded_and_is_not_what_the_backup_holds_is_not_swapped_in() {
    let scene = Scene::new(NAMED, "").allowed();
    assert_eq!(scene.confirmed(&["backup"]).1.code(), 0);
    behind_pg_restore(
        &scene,
        "DELETE FROM users WHERE id = 7; CREATE TABLE more (a int);
         CREATE INDEX broken ON users (id);
         UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass",
    );
    let (_, answer) = scene.confirmed(&["restore", "newest"]);
    let told = answer.out() + &answer.said();
    assert_eq!(answer.code(), 1, "{told}");
    for wrong in [
        "the new database is not what the backup holds",
        "public.users has 2999 rows, not 3000",
        "public.more is not in the backup",
        "broken is not valid",
    ] {
        assert!(told.contains(wrong), "{wrong}: {told}");
    }
    assert_eq!(scene.count("users"), "3000", "the live database is the one from before");
}

#[test]
fn a_prefix_of_a_checkout_runs_nothing_before_its_file_was_allowed() {
    let scene = Scene::new(NAMED, "");
    for args in [&["backup", "--plan"][..], &["restore", "newest", "--plan"]] {
        scene.run(args).refuses("lockkeeper runbook allow");
    }
    assert_eq!(scene.seen(), "");
}

#[test]
fn a_prefix_that_gives_no_password_on_is_named_and_leaves_no_file() {
    let scene = Scene::new("", "").allowed();
    let (plan, answer) = scene.confirmed(&["backup"]);
    let now = plan["preview"]["now"].to_string();
    assert!(now.contains("docker gives it on with -e PGPASSWORD"), "{now}");
    assert_eq!(answer.code(), 1, "{}", answer.said());
    assert!(answer.out().contains("no password supplied"), "{}", answer.out());
    assert_eq!(scene.backups(), Vec::<PathBuf>::new());
}

/// The snapshot is one of our server: what connects to another one finds none of that name.
#[test]
fn a_prefix_that_leads_to_another_server_makes_no_backup_of_it() {
    let other = private(&[]);
    let more =
        format!("host = \"{}\"\nuser = \"postgres\"\n", other.cluster.socket_dir().display());
    let scene = Scene::new(NAMED, &more).allowed();
    let twin = Command::new("psql")
        .args(["-Xqc", &format!("CREATE DATABASE \"{}\"", scene.database.name)])
        .arg(other.cluster.dsn("postgres", "postgres"))
        .status();
    assert!(twin.expect("psql starts").success());
    let (_, answer) = scene.confirmed(&["backup"]);
    assert_eq!(answer.code(), 1, "{}", answer.said());
    assert!(answer.out().contains("snapshot"), "{}", answer.out());
    assert_eq!(scene.backups(), Vec::<PathBuf>::new());
}

#[test]
fn what_the_prefix_runs_has_to_be_of_the_servers_version_and_stay_it() {
    let scene = Scene::new(NAMED, "");
    let tool = |version: &str| {
        let text = format!("#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}'\n");
        fs::write(scene.lk.project().join("elsewhere"), text).expect("it is written");
    };
    let scene = &scene;
    scene.run(&["runbook", "allow", "lockkeeper.toml"]);
    tool("9.6.24");
    scene.run(&["backup", "--plan"]).refuses("is of version 9.6.24, and refuses a server");
    tool("99.1");
    let hash = scene.plan(&["backup"])["hash"].as_str().expect("a hash").to_owned();
    tool("99.2");
    let answer = scene.run(&["backup", "--confirm", &hash]);
    assert_eq!(answer.code(), 2, "another version is another plan: {}", answer.said());
    assert_eq!(scene.backups(), Vec::<PathBuf>::new());
}

#[test]
fn a_directory_is_not_restored_by_what_sees_none_of_our_files() {
    let scene = Scene::new(NAMED, "").allowed();
    let directory = scene.lk.project().join("backups/by_hand");
    fs::create_dir(scene.lk.project().join("backups")).expect("it can be made");
    let made = Command::new(clients::find("pg_dump", 0).expect("there is one").path)
        .args(["-Fd", "-f"])
        .arg(&directory)
        .arg(scene.database.dsn())
        .status();
    assert!(made.expect("pg_dump starts").success());
    let directory = directory.display().to_string();
    scene
        .run(&["restore", &directory, "--plan"])
        .refuses("a directory is not seen by a pg_restore");
}

/// No signal reaches what docker exec runs: its session on the server is ended instead.
#[test]
fn a_backup_that_is_stopped_leaves_nobody_behind_who_waits_on_the_server() {
    let scene = Scene::new(NAMED, "").allowed();
    let mut holder = Command::new("psql");
    holder.arg("-X").arg(scene.database.dsn()).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut holder = holder.spawn().expect("psql starts");
    let mut typed = holder.stdin.take().expect("it is piped");
    std::io::Write::write_all(&mut typed, b"BEGIN; LOCK TABLE users;\n").expect("it reads");
    let dumps = "pg_stat_activity WHERE query LIKE 'LOCK TABLE%ACCESS SHARE%'";
    until("the lock", || {
        (scene.count("pg_locks WHERE mode = 'AccessExclusiveLock'") != "0").then_some(())
    });
    let plan = scene.plan(&["backup"]);
    let hash = plan["hash"].as_str().expect("a hash");
    let mut backup = scene.command(&["backup", "--confirm", hash]);
    let mut backup = backup.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    until("pg_dump to wait", || (scene.count(dumps) == "1").then_some(()));
    let pid = until("the child", || {
        let mut found = Command::new("pgrep");
        found.args(["-f", &format!("__backup.*{}", scene.lk.project().display())]);
        let mut found = found.output().ok()?.stdout;
        found.retain(|byte| !byte.is_ascii_whitespace() || *byte == b'\n');
        String::from_utf8(found).ok()?.lines().last().map(str::to_owned)
    });
    let stopped = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(stopped.expect("kill starts").success());
    until("nobody to wait any more", || (scene.count(dumps) == "0").then_some(()));
    backup.wait().expect("it ends");
    drop(typed);
    holder.wait().expect("it ends");
    assert_eq!(scene.backups(), Vec::<PathBuf>::new());
}
