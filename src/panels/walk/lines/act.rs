//! What an act of a step runs, what that opens, and what is due because of it.

use crate::domain::age;
use crate::domain::evidence::{Builtin, Sense};
use crate::domain::gate::Asks;
use crate::domain::runbook::{Act, Action, Backup, Down, Migrate, Restore, Up};
use crate::domain::untrusted::Untrusted;
use crate::panels::Scene;
use crate::session::walk::{Due, End, Phase, Walk};
use crate::ui::theme::{Tone, symbol};
use crate::ui::widgets::pairs::Pair;

use super::{expected, now, shown};

/// Returns what the act runs, what undoes it, its gates, and what must hold afterwards.
pub(super) fn acts(act: &Act, walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    let mut lines = vec![Pair::new("runs", action(&act.action, walk))];
    let undo = act.undo.as_ref().map(|undo| {
        let text =
            format!("{}; due until it is done, or refused with a reason", action(undo, walk));
        Pair::new("undo", text)
    });
    lines.extend(undo);
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

/// Returns what an action does, as it will run where that is known.
fn action(action: &Action, walk: &Walk) -> String {
    match action {
        Action::Configured(name) => match walk.place().commands.get(name) {
            Some(argv) => shown(&argv.join(" ")),
            None => format!("the command {name}, which [commands] of lockkeeper.toml lacks"),
        },
        Action::UndoOf(step) => match walk.undoing(step) {
            Some(due) => self::action(&due.action, walk),
            None => format!("what undoes the step {step}"),
        },
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
        Action::Sql { text, binds } => {
            let bound = binds.iter().enumerate();
            let bound =
                bound.map(|(at, bind)| format!("${} = {}", at + 1, shown(&bind.to_string())));
            let text = Untrusted::from(text.as_str()).visible();
            std::iter::once(text).chain(bound).collect::<Vec<_>>().join("\n")
        }
        Action::Backup(Backup::Full) => "a full backup of the database".to_owned(),
        Action::Backup(Backup::Schema) => "a backup of the schema, without rows".to_owned(),
        Action::Backup(Backup::Tables(tables) | Backup::Csv(tables)) => {
            let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
            shown(&format!("a backup of the rows of {}", names.join(", ")))
        }
        Action::VerifyBackup(verify) => {
            format!("a proof of the backup {} to {}", verify.backup, verify.level)
        }
        Action::Restore(Restore::Full { backup }) => format!(
            "a restore of the backup {backup}: a new database is loaded and counted, then swapped in; \
             each act with a plan and a yes of its own"
        ),
        Action::Restore(Restore::Tables { backup, tables, rows }) => {
            let tables: Vec<String> = tables.iter().map(ToString::to_string).collect();
            let (tables, rows) = (tables.join(", "), rows.words().join(" and "));
            shown(&format!(
                "the rows of {tables} that are {rows}, out of the backup {backup}: staged beside \
                 the table, compared, merged in one transaction; each act with a plan and a yes \
                 of its own"
            ))
        }
        Action::Signal(_) => "a signal to a session".to_owned(),
        Action::Http(endpoint) => shown(&format!("{} {}", endpoint.method.word(), endpoint.url)),
    }
}

/// Returns what the run has opened and not undone yet.
pub(super) fn due(walk: &Walk) -> Vec<Pair> {
    let line = |due: &Due| {
        let text = format!("{} → {}", due.title, action(&due.action, walk));
        Pair::new(format!("{} due", symbol::WARN), shown(&text)).tone(Tone::Warn)
    };
    walk.due().map(line).collect()
}

/// Returns what is due before the run may end, and what is possible now.
pub(super) fn undo(walk: &Walk, end: &End, scene: &Scene<'_>) -> Vec<Pair> {
    let mut lines = Vec::new();
    if let Phase::Undo(Some(why)) = walk.phase() {
        lines.push(Pair::new("✖ failed", shown(why)).tone(Tone::Alarm));
    }
    lines.extend(due(walk));
    match (walk.phase(), walk.due().next()) {
        (Phase::Acting, _) | (_, None) => lines.extend(now::act(scene)),
        (_, Some(due)) => lines.push(Pair::new(
            "now",
            format!(
                "r plans what undoes “{}”, and asks; s leaves it so, for a reason",
                shown(&due.title)
            ),
        )),
    }
    lines.push(Pair::new("then", format!("the run ends: {}", shown(&ending(end)))));
    lines
}

/// Returns how a run ends, in short.
fn ending(end: &End) -> String {
    match end {
        End::Completed => "completed".to_owned(),
        End::Abandoned { reason } => format!("abandoned: {reason}"),
        End::Escalated { question } => format!("escalated: {question}"),
    }
}
