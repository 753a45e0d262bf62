//! How long to wait before trying a lost server again.

use std::time::Duration;

/// The wait before the second attempt, before it is scattered.
const FIRST: Duration = Duration::from_millis(250);
/// No wait is longer: an operator watches.
const LONGEST: Duration = Duration::from_secs(10);

/// Returns the wait before attempt `attempt` (0 is the first retry): doubling from 250 ms up
/// to 10 s, of which the second half is scattered by `unit`, a random number from 0 to 1, so
/// that many consoles do not return to a restarted server in the same instant.
#[must_use]
pub fn delay(attempt: u32, unit: f64) -> Duration {
    let full = FIRST.saturating_mul(2_u32.saturating_pow(attempt)).min(LONGEST);
    let unit = if unit.is_finite() { unit.clamp(0.0, 1.0) } else { 1.0 };
    full / 2 + (full / 2).mul_f64(unit)
}
