//! The rehearsal that runs, wherever it is told of.

use super::Scene;
use crate::domain::age;
use crate::domain::plan::Action;
use crate::domain::rehearsal::Live;
use crate::domain::untrusted::Untrusted;

/// After so many seconds without a word it is said how long nothing was heard.
const SILENT: i64 = 20;

/// Returns the rehearsal that runs now, as far as it has told anything.
pub(super) fn live<'a>(scene: &Scene<'a>) -> Option<&'a Live> {
    let job = scene.session.job()?;
    let runs = matches!(job.plan.action, Action::Rehearse { .. });
    scene.facts.rehearsal.as_ref().filter(|live| runs && live.act == job.act)
}

/// Returns how long it runs and how far it has come: `1:18: 2 of 3, 7: down`.
pub(super) fn words(live: &Live, scene: &Scene<'_>) -> String {
    let now = scene.facts.now;
    let still = live.still(now);
    let silent = match still.num_seconds() {
        SILENT.. => format!(" for {}", age::clock(still)),
        _ => String::new(),
    };
    let doing = Untrusted::from(live.words().as_str()).one_line();
    format!("{}: {doing}{silent}", age::clock(now - live.began))
}
