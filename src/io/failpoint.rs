//! Named boundaries of an act at which the crash tests kill this process.
//!
//! `LOCKKEEPER_FAILPOINT=act.after_sync` dies there by SIGKILL, as a power cut would
//! leave it; `act.after_sync:pause` stops there, for a test that kills from outside.
//! Without the cargo feature `failpoints` nothing of this is compiled.

/// Dies or stops here if the tests ask for `name`.
#[cfg(feature = "failpoints")]
pub fn hit(name: &str) {
    let Some(wanted) = std::env::var_os(VARIABLE) else { return };
    let wanted = wanted.to_string_lossy();
    match wanted.split_once(':') {
        None if wanted == name => raise(rustix::process::Signal::KILL),
        Some((point, "pause")) if point == name => raise(rustix::process::Signal::STOP),
        _ => {}
    }
}

/// Does nothing: this build has no failpoints.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn hit(_name: &str) {}

/// The variable that names the boundary; a job hands it to its own process, and the
/// job's process not to the program.
pub const VARIABLE: &str = "LOCKKEEPER_FAILPOINT";

#[cfg(feature = "failpoints")]
fn raise(signal: rustix::process::Signal) {
    // A failure to signal oneself would only make the test that asked for it fail.
    let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
}

/// Fails as the tests ask: `LOCKKEEPER_FAULT=journal.sync:5` fails with errno 5 at every
/// sync, `journal.sync:5:2` from the second one on, `journal.sync:5:2:1` at the second alone.
///
/// # Errors
/// The one that was asked for.
#[cfg(feature = "failpoints")]
pub fn fault(name: &str) -> std::io::Result<()> {
    use std::sync::atomic::{AtomicI32, Ordering};
    static HITS: AtomicI32 = AtomicI32::new(0);
    let wanted = std::env::var("LOCKKEEPER_FAULT").unwrap_or_default();
    let Some(numbers) = wanted.strip_prefix(name).and_then(|rest| rest.strip_prefix(':')) else {
        return Ok(());
    };
    let mut numbers = numbers.split(':').map_while(|number| number.parse::<i32>().ok());
    let errno = numbers.next().unwrap_or(5);
    let from = numbers.next().unwrap_or(1);
    let times = numbers.next().unwrap_or(i32::MAX);
    let hit = HITS.fetch_add(1, Ordering::Relaxed) + 1 - from;
    if (0..times).contains(&hit) { Err(std::io::Error::from_raw_os_error(errno)) } else { Ok(()) }
}

/// Succeeds: this build has no faults.
///
/// # Errors
/// None.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn fault(_name: &str) -> std::io::Result<()> {
    Ok(())
}
