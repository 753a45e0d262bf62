//! `lockkeeper __leash PROGRAM…`: runs a program in a group of its own, which ends with whoever
//! started this, however that ends: the kernel closes the other end of our standard input.

use std::ffi::OsString;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;

use rustix::process::{Signal, kill_process_group};

use super::child::Failed;
use super::process;

/// Runs the program with nothing to read, and returns its exit code; 128 and the signal that
/// ended it, as a shell does.
#[must_use]
pub fn main(args: &[OsString]) -> ExitCode {
    // Away from the terminal: a program that asks there is refused instead of being stopped, and
    // a key that ends whoever started this does not end us before what we hold. Fails only in a
    // group's leader, as when it is called by hand.
    let _ = rustix::process::setsid();
    match start(args) {
        Ok(child) => follow(child),
        Err(why) => Failed::NotRun(why).end(),
    }
}

fn start(args: &[OsString]) -> Result<Child, String> {
    let (program, rest) = args.split_first().ok_or("there is no program to run")?;
    let mut command = Command::new(program);
    command.args(rest).stdin(Stdio::null()).process_group(0);
    command.spawn().map_err(|error| format!("{}: {error}", program.display()))
}

fn follow(mut child: Child) -> ExitCode {
    let group = process::pid(child.id());
    thread::spawn(move || {
        process::wait_for_stdin_end();
        if let Some(group) = group {
            // It may have ended just now.
            let _ = kill_process_group(group, Signal::KILL);
        }
    });
    let status = child.wait();
    if let Some(group) = group {
        // What the program left behind would go on working on a server that is to go.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let Ok(status) = status else { return ExitCode::FAILURE };
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
