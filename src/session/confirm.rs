//! The plan that is shown, and the one yes that it can get.

use crate::domain::plan::{Action, Answer, Confirmed, Hash, Need, Plan, Refused};

/// Where an act comes from: what hears of its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A panel or a command asked for it by itself.
    Operator,
    /// A step of the runbook that is walked.
    Step(String),
}

/// A plan that a person is looking at.
#[derive(Debug, PartialEq, Eq)]
pub struct Pending {
    plan: Plan,
    hash: Hash,
    origin: Origin,
}

impl Pending {
    /// Shows `plan`.
    #[must_use]
    pub fn new(plan: Plan, origin: Origin) -> Self {
        let hash = plan.hash();
        Self { plan, hash, origin }
    }

    /// Returns the plan that is shown.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns its hash: what an answer has to name.
    #[must_use]
    pub fn hash(&self) -> &Hash {
        &self.hash
    }

    /// Returns where it comes from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Returns true for a signal: it runs beside anything.
    #[must_use]
    pub fn is_signal(&self) -> bool {
        matches!(self.plan.action, Action::Signal { .. })
    }

    /// Returns what has to be given.
    #[must_use]
    pub fn need(&self) -> Need {
        self.plan.need()
    }

    /// Answers the plan. Taking `self` makes a second yes impossible.
    ///
    /// # Errors
    /// The reason, with the plan back in its place: it is still shown and still unrun.
    pub fn answer(self, answer: &Answer) -> Result<(Confirmed, Origin), (Refused, Box<Self>)> {
        match self.plan.clone().confirm(answer) {
            Ok(confirmed) => Ok((confirmed, self.origin)),
            Err(refused) => Err((refused, Box::new(self))),
        }
    }
}
