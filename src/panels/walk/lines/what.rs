//! What the step does, and what it replaces.

use super::act::acts;
use super::{expected, section};
use crate::domain::runbook::{From, Kind, Target};
use crate::panels::Scene;
use crate::panels::walk::moves::form;
use crate::session::walk::Walk;
use crate::ui::theme::Tone;
use crate::ui::widgets::pairs::Pair;

pub(super) fn what(walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    match &walk.current().kind {
        Kind::Notice { text } => vec![Pair::new("read", text.trim().to_owned())],
        Kind::Check(claim) => {
            vec![Pair::new("expects", format!("{}: {}", claim.name, expected(claim, walk)))]
        }
        Kind::Act(act) => acts(act, walk, scene),
        Kind::Manual(manual) => {
            let mut lines = vec![Pair::new("do", manual.text.trim().to_owned()).tone(Tone::Strong)];
            lines.push(Pair::new("answer", form(manual)));
            let shows: Vec<String> = manual
                .verify
                .iter()
                .map(|c| format!("{}: {}", c.name, expected(c, walk)))
                .collect();
            if !shows.is_empty() {
                lines.push(Pair::new("shown by", shows.join("; ")));
            }
            lines
        }
        Kind::Ask(ask) => vec![Pair::new("asks", from(&ask.from))],
        Kind::Approve { role } => vec![Pair::new(
            "approves",
            format!(
                "{role}: somebody other than who runs this, by `lockkeeper approve` with a database role of their own"
            ),
        )],
        Kind::Watch(watch) => {
            let names: Vec<&str> = watch.probes.iter().map(|(name, _)| name.as_str()).collect();
            let text = format!("{} at least: {}", watch.min_duration, names.join(", "));
            vec![Pair::new("watches", text)]
        }
        Kind::Call { target: Target::Section(id) } => {
            vec![Pair::new("goes to", section(walk, id))]
        }
        Kind::Call { target } => vec![Pair::new("goes to", format!("the runbook {target}"))],
        Kind::Decide(_) => Vec::new(),
    }
}

fn from(from: &From) -> String {
    match from {
        From::Text => "a text".to_owned(),
        From::Number => "a number".to_owned(),
        From::Choice(choices) => format!("one of: {}", choices.join(", ")),
        From::Revision => "a migration, picked from those that are known".to_owned(),
        From::Backup => "a backup".to_owned(),
        From::Table => "a table, picked from those that the migrations touch".to_owned(),
        From::Session => "a session, picked from those that are live".to_owned(),
    }
}

pub(super) fn replaced(walk: &Walk) -> Option<Pair> {
    let replaced = walk.current().replaced.as_ref()?;
    let text = format!("{}\nis not run: {}", replaced.instead_of, replaced.because);
    Some(Pair::new("source", text).tone(Tone::Dim))
}
