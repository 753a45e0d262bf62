//! Waiting by condition.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Far beyond what anything takes on a busy machine; nothing is measured by it.
const DEADLINE: Duration = Duration::from_mins(1);

/// Returns when `holds` does; fails with `what` if it never does.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "this never happened: {what}");
        sleep(Duration::from_millis(20));
    }
}
