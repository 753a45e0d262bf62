//! The real Liquibase: its npm package carries the program and PostgreSQL's JDBC driver.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use super::alembic::run;

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

/// Runs it with these words on the database at `port`.
pub fn liquibase(project: &Path, port: u16, words: &[&str]) -> Output {
    let (own, drivers) = (home().join("liquibase"), home().join("drivers"));
    let classes = [own.join("*"), own.join("lib/*"), drivers.join("postgresql-42.2.8.jar")];
    let classes = classes.map(|path| path.display().to_string()).join(":");
    let url = format!("--url=jdbc:postgresql://127.0.0.1:{port}/postgres");
    Command::new("java")
        .args(["-cp", &classes, "liquibase.integration.commandline.LiquibaseCommandLine"])
        .args([&url, "--username=postgres"])
        .args(words)
        .current_dir(project)
        .output()
        .unwrap_or_else(|error| panic!("java: {error}; these tests need a Java runtime"))
}
