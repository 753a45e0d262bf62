//! Looking again at the yes: what has become worse than it was shown is not run, but shown
//! again.

use std::sync::{MutexGuard, PoisonError};

use super::Inner;
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{Confirmed, Hash, Plan};
use crate::domain::recount;
use crate::domain::scenario::Scenario;

/// A plan that was confirmed and not run, since it is worse now than was shown.
pub(super) struct Worsened {
    hash: Hash,
    lines: Vec<String>,
}

impl Inner {
    /// Compares what was counted for a confirmed plan, and the time that it may take, with what
    /// `again`, the same plan, says now. Only at the yes: attempts that follow lie inside of it, and rows grow meanwhile.
    ///
    /// # Errors
    /// What is worse, or can be told no more.
    pub(super) fn no_worse(&self, confirmed: &Confirmed, again: &Plan) -> Result<(), String> {
        if confirmed.attempt() > 1 {
            return Ok(());
        }
        let shown = &confirmed.plan().preview;
        let mut lines = recount::worse(&shown.counts, &again.preview.counts);
        // A yes to a plan that said so covers it.
        lines.extend(again.preview.untimely.clone().filter(|_| shown.untimely.is_none()));
        if lines.is_empty() {
            return Ok(());
        }
        let said = lines.join("; ");
        *self.worsened() = Some(Worsened { hash: confirmed.hash().clone(), lines });
        Err(format!("it is worse now than it was shown: {said}; nothing was run"))
    }

    /// Returns how an act ended that was refused before it began.
    pub(super) fn refused(&self, confirmed: &Confirmed, why: String) -> Outcome {
        let worsened = self.worsened().as_ref().is_some_and(|one| one.hash == *confirmed.hash());
        let scenario = worsened.then_some(Scenario::Worsened);
        Outcome { scenario, ..Outcome::new(Ending::NotRun, why) }
    }

    /// Says on a plan that is shown again what has become worse. A yes to it covers some growth.
    pub(super) fn shown_again(&self, plan: &mut Plan) {
        let hash = plan.hash();
        // Whatever else is shown meanwhile, this one is still to be shown again.
        let Some(worsened) = self.worsened().take_if(|one| one.hash == hash) else { return };
        recount::widen(&mut plan.preview.counts);
        let lines = worsened.lines.into_iter().map(|line| format!("SHOWN AGAIN: {line}"));
        plan.preview.now.splice(0..0, lines);
    }

    fn worsened(&self) -> MutexGuard<'_, Option<Worsened>> {
        self.worsened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
