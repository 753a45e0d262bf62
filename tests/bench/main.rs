//! What watching costs, on a real server under a migration that blocks everybody: the
//! figures beside the goals. Speed is reported here, never asserted.
//!
//! `cargo bench` takes 900 sessions; `cargo bench -- --quick` 150, as a smoke test;
//! one of the words `ddl`, `rows`, `exclusive` only that scene, `decode` only the proof of an
//! archive of 1 GB of data (100 MB with `--quick`) beside `pg_restore`, `restore` only what
//! clients see of a restore, `lint` what judging SQL and reading revisions costs and `runbook`
//! what opening a runbook does, both without a server; `--hold` sets each scene
//! and measures nothing until standard input ends, for a profiler.

mod console;
mod decode;
mod keys;
mod lint;
mod load;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../it/support/pty.rs"]
mod pty;
mod refresh;
mod report;
mod restore;
mod revisions;
mod runbook;
mod scene;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../it/support/server.rs"]
mod server;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../it/support/until.rs"]
mod until;

use report::Report;
use scene::{Kind, Scene, Size};

/// How often each thing is done.
#[derive(Clone, Copy)]
struct Effort {
    size: Size,
    refreshes: u32,
    starts: u32,
    watched_s: u64,
    keys: u32,
    /// Of the archive that is decoded.
    megabytes: u32,
}

const FULL: Effort = Effort {
    size: Size { sessions: 900 },
    refreshes: 40,
    starts: 7,
    watched_s: 10,
    keys: 400,
    megabytes: 1000,
};
const QUICK: Effort = Effort {
    size: Size { sessions: 150 },
    refreshes: 10,
    starts: 2,
    watched_s: 3,
    keys: 120,
    megabytes: 100,
};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    lint::measure();
    revisions::measure();
    if has("lint") {
        return;
    }
    runbook::measure();
    if has("runbook") {
        return;
    }
    let effort = if has("--quick") { QUICK } else { FULL };
    let named = Kind::ALL.into_iter().find(|kind| has(kind.word()));
    let kinds = Kind::ALL.into_iter().filter(|kind| named.is_none_or(|named| named == *kind));
    // Nobody's deadlock detector spoils the figures; every wait is left alone.
    let settings = [("max_connections", "1100"), ("deadlock_timeout", "1h")];
    let server = server::private(&settings);
    if has("decode") {
        return decode::measure(&server, effort.megabytes);
    }
    if has("restore") {
        return restore::measure(&server, if has("--quick") { 100_000 } else { 2_000_000 });
    }
    let mut report = Report::new(effort.size.sessions);
    for kind in kinds {
        let scene = Scene::set(&server, kind, effort.size);
        report.begin(kind, scene.waiting);
        if has("--hold") {
            hold(&scene);
        }
        refresh::measure(&scene, effort, &mut report);
        console::measure(&scene, effort, &mut report);
        keys::measure(&scene, effort, &mut report);
    }
    report.print();
    if named.is_none() {
        decode::measure(&server, effort.megabytes);
    }
}

fn hold(scene: &Scene) {
    eprintln!("{}", scene.database.dsn());
    // Whatever ends the wait ends it.
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}
