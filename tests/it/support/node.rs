//! The real migration tools of Node, and projects for them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use lockkeeper::io::site::Site;
use tempfile::TempDir;

use super::drive;
use super::server::Database;

/// The versions that the samples were taken from.
const PACKAGES: [&str; 7] = [
    "umzug@3.8.3",
    "sequelize@6.37.8",
    "sequelize-cli@6.6.5",
    "tsx@4.23.15",
    "knex@3.3.0",
    "node-pg-migrate@9.0.0",
    "pg@8",
];

static MODULES: OnceLock<PathBuf> = OnceLock::new();

/// Returns `node_modules` with all of them, installed once below `target`.
pub fn modules() -> &'static Path {
    MODULES.get_or_init(provision)
}

fn provision() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("node-tools-1");
    let lock = fs::File::create(home.with_extension("lock")).expect("the lock can be made");
    // Held until it is closed: other test processes wait here.
    lock.lock().expect("the lock can be taken");
    let done = home.join("complete");
    if !done.exists() {
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(&home).expect("it can be made");
        fs::write(home.join("package.json"), "{\"private\": true}").expect("it can be written");
        let words = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
        let output = Command::new("npm").args(words).args(PACKAGES).current_dir(&home).output();
        let output = output.unwrap_or_else(|error| panic!("npm: {error}; install Node 20 and npm"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "npm failed; these tests need its registry\n{said}");
        fs::write(done, PACKAGES.join("\n")).expect("it can be marked");
    }
    home.join("node_modules")
}

/// A project below a temporary directory, with the tools installed in it.
pub struct Project {
    pub dir: TempDir,
}

impl Project {
    /// Returns a copy of a sample project, led to its database by `DATABASE_URL`.
    pub fn sample(name: &str) -> Self {
        let project = Self { dir: tempfile::tempdir().expect("a directory") };
        super::alembic::copy(&samples(name), project.path());
        symlink(modules(), project.path().join("node_modules")).expect("it can be linked");
        project
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("it can be written");
    }

    pub fn site(&self, database: &Database, url: &str, state: &Path) -> Site {
        let mut site = drive::site(&database.dsn(), self.path(), state);
        let environment = &mut site.loaded.config.project.environment;
        environment.insert("DATABASE_URL".to_owned(), url.to_owned());
        site
    }
}

/// Returns a sample project as it lies in the repository.
pub fn samples(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tools/samples").join(name)
}
