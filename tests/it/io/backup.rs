//! The program of a backup's act, killed, hindered and deceived.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use lockkeeper::domain::backup::manifest;
use lockkeeper::io::backup::{Left, left, look};
use lockkeeper::io::cluster::clients::{self, Unfit};
use tempfile::TempDir;

use crate::support::act::{files, script, until};
use crate::support::server::{Database, LOCKKEEPER, database};

/// A database with rows, and a directory for its backups.
struct Scene {
    database: Database,
    dir: TempDir,
    system: String,
    oid: String,
}

impl Scene {
    fn new(name: &str) -> Self {
        let database = database(name);
        database.execute(
            "CREATE TABLE users (id int PRIMARY KEY, name text);
             INSERT INTO users SELECT n, md5(n::text) FROM generate_series(1, 20000) n",
        );
        let (system, oid) = who(&database);
        Self { database, dir: tempfile::tempdir().expect("a directory"), system, oid }
    }

    fn backups(&self) -> PathBuf {
        self.dir.path().join("backups")
    }

    fn command(&self) -> Command {
        let pg_dump = clients::find("pg_dump", 0).expect("there is a pg_dump").path;
        let mut command = Command::new(LOCKKEEPER);
        command.args(["__backup", "--scope", "full", "--lock-ms", "5000", "--count-ms", "60000"]);
        command.args(["--system", &self.system, "--oid", &self.oid]);
        command.arg("--directory").arg(self.backups()).arg("--pg-dump").arg(pg_dump);
        command.env_remove("DATABASE_URL").env("PGHOST", &self.database.socket_dir);
        command.env("PGPORT", "5432").env("PGUSER", &self.database.superuser);
        command.env("PGDATABASE", &self.database.name).current_dir(self.dir.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self) -> Output {
        self.command().output().expect("lockkeeper starts")
    }

    fn names(&self) -> Vec<String> {
        let name =
            |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
        files(&self.backups()).iter().map(name).collect()
    }

    /// Starts it and returns it with its file's name once it stands at `point`.
    fn paused_at(&self, point: &str) -> (std::process::Child, String) {
        let out = self.dir.path().join("out");
        let file = fs::File::create(&out).expect("it can be made");
        let mut command = self.command();
        command.stdout(file).env("LOCKKEEPER_FAILPOINT", format!("{point}:pause"));
        let child = command.spawn().expect("lockkeeper starts");
        let stat = format!("/proc/{}/stat", child.id());
        until("it to stand still", || {
            let text = fs::read_to_string(&stat).expect("it lives");
            text.rsplit_once(')').filter(|(_, rest)| rest.trim_start().starts_with('T')).map(drop)
        });
        let name = lockkeeper::io::backup::named_in(&out).expect("it reads").expect("it is named");
        (child, name)
    }
}

fn who(database: &Database) -> (String, String) {
    let work = async {
        let sql = "SELECT s.system_identifier::text, d.oid::text FROM pg_control_system() s \
                   JOIN pg_database d ON d.datname = current_database()";
        sqlx::query_as(sql).fetch_one(&mut database.connect().await).await.expect("it answers")
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(work)
}

fn go_on(child: std::process::Child) -> Output {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-CONT", &pid]).status().expect("kill starts").success());
    child.wait_with_output().expect("it ends")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn killed_at_any_moment_it_leaves_no_file_that_looks_whole_without_a_manifest() {
    let scene = Scene::new("backup_killed");
    let expected = [
        ("backup.named", Left::Nothing),
        ("backup.created", Left::Partial),
        ("backup.dumped", Left::Partial),
        ("backup.after_manifest", Left::Partial),
        ("backup.after_rename", Left::Whole),
    ];
    for (point, what) in expected {
        let out = scene.dir.path().join("out");
        let mut command = scene.command();
        command.stdout(fs::File::create(&out).expect("it can be made"));
        let output = command.env("LOCKKEEPER_FAILPOINT", point).output().expect("it starts");
        assert_eq!(output.status.code(), None, "{point}: it was killed");
        let name = lockkeeper::io::backup::named_in(&out).expect("it reads").expect("it is named");
        assert_eq!(left(&scene.backups(), &name).expect("it reads"), what, "{point}");
        let names = scene.names();
        for dump in names.iter().filter(|name| name.strip_suffix(".dump").is_some()) {
            assert!(names.contains(&manifest::name_for(dump)), "{point}: {names:?}");
        }
        assert_eq!(look(&scene.backups()).stale.len(), usize::from(what == Left::Partial));
    }
    assert!(scene.run().status.success());
    let names = scene.names();
    assert_eq!(names.len(), 4, "two whole ones, and nothing of the others: {names:?}");
}

#[test]
fn a_link_in_the_place_of_the_file_is_not_followed() {
    let scene = Scene::new("backup_link");
    let victim = scene.dir.path().join("victim");
    fs::write(&victim, "precious").expect("it is written");
    let (child, name) = scene.paused_at("backup.named");
    symlink(&victim, scene.backups().join(format!("{name}.partial"))).expect("a link");
    let output = go_on(child);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));

    // The same for the final name, put there while it was written.
    let (child, name) = scene.paused_at("backup.dumped");
    symlink(&victim, scene.backups().join(&name)).expect("a link");
    let output = go_on(child);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(fs::read_to_string(&victim).expect("it reads"), "precious");
    let names = scene.names();
    assert!(!names.contains(&manifest::name_for(&name)), "{names:?}");
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    let scene = Scene::new("backup_open");
    fs::create_dir(scene.backups()).expect("it can be made");
    fs::set_permissions(scene.backups(), fs::Permissions::from_mode(0o777)).expect("opened");
    assert!(look(&scene.backups()).unfit.is_some_and(|why| why.contains("chmod go-w")));
    let output = scene.run();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(scene.names().is_empty());
}

#[test]
fn another_database_than_the_one_confirmed_is_refused() {
    let mut scene = Scene::new("backup_other");
    scene.oid = "1".to_owned();
    let output = scene.run();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("not the database that was confirmed"));
    assert!(!scene.backups().exists());
}

/// A file that may not grow is what a full disk is to `pg_dump`.
#[test]
fn a_disk_that_fills_up_leaves_nothing_behind() {
    let scene = Scene::new("backup_full");
    let inner = scene.command();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""]);
    command.arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.current_dir(scene.dir.path()).output().expect("sh starts");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("File too large"), "{}", said(&output));
    assert_eq!(scene.names(), [""; 0]);

    for fault in ["backup.sync:28", "backup.named:28"] {
        let mut command = scene.command();
        let output = command.env("LOCKKEEPER_FAULT", fault).output().expect("it starts");
        assert_eq!(output.status.code(), Some(1), "{fault}: {}", said(&output));
        assert!(said(&output).contains("No space left"), "{}", said(&output));
        assert_eq!(scene.names(), [""; 0], "{fault}");
    }
}

/// Runs `pg_dump`, and changes what it wrote, `from_end` bytes before its end.
fn careless(scene: &Scene, from_end: usize) -> PathBuf {
    instead(
        scene,
        "",
        &format!(
            "exec 3>&1\n\
         size=$(stat -Lc %s /dev/fd/3)\n\
         printf XX | dd of=/dev/fd/3 bs=1 conv=notrunc status=none seek=$((size - {from_end}))\n"
        ),
    )
}

/// A `pg_dump` with more words, and with something done behind it.
fn instead(scene: &Scene, words: &str, then: &str) -> PathBuf {
    let real = clients::find("pg_dump", 0).expect("there is a pg_dump").path;
    let path = scene.dir.path().join("pg_dump");
    let text = format!(
        "#!/bin/sh\ncase \"$1\" in --version) exec {real} --version;; esac\n\
         {real} \"$@\" {words} || exit\n{then}",
        real = real.display()
    );
    script(&path, &text);
    path
}

/// Runs it with another `pg_dump`, up to that level of proof.
fn run_with(scene: &Scene, pg_dump: &Path, level: &str) -> Output {
    let command = scene.command();
    let args: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let at = args.iter().position(|word| word == "--pg-dump").expect("it is given");
    let mut child = Command::new(LOCKKEEPER);
    child.args(&args[..=at]).arg(pg_dump).args(&args[at + 2..]).args(["--level", level]);
    child.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    child.env_remove("DATABASE_URL").current_dir(scene.dir.path()).stdin(Stdio::null());
    child.output().expect("lockkeeper starts")
}

#[test]
fn what_has_fewer_rows_than_were_counted_beside_pg_dump_is_no_backup() {
    let scene = Scene::new("backup_fewer");
    let pg_dump = instead(&scene, "--exclude-table-data=users", "");
    let output = run_with(&scene, &pg_dump, "L3");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("its rows are not those"), "{}", said(&output));
    assert_eq!(scene.names(), [""; 0], "nothing that looks like a backup stays");
}

#[test]
fn what_does_not_decode_is_no_backup_though_pg_dump_ended_well() {
    let scene = Scene::new("backup_flipped");
    let pg_dump = careless(&scene, 5000);
    let run = |level: &str| run_with(&scene, &pg_dump, level);
    let output = run("L3");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("public.users does not decode"), "{}", said(&output));
    assert_eq!(scene.names(), [""; 0], "nothing that looks like a backup stays");
    let output = run("L2");
    assert_eq!(output.status.code(), Some(0), "its structure is whole: {}", said(&output));
}

#[test]
fn a_new_backup_is_read_back_and_its_proof_is_in_the_manifest() {
    let scene = Scene::new("backup_proven");
    let output = scene.run();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(out.contains("it is read back and proven to L3"), "{out}");
    assert!(out.contains("decoding 1 of 1 tables"), "{out}");
    let file = files(&scene.backups())
        .into_iter()
        .find(|path| path.to_string_lossy().ends_with(manifest::SUFFIX));
    let text = fs::read_to_string(file.expect("it has a manifest")).expect("it is there");
    let manifest = manifest::Manifest::read(&text).expect("it reads");
    let last = manifest.verified.last().expect("it has evidence");
    assert_eq!((last.level.to_string().as_str(), last.ok), ("L3", true));
    assert!(last.what.contains("20000 rows of 1 table"), "{}", last.what);
}

#[test]
fn asked_to_end_it_takes_its_file_with_it() {
    let scene = Scene::new("backup_ended");
    let (child, _) = scene.paused_at("backup.created");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill starts").success());
    let output = go_on(child);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("it was stopped"), "{}", said(&output));
    assert_eq!(scene.names(), [""; 0]);
}

fn fake(directory: &Path, version: &str) -> PathBuf {
    let place = directory.join(version);
    fs::create_dir(&place).expect("it can be made");
    let path = place.join("pg_dump");
    let text = format!("#!/bin/sh\necho 'pg_dump (PostgreSQL) {version} (Debian {version}-1)'\n");
    script(&path, &text);
    place
}

#[test]
fn the_client_of_the_servers_major_is_preferred_then_the_nearest_later_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let all: Vec<PathBuf> = ["14.9", "17.5", "18beta1", "15.3", "15.14"]
        .map(|version| fake(dir.path(), version))
        .into();
    let find = |major| clients::find_in("pg_dump", major, all.clone());
    let fit = find(15).expect("there is one");
    assert_eq!((fit.version.as_str(), fit.warning()), ("15.14", None));
    let later = find(16).expect("a later one works");
    assert!(later.version == "17.5" && later.warning().is_some_and(|why| why.contains("CVE")));
    assert_eq!(find(18).expect("there is one").major, 18);
    assert!(matches!(find(19), Err(Unfit::TooOld { server: 19, .. })));
    assert!(matches!(clients::find_in("pg_dump", 15, vec![]), Err(Unfit::Missing { .. })));
}
