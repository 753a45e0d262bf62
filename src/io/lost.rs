//! What git knows of a file that is missing: asked by `git log` alone, which writes nothing,
//! starts nothing and fetches nothing, with a time limit.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use crate::tools::Project;
use crate::tools::lost::{self, Past};

/// How long git may take.
const LIMIT: Duration = Duration::from_secs(5);
/// How much of its answer is read.
const MOST: u64 = 8 << 20;

/// What git has said, kept as long as nothing moves in the repository.
#[derive(Debug, Default)]
pub struct History {
    asked: Option<(Asked, Vec<Past>)>,
}

/// What git was asked, and how its repository stood then.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    directory: PathBuf,
    below: String,
    /// When the files were written that move with every commit, branch and fetch.
    moved: Vec<Option<SystemTime>>,
}

impl Asked {
    fn now(directory: &Path, below: &str) -> Self {
        let git = directory.ancestors().map(|above| above.join(".git")).find(|git| git.exists());
        // In a work tree of its own `.git` is a file that names the place.
        let linked = git.as_ref().and_then(|git| std::fs::read_to_string(git).ok());
        let linked = linked.as_ref().and_then(|text| text.trim().strip_prefix("gitdir: "));
        let place = linked.map(PathBuf::from).or(git).unwrap_or_default();
        let files = ["HEAD", "logs/HEAD", "packed-refs", "FETCH_HEAD", "refs/heads", "refs/tags"];
        let moved = |file| std::fs::metadata(place.join(file)).and_then(|m| m.modified()).ok();
        Self {
            directory: directory.to_owned(),
            below: below.to_owned(),
            moved: files.map(moved).to_vec(),
        }
    }
}

impl History {
    /// Says of each file that is missing by which command git would bring it back, if git knows.
    /// Git is asked once for each state of its repository: it goes through all of the history.
    pub fn hint(&mut self, directory: &Path, project: &mut Project) {
        if project.problems.iter().all(|problem| problem.missing.is_none()) {
            return;
        }
        let below = if project.directory.is_empty() { "." } else { &project.directory };
        let asked = Asked::now(directory, below);
        if self.asked.as_ref().is_none_or(|(before, _)| *before != asked) {
            // No answer is not an answer of "nothing": git is asked again.
            self.asked = log(directory, below).map(|said| (asked, lost::read(&said)));
        }
        let Some((_, history)) = &self.asked else { return };
        for problem in &mut project.problems {
            let command = problem.missing.as_deref().and_then(|id| lost::command(id, history));
            if let Some(command) = command {
                problem.detail =
                    format!("{}; git has it: `{command}` brings it back", problem.detail);
            }
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
