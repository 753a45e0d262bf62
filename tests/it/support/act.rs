//! Plans whose program is an oracle: it says itself how often it ran.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Program, Stdio};
use std::time::{Duration, Instant};

use lockkeeper::domain::identity::{Class, Identity};
use lockkeeper::domain::plan::{Action, Answer, Command, Confirmed, Plan, Preview, Risk, Timeouts};

use super::until::LONG;

pub const SYSTEM: &str = "7412345678901234567";

pub fn identity() -> Identity {
    Identity {
        system_identifier: SYSTEM.into(),
        database: "shop".into(),
        database_oid: 16_384,
        host: "/tmp".into(),
        port: 5432,
        role: "postgres".into(),
        primary: true,
        version_num: 150_020,
        version: "15.20".into(),
    }
}

/// Returns a plan that runs `script` by sh in `cwd`.
pub fn plan(script: &str, cwd: &Path) -> Plan {
    Plan {
        action: Action::Command,
        target: identity(),
        class: Class::Scratch,
        command: Some(Command {
            argv: ["sh", "-c", script].map(Into::into).into(),
            env: Vec::new(),
            cwd: cwd.to_string_lossy().into_owned(),
        }),
        files: Vec::new(),
        revision_before: Vec::new(),
        timeouts: Timeouts::default(),
        attempts: 1,
        risk: Risk::Safe,
        approvals: 0,
        preview: Preview::default(),
    }
}

pub fn confirmed(plan: Plan) -> Confirmed {
    let answer = Answer::Script(plan.hash());
    plan.confirm(&answer).expect("a script that gives the hash confirms")
}

/// Waits until `look` returns something.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < LONG, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Returns every file below `dir`.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("the directory can be read");
    let paths = entries.map(|entry| entry.expect("its entries can be read").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Writes a program. By another process: while a file of ours is open for writing, whoever is
/// forked beside us has it open too, and it could not be run.
pub fn script(path: &Path, text: &str) {
    let write = "printf '%s' \"$1\" > \"$0\" && chmod 755 \"$0\"";
    let status = Program::new("sh").args(["-c", write]).arg(path).arg(text).status();
    assert!(status.expect("sh is there").success(), "it is written");
}

/// Kills the process of every job below `runs` and its program, as a crash of the machine would.
pub fn kill_jobs(runs: &Path) {
    let mut all = files(runs);
    // A job's own process first: it would write down how its program ended.
    all.sort_by_key(|file| file.file_name().is_none_or(|name| name != "claim"));
    for file in all {
        let pid = match file.file_name().and_then(|name| name.to_str()) {
            Some("claim") => "/process/pid",
            Some("program") => "/pid",
            _ => continue,
        };
        let text = fs::read(&file).expect("it reads");
        let text: serde_json::Value = serde_json::from_slice(&text).expect("it is JSON");
        let pid = text.pointer(pid).expect("a pid").to_string();
        // One that has ended needs nothing.
        let _ = Program::new("kill").args(["-9", &pid]).stderr(Stdio::null()).status();
    }
}
