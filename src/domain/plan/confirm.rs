//! The one yes that a plan can get.

use serde::{Deserialize, Serialize};

use super::{Hash, Plan, Risk};

/// What has to be given for a plan to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it only reads.
    Nothing,
    /// A key that means yes.
    Key,
    /// This text, typed exactly.
    Typed(String),
}

/// What a person gave, and for which plan they gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The key that means yes, pressed while this plan was shown.
    Key(Hash),
    /// A token, typed while this plan was shown.
    Typed(Hash, String),
    /// `--confirm HASH` of a script, which read the plan before.
    Script(Hash),
}

impl Answer {
    fn hash(&self) -> &Hash {
        match self {
            Self::Key(hash) | Self::Typed(hash, _) | Self::Script(hash) => hash,
        }
    }
}

/// Why a plan was not confirmed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The answer belongs to another plan than this one.
    #[error("the plan changed since it was shown: nothing was run; look at it again")]
    Changed,
    /// A typed token was needed.
    #[error("this can lose something: type {0} to run it")]
    NeedsTyping(String),
    /// The token is not the one asked for.
    #[error("that is not {expected}: nothing was run")]
    WrongToken {
        /// What had to be typed.
        expected: String,
    },
}

/// A plan that somebody confirmed. [`Plan::confirm`] is the only way to make one,
/// and it is moved, not copied, into the one `Perform` that it allows.
#[derive(Debug, PartialEq, Eq)]
pub struct Confirmed {
    plan: Plan,
    hash: Hash,
    means: Means,
    attempt: u32,
}

/// How a plan was confirmed; recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Means {
    /// It needed nothing.
    Unasked,
    /// By a key.
    Key,
    /// By typing.
    Typed,
    /// By a script that gave the hash.
    Script,
}

impl Plan {
    /// Returns what has to be given for this plan to run.
    #[must_use]
    pub fn need(&self) -> Need {
        match self.risk {
            Risk::Read => Need::Nothing,
            Risk::Safe => Need::Key,
            Risk::Lossy | Risk::Destructive => Need::Typed(self.target.database.clone()),
        }
    }

    /// Confirms this plan by an answer that was given to it.
    ///
    /// # Errors
    /// [`Refused`] if the answer was given to another plan, or is not what this one needs.
    pub fn confirm(self, answer: &Answer) -> Result<Confirmed, Refused> {
        let hash = self.hash();
        if *answer.hash() != hash {
            return Err(Refused::Changed);
        }
        let means = match (self.need(), answer) {
            (_, Answer::Script(_)) => Means::Script,
            (Need::Nothing, _) => Means::Unasked,
            (Need::Key, Answer::Key(_)) => Means::Key,
            (Need::Typed(token), Answer::Key(_)) => return Err(Refused::NeedsTyping(token)),
            (Need::Typed(token), Answer::Typed(_, text)) if *text == token => Means::Typed,
            (Need::Typed(expected), Answer::Typed(..)) => {
                return Err(Refused::WrongToken { expected });
            }
            (Need::Key, Answer::Typed(..)) => Means::Typed,
        };
        Ok(Confirmed { plan: self, hash, means, attempt: 1 })
    }
}

impl Confirmed {
    /// Returns the plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the hash that was confirmed.
    #[must_use]
    pub fn hash(&self) -> &Hash {
        &self.hash
    }

    /// Returns how it was confirmed.
    #[must_use]
    pub fn means(&self) -> Means {
        self.means
    }

    /// Returns which attempt this is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Returns the ticket for the next attempt inside the same confirmation, or `None`
    /// when the attempts that were shown are used up.
    #[must_use]
    pub fn next_attempt(self) -> Option<Self> {
        let attempt = self.attempt + 1;
        (attempt <= self.plan.attempts).then_some(Self { attempt, ..self })
    }
}
