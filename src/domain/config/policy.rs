//! Policy: the values that the shipped gates, timeouts and triggers take.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::evidence::Expect;
use crate::domain::identity::Class;
use crate::domain::plan::Risk;
use crate::domain::quantity::{Percent, Period};
use crate::domain::trigger::Against;
use crate::domain::window::Window;

/// The values of the shipped gates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Whether going back needs the gate of that name; fixing forward is the rule.
    pub forward_only: bool,
    /// How long after a migration going back is within policy.
    pub rollback_within: Period,
    /// How many people other than the executor must approve what can lose data.
    pub approvals: u32,
    /// `lock_timeout` of each attempt.
    pub lock_timeout: Period,
    /// Attempts within one confirmation; each is bounded, the last one too.
    pub attempts: u32,
    /// The pause before the second attempt; each later one is twice as long, 32 s at most.
    pub retry_pause: Period,
    /// How long a migration's own backend may wait for a lock until it is cancelled from
    /// outside, where `lock_timeout` does not reach it; twice `lock_timeout` if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_after: Option<Period>,
    /// `statement_timeout` of a migration.
    pub statement_timeout: Period,
    /// When migrations may run; at any time if none is given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
}

/// A person alone is not locked out by default: `approvals` is 0 until a file asks for more.
impl Default for Policy {
    fn default() -> Self {
        Self {
            forward_only: true,
            rollback_within: Period::from_mins(5),
            approvals: 0,
            lock_timeout: Period::from_secs(5),
            attempts: 5,
            retry_pause: Period::from_secs(2),
            cancel_after: None,
            statement_timeout: Period::from_mins(60),
            windows: Vec::new(),
        }
    }
}

impl Policy {
    /// Returns how many others have to approve an act of this risk on a target of this class:
    /// everywhere what is destroyed, in production what can lose anything.
    #[must_use]
    pub fn approvals_of(&self, class: Class, risk: Risk) -> u32 {
        let asks = risk == Risk::Destructive || (class == Class::Production && risk >= Risk::Lossy);
        if asks { self.approvals } else { 0 }
    }

    /// Returns how long a migration's own backend may wait for a lock until it is cancelled.
    #[must_use]
    pub fn cancels_after(&self) -> Period {
        self.cancel_after.unwrap_or(self.lock_timeout.doubled())
    }
}

/// When to offer the rollback tree; firing never acts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Triggers {
    /// A migration has run longer than this.
    pub duration: Period,
    /// More rows than this are gone against the baseline.
    pub rows_lost: u64,
    /// More than this share of the health probes failed.
    pub health_failures: Percent,
    /// Transactions per second fell by more than this share.
    pub slowdown: Percent,
    /// More than this share of the authentication probes failed.
    pub auth_failures: Percent,
    /// Triggers of one's own, by name.
    pub own: BTreeMap<String, Own>,
}

/// A trigger of one's own: a probe of the configuration and the values at which it fires.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// The name of a probe of `[probes]`.
    pub probe: String,
    /// What it means when it fires, in words; the trigger's name if left out.
    pub says: Option<String>,
    /// Whether the value counts, or its change in percent against the time before the run.
    #[serde(default)]
    pub against: Against,
    /// Values that this holds for warn.
    pub warn: Option<Expect>,
    /// Values that this holds for fire.
    pub fire: Expect,
    /// So many samples in a row must agree; 3 if left out.
    pub samples: Option<usize>,
}

impl Default for Triggers {
    fn default() -> Self {
        Self {
            duration: Period::from_mins(60),
            rows_lost: 0,
            health_failures: Percent::new(50.0),
            slowdown: Percent::new(30.0),
            auth_failures: Percent::new(5.0),
            own: BTreeMap::new(),
        }
    }
}
