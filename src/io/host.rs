//! This machine, this boot, this person: what every record of a journal carries.

use std::sync::OnceLock;

use rustix::time::{ClockId, clock_gettime};

use super::process::Identity;

/// Returns the id of the current boot; empty where the system tells none.
#[must_use]
pub fn boot() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| Identity::own().boot)
}

/// Returns the seconds of the monotonic clock, which no correction of the time moves;
/// comparable within one boot only.
#[must_use]
pub fn monotonic() -> f64 {
    let now = clock_gettime(ClockId::Monotonic);
    // 2^53 ns is 104 days: split, so that milliseconds stay exact for longer.
    let seconds = i32::try_from(now.tv_sec).map_or(f64::from(i32::MAX), f64::from);
    let millis = i32::try_from(now.tv_nsec / 1_000_000).map_or(0.0, f64::from);
    seconds + millis / 1_000.0
}

/// Returns who works here, as `user@host`.
#[must_use]
pub fn operator() -> &'static str {
    static OPERATOR: OnceLock<String> = OnceLock::new();
    OPERATOR.get_or_init(|| {
        let user = whoami::username().unwrap_or_else(|_| "unknown".to_owned());
        let host = whoami::hostname().unwrap_or_else(|_| "unknown".to_owned());
        format!("{user}@{host}")
    })
}
