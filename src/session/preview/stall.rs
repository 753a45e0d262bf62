//! What the waits for locks of a plan come to at worst.

use std::time::Duration;

use crate::domain::config::Policy;
use crate::domain::hazard::Hazard;
use crate::domain::plan::{Plan, Timeouts};
use crate::tools::{Act, Script};

use super::milliseconds;

/// Returns the limits of one migration.
///
/// What waits for old transactions has no limit for locks: it would be left half done. Where
/// the driver takes no heed of `lock_timeout`, our own backend is cancelled after a while; and
/// so it is, later, where it says that it does, but something between it and the server drops
/// it.
pub(super) fn timeouts(act: &Act, script: &Script, policy: &Policy) -> Timeouts {
    let is_concurrent = script.waiting().is_some();
    Timeouts {
        lock_ms: act.no_lock_timeout.is_none().then(|| milliseconds(policy.lock_timeout)),
        statement_ms: Some(milliseconds(policy.statement_timeout)),
        cancel_ms: (!is_concurrent).then(|| milliseconds(policy.cancels_after())),
        pause_ms: (!is_concurrent).then(|| milliseconds(policy.retry_pause)),
    }
}

/// Returns how often a plan is tried at most: again only what cannot wait without a limit.
pub(super) fn attempts(timeouts: &Timeouts, policy: &Policy) -> u32 {
    let bounded = timeouts.lock_ms.or(timeouts.cancel_ms).is_some();
    if bounded { policy.attempts } else { 1 }
}

/// Returns for how long others may queue behind the plan's waits at worst; `None`: it takes no
/// lock that is known.
pub(super) fn worst(plan: &Plan, hazards: &[Hazard]) -> Option<String> {
    let locking = u32::try_from(hazards.iter().filter(|one| !one.locks.is_empty()).count());
    let locking = locking.unwrap_or(u32::MAX);
    if locking == 0 {
        return None;
    }
    let Some(each) = plan.timeouts.lock_ms.or(plan.timeouts.cancel_ms) else {
        return Some(
            "others wait without end: for transactions that are older, whatever they do".to_owned(),
        );
    };
    let total = each.saturating_mul(locking.into()).saturating_mul(plan.attempts.into());
    let total = Duration::from_millis(total).as_secs_f64();
    let each = Duration::from_millis(each).as_secs_f64();
    let attempts = match plan.attempts {
        1 => "1 attempt".to_owned(),
        more => format!("{more} attempts"),
    };
    let each = match locking {
        1 => format!("{each} s"),
        more => format!("{each} s × {more} statements"),
    };
    Some(format!("others wait {total} s at worst: {each} × {attempts}"))
}
