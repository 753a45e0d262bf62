//! A walk that somebody else walks, as its records show it: for looking at only.

use std::collections::BTreeMap;

use crate::domain::journal::{Kind as Recorded, Record};
use crate::domain::outcome::Outcome;
use crate::domain::runbook::{Kind, Runbook};

use super::{Phase, Place, Purpose, Walk};

impl Walk {
    /// Returns where the walk stands that recorded this. Nothing of it can be moved: what
    /// follows from its records is only shown.
    ///
    /// # Errors
    /// When the records belong to another runbook than this one.
    pub fn followed(
        book: Runbook,
        library: BTreeMap<String, Runbook>,
        place: Place,
        records: &[Record],
    ) -> Result<Self, String> {
        let mut walk = Self::resume(book, library, place, records)?;
        walk.left = None;
        let end = records.iter().rev().find(|record| record.kind == Recorded::Closed);
        walk.end = end.and_then(|record| serde_json::from_value(record.data.clone()).ok());
        let here = Some(walk.here());
        let reached = records.iter().rposition(|record| record.kind == Recorded::Step);
        let since = reached.map_or(&[][..], |at| &records[at + 1..]);
        let own: Vec<&Record> = since.iter().filter(|record| record.step == here).collect();
        walk.phase = walk.phase_of(&own);
        Ok(walk)
    }

    /// Returns the phase that the records of the current step speak of.
    fn phase_of(&mut self, own: &[&Record]) -> Phase {
        let last = own.iter().rev().find_map(|record| match record.kind {
            Recorded::Intent => Some(Phase::Acting),
            Recorded::Outcome | Recorded::Resolved => Some(Self::after(record)),
            Recorded::Awaits => Some(self.waits()),
            _ => None,
        });
        let beginning = match &self.current().kind {
            Kind::Notice { .. } => Phase::Notice,
            Kind::Check(_) => Phase::Probing(Purpose::Check),
            Kind::Act(_) => Phase::Ready,
            Kind::Decide(_) => Phase::Deciding,
            Kind::Manual(_) => Phase::Doing,
            Kind::Ask(_) => Phase::Asking,
            Kind::Approve { .. } => Phase::Approving,
            Kind::Watch(_) | Kind::Call { .. } => Phase::Probing(Purpose::Evidence),
        };
        last.unwrap_or(beginning)
    }

    fn after(record: &Record) -> Phase {
        let outcome: Option<Outcome> = serde_json::from_value(record.data.clone()).ok();
        match outcome {
            Some(outcome) if outcome.ending.goes_on() => Phase::Ready,
            Some(outcome) => Phase::Failed {
                why: format!("{}: {}", outcome.ending.word(), outcome.message.one_line()),
                may_retry: outcome.ending.may_retry(),
            },
            None => Phase::Acting,
        }
    }

    fn waits(&mut self) -> Phase {
        let awaited = self.awaited.as_ref();
        self.missing = awaited.map(|one| one.role.clone());
        let why = awaited.and_then(|one| one.why.clone());
        if matches!(self.current().kind, Kind::Approve { .. }) {
            return Phase::Approving;
        }
        let why = why.unwrap_or_else(|| "it waits for an approval".to_owned());
        Phase::Denied { reasons: vec![why], overridable: true }
    }
}
