//! The watcher: a process that holds nothing but one end of a pipe to the owner.
//! However the owner ends, the kernel closes the other end.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{Error, sweep};
use crate::io::process::wait_for_stdin_end;

/// So long a program that the owner had begun may go on after its end.
const LEFT_AT_WORK: Duration = Duration::from_secs(20);

/// The owner's end: closed when the owner ends, also by `kill -9`.
#[derive(Debug)]
pub(super) struct Watcher(Child);

impl Watcher {
    /// Starts `program __watch DIRECTORY` out of reach of the terminal's Ctrl-C.
    pub(super) fn start(program: Option<&Path>, directory: &Path) -> Result<Option<Self>, Error> {
        let Some(program) = program else { return Ok(None) };
        let mut command = Command::new(program);
        command.arg("__watch").arg(directory).current_dir("/").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|source| Error::file("run", program, source))?;
        Ok(Some(Self(child)))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // Its end is of no interest, but a zombie would stay.
        let _ = self.0.wait();
    }
}

/// Waits on standard input for the owner's end, then removes the server in
/// `directory` under the other conditions of [`super::sweep()`]. (The owner's pid is not
/// asked: the kernel closes its pipes a moment before the process counts as ended.) `initdb`
/// goes on when its caller was killed: it is given the time to end, since it writes what is to
/// be removed.
///
/// # Errors
/// When the server runs on, or its files cannot be removed.
pub fn watch(directory: &Path, has_open_intent: &dyn Fn(&str) -> bool) -> Result<(), Error> {
    wait_for_stdin_end();
    let begun = Instant::now();
    loop {
        match sweep::release(directory, has_open_intent) {
            Err(_) if begun.elapsed() < LEFT_AT_WORK => thread::sleep(Duration::from_millis(200)),
            done => return done,
        }
    }
}
