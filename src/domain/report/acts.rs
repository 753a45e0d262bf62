//! What was done: acts, migrations, backups and errors, from intents and their outcomes.

use serde_json::Value;

use super::{Action, Backup, Migration, Said};
use crate::domain::journal::{Kind, Record};
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{self, Plan};
use crate::domain::restore::Goal;

/// An attempt: its intent, with how it ended.
pub(super) struct Attempt<'a> {
    pub intent: &'a Record,
    pub plan: Option<Plan>,
    pub outcome: Option<Outcome>,
}

/// Returns every attempt of every act, in their order.
pub(super) fn attempts(records: &[Record]) -> Vec<Attempt<'_>> {
    let intents = records.iter().filter(|record| record.kind == Kind::Intent);
    intents
        .map(|intent| Attempt { intent, plan: intent.plan(), outcome: outcome(intent, records) })
        .collect()
}

fn outcome(intent: &Record, records: &[Record]) -> Option<Outcome> {
    let of = |record: &&Record| {
        matches!(record.kind, Kind::Outcome | Kind::Resolved)
            && (&record.act, record.attempt) == (&intent.act, intent.attempt)
    };
    let last = records.iter().rev().find(of)?;
    serde_json::from_value(last.data.clone()).ok()
}

impl Attempt<'_> {
    fn ending(&self) -> Option<String> {
        self.outcome.as_ref().map(|outcome| outcome.ending.word().to_owned())
    }

    pub fn took_s(&self) -> Option<f64> {
        self.outcome.as_ref()?.took_ms.map(seconds)
    }

    pub fn action(&self) -> Action {
        let plan = self.plan.as_ref();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Action {
            act: self.intent.act.clone().unwrap_or_default(),
            attempt: self.intent.attempt.unwrap_or(1),
            step: self.intent.step.clone(),
            at: self.intent.at,
            title: text(&self.intent.data["plan"]["preview"]["title"])
                .unwrap_or_else(|| "an act that this version cannot read".to_owned()),
            command: plan.and_then(|plan| plan.command.as_ref()).map(plan::Command::line),
            risk: plan.map(|plan| plan.risk.word().to_owned()),
            by: self.intent.operator.clone(),
            ending: self.ending(),
            message: self.outcome.as_ref().map(|outcome| outcome.message.one_line()),
            took_s: self.took_s(),
            plan: self.intent.plan.clone(),
        }
    }

    pub fn migration(&self) -> Option<Migration> {
        let plan = self.plan.as_ref()?;
        let plan::Action::Migrate { tool, direction, migration, .. } = &plan.action else {
            return None;
        };
        Some(Migration {
            id: migration.clone(),
            direction: direction.word().to_owned(),
            tool: tool.clone(),
            at: self.intent.at,
            ending: self.ending(),
            revision_before: plan.revision_before.clone(),
            revision_after: self.outcome.as_ref().and_then(|o| o.revision_after.clone()),
        })
    }

    pub fn backup(&self) -> Option<Backup> {
        let (what, location, level) = match &self.plan.as_ref()?.action {
            plan::Action::Backup { location, .. } => ("made", location.clone(), None),
            plan::Action::VerifyBackup { file, level } => {
                ("proven", file.clone(), Some(level.clone()))
            }
            plan::Action::Restore { goal: Goal::Backup(location), act, .. } => {
                ("restored", format!("{location} ({})", act_word(*act)), None)
            }
            _ => return None,
        };
        let (at, ending) = (self.intent.at, self.ending());
        Some(Backup { at, what: what.to_owned(), location, level, ending })
    }

    pub fn error(&self) -> Option<Said> {
        let outcome = self.outcome.as_ref().filter(|outcome| outcome.ending != Ending::Done)?;
        let title = self.action().title;
        let text = format!("{title}: {}: {}", outcome.ending.word(), outcome.message.one_line());
        Some(Said { at: self.intent.at, text })
    }
}

fn act_word(act: crate::domain::restore::Act) -> String {
    let word = serde_json::to_value(act).ok();
    word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "no act comes near 2^53 ms")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
