//! The real Alembic, and projects for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use lockkeeper::io::site::Site;
use tempfile::TempDir;

use super::drive;
use super::server::Database;

/// The versions that the golden samples were taken from.
const PACKAGES: [&str; 3] = ["alembic==1.20.1", "sqlalchemy==2.1.9", "psycopg2-binary==2.9.13"];

/// The same with the driver that knows nothing of libpq's environment.
const ASYNC: [&str; 4] =
    ["alembic==1.20.1", "sqlalchemy==2.1.9", "asyncpg==0.32.0", "greenlet==3.5.6"];

static BIN: OnceLock<PathBuf> = OnceLock::new();
static ASYNC_BIN: OnceLock<PathBuf> = OnceLock::new();

/// Returns the directory with `alembic` and its `python`, made once below `target`.
pub fn bin() -> &'static Path {
    BIN.get_or_init(|| venv("alembic-1.20.1", &PACKAGES))
}

/// Returns the same of an installation whose driver is asyncpg.
pub fn async_bin() -> &'static Path {
    ASYNC_BIN.get_or_init(|| venv("alembic-1.20.1-asyncpg", &ASYNC))
}

/// Returns the programs of a virtual environment with these packages, made once below `target`.
pub fn venv(name: &str, packages: &[&str]) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let lock = fs::File::create(home.with_extension("lock")).expect("the lock can be made");
    // Held until it is closed: other test processes wait here.
    lock.lock().expect("the lock can be taken");
    let done = home.join("complete");
    // Its programs name their place: one that was moved has none that runs.
    let mark = format!("{}\n{}", home.display(), packages.join("\n"));
    if fs::read_to_string(&done).ok().as_deref() != Some(mark.as_str()) {
        let _ = fs::remove_dir_all(&home);
        let venv = home.display().to_string();
        run("python3", &["-m", "venv", &venv], "install python3 and python3-venv");
        let pip = home.join("bin/pip").display().to_string();
        let words = ["install", "--quiet", "--disable-pip-version-check"];
        let why = "these tests need the package index, or a pip that is configured for a mirror";
        run(&pip, &[&words[..], packages].concat(), why);
        fs::write(done, mark).expect("it can be marked");
    }
    home.join("bin")
}

pub fn run(program: &str, words: &[&str], advice: &str) {
    let output = Command::new(program).args(words).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; {advice}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {words:?} failed; {advice}\n{said}");
}

/// A project below a temporary directory.
pub struct Project {
    pub dir: TempDir,
}

/// Revisions without anything else: id, what it follows, and the bodies of its two ways.
pub type Revision<'a> = (&'a str, &'a str, &'a str, &'a str);

impl Project {
    /// Returns a copy of the sample project.
    pub fn sample() -> Self {
        let project = Self { dir: tempfile::tempdir().expect("a directory") };
        copy(&samples(), project.path());
        project
    }

    /// Returns a project of these revisions, run by the sample's `env.py`.
    pub fn of(revisions: &[Revision]) -> Self {
        let project = Self::sample();
        let versions = project.path().join("migrations/versions");
        fs::remove_dir_all(&versions).expect("it can be removed");
        fs::create_dir(&versions).expect("it can be made");
        for (id, down, up, back) in revisions {
            project.write(&format!("migrations/versions/{id}.py"), &revision(id, down, up, back));
        }
        project
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("it can be written");
    }

    /// Returns the site on `database`, whose `DATABASE_URL` leads to `url` (`${target.url+…}`).
    pub fn site(&self, database: &Database, url: &str, state: &Path) -> Site {
        self.site_run_by(bin(), database, url, state)
    }

    /// Returns the same, run by the programs in `bin`.
    pub fn site_run_by(&self, bin: &Path, database: &Database, url: &str, state: &Path) -> Site {
        let mut site = drive::site(&database.dsn(), self.path(), state);
        let project = &mut site.loaded.config.project;
        let path = format!("PATH={}:/usr/bin:/bin", bin.display());
        project.prefix = vec!["env".to_owned(), path];
        project.environment.insert("DATABASE_URL".to_owned(), url.to_owned());
        site
    }

    /// Runs the real program by hand on `database`; returns its exit code and its words.
    pub fn alembic(&self, database: &Database, words: &[&str]) -> (i32, String) {
        let url = database.dsn().replacen("postgresql:", "postgresql+psycopg2:", 1);
        let output = Command::new(bin().join("alembic"))
            .args(words)
            .current_dir(self.path())
            .env("DATABASE_URL", url)
            .output()
            .expect("alembic starts");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
    }
}

/// Returns the sample project as it lies in the repository.
pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tools/samples/alembic")
}

/// Returns the text of a revision.
pub fn revision(id: &str, down: &str, up: &str, back: &str) -> String {
    let body = |text: &str| {
        let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
        lines.join("\n")
    };
    format!(
        "\"\"\"{id}\"\"\"\nimport sqlalchemy as sa\nfrom alembic import op\n\nrevision: str = \"{id}\"\n\
         down_revision = {down}\n\n\ndef upgrade() -> None:\n{}\n\n\ndef downgrade() -> None:\n{}\n",
        body(up),
        body(back)
    )
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("it can be made");
    for entry in fs::read_dir(from).expect("it can be listed") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("it can be copied");
        }
    }
}
