//! The documents of `--plan --json` and of what became of it.

use std::path::Path;

use serde_json::{Value, json};

use crate::domain::outcome::Outcome;
use crate::domain::plan::Plan;

/// Returns the document of a plan.
#[must_use]
pub fn plan(plan: &Plan) -> Value {
    let seconds = |ms: Option<u64>| ms.map(seconds);
    json!({
        "schema": 1,
        "hash": plan.hash(),
        "action": plan.action,
        "target": plan.target,
        "class": plan.class,
        "command": plan.command,
        "files": plan.files,
        "revision_before": plan.revision_before,
        "timeouts": {
            "lock_s": seconds(plan.timeouts.lock_ms),
            "statement_s": seconds(plan.timeouts.statement_ms),
            "cancel_s": seconds(plan.timeouts.cancel_ms),
            "pause_s": seconds(plan.timeouts.pause_ms),
        },
        "attempts": plan.attempts,
        "risk": plan.risk,
        "approvals": plan.approvals,
        "preview": plan.preview,
    })
}

/// Returns the document of what became of a plan; `journal` records it.
#[must_use]
pub fn outcome(plan: &Plan, outcome: &Outcome, journal: Option<&Path>) -> Value {
    json!({
        "schema": 1,
        "hash": plan.hash(),
        "title": plan.preview.title,
        "ending": outcome.ending,
        "message": outcome.message,
        "exit_code": outcome.exit_code,
        "took_s": outcome.took_ms.map(seconds),
        "revision_after": outcome.revision_after,
        "schema_after": outcome.schema,
        "scenario": outcome.scenario,
        "next": outcome.next().filter(|_| plan.action.is_compared()),
        "journal": journal,
    })
}

#[expect(clippy::cast_precision_loss, reason = "no timeout comes near 2^53 ms")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
