//! What git knows of a file that is missing: asked by `git log` alone, which writes nothing,
//! starts nothing and fetches nothing, with a time limit.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::tools::{Project, lost};

/// How long git may take.
const LIMIT: Duration = Duration::from_secs(2);
/// How much of its answer is read.
const MOST: u64 = 8 << 20;

/// Says of each file that is missing by which command git would bring it back, if git knows.
pub fn hint(directory: &Path, project: &mut Project) {
    if project.problems.iter().all(|problem| problem.missing.is_none()) {
        return;
    }
    let below = if project.directory.is_empty() { "." } else { &project.directory };
    let Some(said) = log(directory, below) else { return };
    let history = lost::read(&said);
    for problem in &mut project.problems {
        let command = problem.missing.as_deref().and_then(|id| lost::command(id, &history));
        if let Some(command) = command {
            problem.detail = format!("{}; git has it: `{command}` brings it back", problem.detail);
        }
    }
}

/// Returns which files below a place came and went, on all branches, the latest first.
fn log(directory: &Path, below: &str) -> Option<String> {
    // What a repository's configuration could start by this: a signature's check, a diff of
    // its own, a monitor of the files, a fetch of what was left out.
    let settings = ["core.quotePath=false", "core.fsmonitor=false", "log.showSignature=false"];
    let mut git = Command::new("git");
    git.arg("--no-pager").arg("-C").arg(directory);
    git.args(settings.iter().flat_map(|setting| ["-c", setting]));
    git.args(["-c", "protocol.allow=never", "log", "--all", "--no-renames", "--no-ext-diff"]);
    git.args(["--no-textconv", "--no-mailmap", "--diff-filter=AD", "--name-status", "--relative"]);
    git.args(["--format=@%H", "--", below]);
    git.env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_TERMINAL_PROMPT", "0");
    let git = git.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = git.spawn().ok()?;
    let mut out = child.stdout.take()?.take(MOST);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = Vec::new();
        let read = out.read_to_end(&mut text);
        // Nobody listens any more where the time is over.
        let _ = sender.send(read.map(|_| String::from_utf8_lossy(&text).into_owned()));
    });
    let said = receiver.recv_timeout(LIMIT);
    // Ended by itself, or too slow: an answer that is cut off is none.
    let _ = child.kill();
    let _ = child.wait();
    said.ok()?.ok()
}
