//! The console in a real terminal over a real PostgreSQL: keys in, screens out, and then
//! what the world looks like.

mod faults;
mod hand;
mod leave;
mod proof;
mod rehearsal;
mod story;
mod terminals;
mod underneath;
mod walk;

use std::fs;
use std::path::Path;

use sqlx::migrate::Migrator;
use tempfile::{TempDir, tempdir};

use crate::support::act::until;
use crate::support::pty::{Pty, lockkeeper};
use crate::support::server::{self, Database};

/// The marks of a dialog that takes its key now.
const ARMED: &str = "● y runs it";
/// The same of any dialog: the header has such a mark too.
const TAKES_KEYS: &str = "│ ● ";

/// Way up and way down of each migration, numbered from 1.
type Migrations<'a> = &'a [(&'a str, &'a str)];

const NOTES: Migrations<'static> =
    &[("CREATE TABLE notes (id int PRIMARY KEY);", "DROP TABLE notes;")];

/// A person before a console of their own.
struct Operator {
    pty: Pty,
    state: TempDir,
    project: TempDir,
}

/// Returns a sqlx project of `migrations`.
fn project(migrations: Migrations<'_>) -> TempDir {
    let project = tempdir().expect("a temporary directory can be made");
    let directory = project.path().join("migrations");
    fs::create_dir(&directory).expect("it can be made");
    for (at, (up, down)) in (1..).zip(migrations) {
        for (way, sql) in [("up", up), ("down", down)] {
            let file = directory.join(format!("{at}_step.{way}.sql"));
            fs::write(file, sql).expect("it can be written");
        }
    }
    project
}

/// Applies the migrations behind the console's back, up to `version`.
async fn apply(database: &Database, project: &Path, version: i64) {
    let migrator = Migrator::new(project.join("migrations")).await.expect("sqlx reads the project");
    let mut connection = database.connect().await;
    migrator.run_to(version, &mut connection).await.expect("they apply");
}

impl Operator {
    /// Opens the console on `database`, 80×24, with a project of `migrations`.
    fn on(database: &Database, migrations: Migrations<'_>) -> Self {
        Self::with(&database.dsn(), project(migrations), &[])
    }

    fn with(dsn: &str, project: TempDir, environment: &[(&str, &str)]) -> Self {
        let state = tempdir().expect("a temporary directory can be made");
        let directory = project.path().to_string_lossy().into_owned();
        let mut command = lockkeeper(&["--dsn", dsn, "--project", &directory]);
        command.env("XDG_STATE_HOME", state.path());
        for (name, value) in environment {
            command.env(name, value);
        }
        Self { pty: Pty::spawn(command, 80, 24), state, project }
    }

    /// Waits until the server answered and the migrations are read.
    fn ready(&mut self) -> String {
        self.pty.wait_until("a first migration on a calm server", |screen| {
            let screen = screen.contents();
            screen.contains("▶ 1 step") && screen.contains("✓ OK")
        })
    }

    /// Presses `key` and waits for `text`.
    fn press(&mut self, key: &str, text: &str) -> String {
        self.pty.send(key);
        self.pty.wait_for(text)
    }

    /// Asks by `key` for the plan called `title`, and waits until its dialog takes a key.
    /// Returns all that was seen of it.
    fn plan(&mut self, key: &str, title: &str) -> String {
        self.press(key, title) + &self.armed(TAKES_KEYS)
    }

    /// Waits until the dialog takes a key, marked so; what does not fit on the screen is read to
    /// its end before. Returns the screen.
    fn armed(&mut self, mark: &str) -> String {
        until("an armed dialog", || {
            let screen = self.pty.screen().contents();
            if screen.contains("shows the rest") {
                self.pty.send("\u{1b}[B");
            }
            screen.contains(mark).then_some(screen)
        })
    }

    /// Takes back what was typed, and waits until the dialog takes a first letter again.
    fn clear(&mut self) {
        self.pty.send("\u{15}");
        self.pty.wait_until("an armed and empty dialog", |screen| {
            let screen = screen.contents();
            screen.contains("● Type") && screen.contains("to run it: ▏")
        });
    }

    /// Returns the text of every journal.
    fn journals(&self) -> String {
        journals(self.state.path())
    }
}

fn journals(state: &Path) -> String {
    let runs = fs::read_dir(state.join("lockkeeper/runs")).into_iter().flatten().flatten();
    let files = runs.map(|run| run.path().join("journal.jsonl"));
    files.filter_map(|file| fs::read_to_string(file).ok()).collect()
}

/// Returns how many rows `sql` counts in `database`.
async fn count(database: &Database, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&mut database.connect().await).await.expect("it answers")
}

const TABLES: &str = "SELECT count(*) FROM pg_class WHERE relname = 'notes'";

/// Asserts that the program left the terminal as it was.
fn restored(pty: &mut Pty) {
    let screen = pty.screen();
    assert!(!screen.alternate_screen(), "the alternate screen was not left");
    assert!(!screen.bracketed_paste() && !screen.hide_cursor());
}

/// Returns a fresh database on a calm server.
fn database(name: &str) -> Database {
    server::calm(name)
}
