//! Ends the process when its terminal vanishes.
//!
//! crossterm 0.29's reader spins at 100 % CPU on a terminal that is gone
//! (crossterm issue 793), and `SIGHUP` does not reach a process that left the
//! terminal's session.

use std::sync::Once;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::stdio;

/// What a shell reports for a process ended by `SIGHUP`.
const HUNG_UP: i32 = 129;
/// The loop's time to end by itself: records are written, the lease is left.
const GRACE: Duration = Duration::from_millis(500);

/// Starts, once per process, the thread that waits for the hang-up; it takes no
/// CPU, and exits the process with 129 after the loop had its time.
pub(super) fn watch() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let watcher = thread::Builder::new().name("hang-up".to_owned());
        // Without the thread the console works, and only spins if the terminal vanishes.
        let _ = watcher.spawn(|| {
            if hung_up() {
                thread::sleep(GRACE);
                std::process::exit(HUNG_UP);
            }
        });
    });
}

/// Waits for the terminal to vanish; returns false if that cannot be watched.
fn hung_up() -> bool {
    loop {
        // No event is asked for: a hang-up and an error are always reported.
        let mut fds = [PollFd::from_borrowed_fd(stdio::stdin(), PollFlags::empty())];
        match poll(&mut fds, None) {
            Ok(_) if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) => return true,
            Err(Errno::INTR) => {}
            _ => return false,
        }
    }
}
