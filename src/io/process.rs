//! Which process: a pid alone is reused, so a process is named by pid, start
//! time and boot.

use std::fs;
use std::io;
use std::process::Command;

use rustix::process::Pid;
use serde::{Deserialize, Serialize};

/// One process for good: no other one, before or after, has the same three values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The process id.
    pub pid: u32,
    /// When it started, as the system words it (clock ticks since boot on Linux).
    pub started: String,
    /// The boot during which it lives.
    pub boot: String,
}

impl Identity {
    /// Returns the identity of this very process.
    #[must_use]
    pub fn own() -> Self {
        let pid = std::process::id();
        Self { pid, started: started(pid).unwrap_or_default(), boot: boot() }
    }

    /// Returns the identity of the process that has `pid` now, if one lives.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        Some(Self { pid, started: started(pid)?, boot: boot() })
    }

    /// Returns whether this very process still lives; a zombie does not.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }
}

/// Blocks until whoever holds the other end of standard input closes it: however a
/// process ends, the kernel closes its ends of pipes.
pub fn wait_for_stdin_end() {
    // An error ends the wait as well: nothing more can come.
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
}

/// Returns the pid in the form that system calls take.
#[must_use]
pub fn pid(raw: u32) -> Option<Pid> {
    i32::try_from(raw).ok().and_then(Pid::from_raw)
}

/// Returns field 22 of `/proc/PID/stat` (proc(5)), or what ps prints where there is no `/proc`.
fn started(pid: u32) -> Option<String> {
    if !cfg!(target_os = "linux") {
        return asked("ps", &["-o", "state=,lstart=", "-p", &pid.to_string()])
            .filter(|line| !line.starts_with('Z'));
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the command in parentheses and may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let started = fields.nth(18)?;
    (!matches!(state, "Z" | "X" | "x")).then(|| started.to_owned())
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .ok()
        .map(|id| id.trim().to_owned())
        .or_else(|| asked("sysctl", &["-n", "kern.boottime"]))
        .unwrap_or_default()
}

/// Returns what `program` prints, trimmed, unless it fails or prints nothing.
fn asked(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).env("LC_ALL", "C").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
