//! The real Liquibase: its npm package carries the program and PostgreSQL's JDBC driver.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use lockkeeper::io::site::Site;
use tempfile::TempDir;

use super::alembic::run;
use super::drive;
use super::server::Database;

/// The version that the samples were observed with.
const PACKAGE: &str = "liquibase@4.4.0";

static HOME: OnceLock<PathBuf> = OnceLock::new();

/// Returns where the package lies, installed once below `target`.
fn home() -> &'static Path {
    HOME.get_or_init(|| {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGE);
        fs::create_dir_all(&home).expect("it can be made");
        let lock = fs::File::create(home.join("lock")).expect("the lock can be made");
        // Held until it is closed: other test processes wait here.
        lock.lock().expect("the lock can be taken");
        let done = home.join("complete");
        if !done.exists() {
            let prefix = home.display().to_string();
            let words = [
                "install",
                "--silent",
                "--no-save",
                "--ignore-scripts",
                "--prefix",
                &prefix,
                PACKAGE,
            ];
            run("npm", &words, "these tests need npm and its registry, or a mirror");
            fs::write(done, PACKAGE).expect("it can be marked");
        }
        home.join("node_modules/liquibase/dist")
    })
}

/// The class that its launcher starts.
const MAIN: &str = "liquibase.integration.commandline.LiquibaseCommandLine";

/// Returns the class path.
fn classes() -> String {
    let (own, drivers) = (home().join("liquibase"), home().join("drivers"));
    let classes = [own.join("*"), own.join("lib/*"), drivers.join("postgresql-42.2.8.jar")];
    classes.map(|path| path.display().to_string()).join(":")
}

/// A project that takes its database from `LIQUIBASE_COMMAND_URL`.
pub struct Project {
    dir: TempDir,
}

impl Project {
    /// Makes one of these files.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let project = Self { dir: tempfile::tempdir().expect("a directory") };
        for (name, text) in files {
            let path = project.path().join(name);
            fs::create_dir_all(path.parent().expect("a file")).expect("it can be made");
            fs::write(path, text).expect("it can be written");
        }
        let bin = project.path().join("bin");
        fs::create_dir(&bin).expect("it can be made");
        // This version reads that variable only with a licence.
        let script = format!(
            "#!/bin/sh\nexec java -cp '{}' {MAIN} --url=\"$LIQUIBASE_COMMAND_URL\" \"$@\"\n",
            classes()
        );
        let launcher = bin.join("liquibase");
        fs::write(&launcher, script).expect("it can be written");
        fs::set_permissions(launcher, Permissions::from_mode(0o755)).expect("it can be run");
        project
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Returns the words that stand before its program.
    pub fn prefix(&self) -> [String; 2] {
        let inherited = std::env::var("PATH").unwrap_or_default();
        let path = format!("PATH={}:{inherited}", self.path().join("bin").display());
        ["env".to_owned(), path]
    }

    /// Returns the site on `database`, whose URL is told as `url` says.
    pub fn site(&self, database: &Database, url: &str, state: &Path) -> Site {
        let mut site = drive::site(&database.dsn(), self.path(), state);
        let project = &mut site.loaded.config.project;
        project.prefix = self.prefix().to_vec();
        project.environment.insert("LIQUIBASE_COMMAND_URL".to_owned(), url.to_owned());
        site
    }
}

/// Runs it with these words on the database at `port`.
pub fn liquibase(project: &Path, port: u16, words: &[&str]) -> Output {
    let url = format!("--url=jdbc:postgresql://127.0.0.1:{port}/postgres");
    Command::new("java")
        .args(["-cp", &classes(), MAIN])
        .args([&url, "--username=postgres"])
        .args(words)
        .current_dir(project)
        .output()
        .unwrap_or_else(|error| panic!("java: {error}; these tests need a Java runtime"))
}
