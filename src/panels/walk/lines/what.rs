//! What the step does, and what it replaces.

use super::{expected, section, shown};
use crate::domain::age;
use crate::domain::evidence::{Builtin, Sense};
use crate::domain::gate::Asks;
use crate::domain::runbook::{Act, Action, Backup, Down, From, Kind, Migrate, Restore, Target, Up};
use crate::domain::untrusted::Untrusted;
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
            format!("{role}: somebody other than who runs this; the name is recorded, unverified"),
        )],
        Kind::Watch(watch) => {
            let names: Vec<&str> = watch.probes.iter().map(|(name, _)| name.as_str()).collect();
            let text = format!("{} at least: {}", watch.min_duration, names.join(", "));
            vec![Pair::new("watches", text)]
        }
        Kind::Call { target: Target::Section(id) | Target::Runbook(id) } => {
            vec![Pair::new("goes to", section(walk, id))]
        }
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

fn acts(act: &Act, walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    let mut lines = vec![Pair::new("runs", action(&act.action))];
    for name in &act.gates {
        let rules = walk.book().gates.get(name).map(|gate| gate.rules.as_slice());
        let says: Vec<&str> = rules.unwrap_or_default().iter().map(|r| r.says.as_str()).collect();
        lines.push(Pair::new("gate", format!("{name}: {}", says.join("; "))));
    }
    if act.gates.iter().any(|name| asks_for_the_window(walk, name)) {
        lines.push(window(scene));
    }
    let holds: Vec<String> =
        act.verify.iter().map(|c| format!("{}: {}", c.name, expected(c, walk))).collect();
    if !holds.is_empty() {
        lines.push(Pair::new("after", holds.join("; ")));
    }
    lines
}

fn asks_for_the_window(walk: &Walk, gate: &str) -> bool {
    let rules = walk.book().gates.get(gate).map(|gate| gate.rules.as_slice());
    rules.unwrap_or_default().iter().any(|rule| match &rule.asks {
        Asks::Probe(claim) => claim.probe.sense == Sense::Builtin(Builtin::DeployAge),
        _ => false,
    })
}

/// Returns the clock of the way back: it runs while the step is looked at.
fn window(scene: &Scene<'_>) -> Pair {
    let Some(way_back) = scene.facts.way_back() else {
        let text = "▲ cannot tell when the last migration was applied";
        return Pair::new("policy", text).tone(Tone::Warn);
    };
    let (left, over) = match way_back.left {
        left if left.is_zero() => ("▲ window over".to_owned(), true),
        left => (format!("window {}", age::clock(left)), false),
    };
    let ago = way_back.measured.map(|ago| format!(", measured {} ago", age::rough(ago)));
    let written = match way_back.written {
        Some(rows) => format!("{rows}{}", ago.unwrap_or_default()),
        None => "cannot tell".to_owned(),
    };
    let tone = if over || way_back.written != Some(0) { Tone::Warn } else { Tone::Plain };
    let mark = if tone == Tone::Warn && !over { "▲ " } else { "" };
    Pair::new("policy", format!("{mark}{left} · written since: {written}")).tone(tone)
}

fn action(action: &Action) -> String {
    match action {
        Action::Migrate(Migrate::Up(Up::Head)) => {
            "every pending migration, each with a plan and a yes of its own".to_owned()
        }
        Action::Migrate(Migrate::Up(Up::Next)) => "the next migration".to_owned(),
        Action::Migrate(Migrate::Up(Up::Revision(to))) => format!("the migrations up to {to}"),
        Action::Migrate(Migrate::Down(Down::Previous)) => {
            "the last migration's way down".to_owned()
        }
        Action::Migrate(Migrate::Down(Down::Revision(to))) => {
            format!("the ways down until the database is at {to}")
        }
        Action::Command(words) => {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            shown(&words.join(" "))
        }
        Action::Sql { text, .. } => Untrusted::from(text.as_str()).visible(),
        Action::Backup(Backup::Full) => "a full backup of the database".to_owned(),
        Action::Backup(Backup::Schema) => "a backup of the schema, without rows".to_owned(),
        Action::Backup(_) => "a backup of some tables".to_owned(),
        Action::VerifyBackup(verify) => {
            format!("a proof of the backup {} to {}", verify.backup, verify.level)
        }
        Action::Restore(Restore::Full { backup }) => format!(
            "a restore of the backup {backup}: a new database is loaded and counted, then swapped in; \
             each act with a plan and a yes of its own"
        ),
        Action::Restore(Restore::Tables { .. }) => "a restore of tables".to_owned(),
        Action::Signal(_) => "a signal to a session".to_owned(),
        Action::Http(_) => "an HTTP request".to_owned(),
    }
}

pub(super) fn replaced(walk: &Walk) -> Option<Pair> {
    let replaced = walk.current().replaced.as_ref()?;
    let text = format!("{}\nis not run: {}", replaced.instead_of, replaced.because);
    Some(Pair::new("source", text).tone(Tone::Dim))
}
