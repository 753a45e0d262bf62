//! One backup: what it says of itself, what was proven, and what cannot be.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::backup::{Backup, Judged, Kind, Scope};
use crate::domain::evidence::Level;
use crate::domain::untrusted::Untrusted;
use crate::domain::verify::Report;
use crate::panels::Scene;
use crate::session::facts::Proof;
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::message::{self, Message};
use crate::ui::widgets::pairs::{self, Pair};

use super::list::bytes;
use super::standing::{self, shown};

/// Paints title and facts, from row `offset` on.
pub(super) fn view(
    backup: &Backup,
    scene: &Scene<'_>,
    offset: usize,
    theme: Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    let title = Rect { height: 1, ..area };
    message::render(&Message::new(Tone::Strong, shown(&backup.location)), theme, title, buf);
    let inside =
        Rect { x: area.x + 1, y: area.y + 1, width: area.width - 1, height: area.height - 1 };
    let facts = facts(backup, scene);
    let most = pairs::height(&facts, inside.width).saturating_sub(usize::from(inside.height));
    pairs::render(&facts, offset.min(most), theme, inside, buf);
}

fn facts(backup: &Backup, scene: &Scene<'_>) -> Vec<Pair> {
    let mut facts = Vec::new();
    let problem = |why: &String| Pair::new("▲ problem", shown(why)).tone(Tone::Warn);
    facts.extend(backup.problems.iter().map(problem));
    facts.extend(proof(backup, scene));
    facts.push(age(backup, scene));
    let (back, tone) = standing::back(backup, scene.facts.project.value());
    facts.push(
        Pair::new("restores to", format!("{}: {back}", standing::revision(backup))).tone(tone),
    );
    facts.push(what(backup));
    facts.push(of(backup, scene));
    match &backup.judged {
        Some(judged) => facts.push(self::judged(judged)),
        None => facts.push(Pair::new("passed", levels(backup))),
    }
    facts.push(unproven(backup));
    facts
}

/// Returns what the proof that was asked for came to, level by level.
fn proof(backup: &Backup, scene: &Scene<'_>) -> Vec<Pair> {
    match scene.facts.proofs.get(&backup.location) {
        None => Vec::new(),
        Some(Proof::Running(doing)) => {
            vec![Pair::new("verify", shown(doing)).tone(Tone::Accent)]
        }
        Some(Proof::Failed(why)) => vec![Pair::new("✖ verify", shown(why)).tone(Tone::Alarm)],
        Some(Proof::Done(report)) => findings(report),
    }
}

fn findings(report: &Report) -> Vec<Pair> {
    let pair = |finding: &crate::domain::verify::Finding| {
        let (mark, tone) = match finding.ok {
            Some(true) => ("✓", Tone::Ok),
            Some(false) => ("✖", Tone::Alarm),
            None if finding.applies => ("?", Tone::Warn),
            None => ("–", Tone::Dim),
        };
        let took = finding.took.as_secs_f64();
        let text = format!("{}, {took:.1} s", shown(&finding.what));
        Pair::new(format!("{mark} {}", finding.level), text).tone(tone)
    };
    let note = |note: &String| Pair::new("▲ note", shown(note)).tone(Tone::Warn);
    let wrong = report.beside.iter().filter(|side| side.ok != Some(true));
    let wrong = wrong.map(|side| {
        let (mark, tone) = match side.ok {
            Some(_) => ("✖", Tone::Alarm),
            None => ("?", Tone::Warn),
        };
        Pair::new(format!("{mark} beside"), format!("{}: {}", side.name, shown(&side.what)))
            .tone(tone)
    });
    let own = report.judged.iter().map(self::judged);
    let all = report.findings.iter().map(pair).chain(wrong).chain(own);
    all.chain(report.notes.iter().map(note)).collect()
}

fn age(backup: &Backup, scene: &Scene<'_>) -> Pair {
    let old = standing::age(backup, scene.facts.now);
    match (backup.snapshot_started_at, backup.created_local) {
        (Some(at), _) => {
            Pair::new("age", format!("{old}: snapshot of {} UTC", at.format("%Y-%m-%d %H:%M:%S")))
        }
        (None, Some(at)) => {
            let text = format!(
                "unknown: {at} by the clock of the machine that made it, whose zone is not written down"
            );
            Pair::new("age", text).tone(Tone::Warn)
        }
        (None, None) => Pair::new("age", "unknown: no time is written in it").tone(Tone::Warn),
    }
}

fn what(backup: &Backup) -> Pair {
    let scope = match (backup.scope, backup.registered) {
        (Some(Scope::Full), false) => "schema and rows",
        (Some(Scope::Full), true) => "the whole database",
        (Some(Scope::Schema), _) => "the schema only",
        (Some(Scope::Data), _) => "rows only",
        (Some(Scope::Tables), _) => "some tables",
        (None, _) => "nobody knows what of the database",
    };
    let tables = match backup.tables {
        Some(1) => ", rows of 1 table".to_owned(),
        Some(n) => format!(", rows of {n} tables"),
        None => String::new(),
    };
    Pair::new("holds", format!("{scope}{tables}; {}, {}", backup.kind.word(), bytes(backup)))
}

fn of(backup: &Backup, scene: &Scene<'_>) -> Pair {
    let text = |text: &Option<Untrusted>| text.as_ref().map_or("?".to_owned(), Untrusted::one_line);
    let cluster = backup.system_identifier.as_deref().unwrap_or("not written down");
    let value = format!(
        "{} · system {} · server {} · made by {} {}",
        text(&backup.database),
        shown(cluster),
        text(&backup.server_version),
        if backup.kind.is_physical() { backup.kind.word() } else { "pg_dump" },
        text(&backup.tool_version)
    );
    let is_other = scene.facts.identity.value().is_some_and(|id| backup.is_of(id) == Some(false));
    match is_other {
        true => Pair::new("▲ of another", value).tone(Tone::Warn),
        false => Pair::new("of", value),
    }
}

/// Returns what the program that keeps it says of it.
fn judged(judged: &Judged) -> Pair {
    let at = judged.at.map(|at| format!(", {} UTC", at.format("%Y-%m-%d %H:%M")));
    let tone = if judged.ok == Some(false) { Tone::Alarm } else { Tone::Plain };
    let text = format!("{}{}: {}", shown(&judged.by), at.unwrap_or_default(), shown(&judged.what));
    Pair::new("its tool", text).tone(tone)
}

fn levels(backup: &Backup) -> String {
    let last = |level: Level| {
        let proof = backup.proof(level).filter(|proof| proof.ok)?;
        let at = proof.at.format("%Y-%m-%d %H:%M");
        Some(format!("{level} {at}: {}", level.proves()))
    };
    let passed: Vec<String> = Level::ALL.into_iter().filter_map(last).collect();
    if passed.is_empty() { "nothing".to_owned() } else { passed.join("\n") }
}

/// Returns what nobody should take for proven.
fn unproven(backup: &Backup) -> Pair {
    let mut lines = Vec::new();
    if backup.kind.is_physical() {
        let text = "what is in its tables: it is a copy of the whole cluster's files, and only its own program restores it";
        return Pair::new("not proven", text).tone(Tone::Dim);
    }
    lines.extend(backup.unproven.iter().map(String::as_str));
    if !backup.registered {
        lines.push("whether it has changed since it was made: it has no manifest");
        if backup.scope == Some(Scope::Full) {
            lines.push("whether tables were left out: -t, -n and -T leave no trace in it");
        }
    }
    let is_decoded = backup.proof(Level::L3).is_some();
    if backup.kind == Kind::Custom && !is_decoded {
        lines.push("whether its rows decode: a flipped bit shows at L3 only");
    } else if backup.level() < Some(Level::L4) {
        lines.push("whether it loads: only a restore into a scratch server shows that");
    }
    let text =
        if lines.is_empty() { "nothing that was tried".to_owned() } else { lines.join("\n") };
    Pair::new("not proven", text).tone(Tone::Dim)
}
