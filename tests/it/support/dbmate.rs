//! The real dbmate, and projects for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use lockkeeper::io::site::Site;
use tempfile::TempDir;

use super::alembic::run;
use super::drive;
use super::server::Database;

/// The version that the golden samples were taken from.
const PACKAGE: &str = "dbmate@2.36.0";

static BIN: OnceLock<PathBuf> = OnceLock::new();

/// Returns the directory with `dbmate`, made once below `target`.
fn bin() -> &'static Path {
    BIN.get_or_init(|| {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGE);
        fs::create_dir_all(&home).expect("it can be made");
        let lock = fs::File::create(home.join("lock")).expect("the lock can be made");
        // Held until it is closed: other test processes wait here.
        lock.lock().expect("the lock can be taken");
        let done = home.join("complete");
        if !done.exists() {
            let prefix = home.display().to_string();
            let words = ["install", "--silent", "--no-save", "--prefix", &prefix, PACKAGE];
            run("npm", &words, "these tests need npm and its registry, or a mirror");
            fs::write(done, PACKAGE).expect("it can be marked");
        }
        home.join("node_modules/.bin")
    })
}

/// A project below a temporary directory.
pub struct Project {
    dir: TempDir,
}

impl Project {
    /// Returns a project without migrations.
    pub fn empty() -> Self {
        let project = Self { dir: tempfile::tempdir().expect("a directory") };
        fs::create_dir_all(project.migrations()).expect("it can be made");
        project
    }

    pub fn migrations(&self) -> PathBuf {
        self.dir.path().join("db/migrations")
    }

    /// Adds a migration of the sample project.
    pub fn add(&self, name: &str) {
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tools/samples/dbmate");
        let from = samples.join("db/migrations").join(name);
        fs::copy(from, self.migrations().join(name)).expect("it can be copied");
    }

    /// Returns the site on `database`.
    pub fn site(&self, database: &Database, state: &Path) -> Site {
        let mut site = drive::site(&database.dsn(), self.dir.path(), state);
        let project = &mut site.loaded.config.project;
        // Its launcher is run by node.
        let inherited = std::env::var("PATH").unwrap_or_default();
        project.prefix = vec!["env".to_owned(), format!("PATH={}:{inherited}", bin().display())];
        project.environment.insert("DATABASE_URL".to_owned(), "${target.url}".to_owned());
        site
    }
}
