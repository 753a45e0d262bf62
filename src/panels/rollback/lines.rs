//! What going back would mean now, from what is known without asking anybody.

use crate::domain::age;
use crate::domain::backup::Backup;
use crate::domain::deploy::{NO_BASELINE, NOT_READ};
use crate::domain::plan::Direction;
use crate::domain::quantity::Period;
use crate::domain::reversal::Kind as Reversal;
use crate::domain::untrusted::Untrusted;
use crate::panels::Scene;
use crate::session::facts::{Facts, Migrations};
use crate::ui::theme::{Tone, symbol};
use crate::ui::widgets::pairs::Pair;

/// The label of the line that tells the key of this panel.
pub(super) const KEY: &str = "r";

/// Returns the page while nothing is walked.
pub(super) fn of(scene: &Scene<'_>) -> Vec<Pair> {
    let facts = scene.facts;
    let Some(known) = facts.project.value() else {
        let why = facts.project.error().unwrap_or("they were not read yet");
        let text = format!("{} cannot tell: {}", symbol::WARN, shown(why));
        return vec![Pair::new("migrations", text).tone(Tone::Warn)];
    };
    let mut lines = match known.project.last() {
        Some(last) => last_applied(&last.id, known, facts),
        None => vec![Pair::new("last", "nothing is applied: there is nothing to go back from")],
    };
    lines.push(backup(facts));
    lines.push(policy(facts));
    lines.push(Pair::new(KEY, "begins the rollback tree: it asks, measures, and leads to one of seven ends: downgrade, restore of tables or of all, fix forward, keep the state, salvage, or a person"));
    lines
}

fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}

fn last_applied(id: &str, known: &Migrations, facts: &Facts) -> Vec<Pair> {
    let mut lines = vec![
        Pair::new("last", format!("{} {}", shown(id), shown(known.name(id)))).tone(Tone::Strong),
        deployed(facts),
        way_down(id, known),
    ];
    lines.extend(known.losses(id, Direction::Down).map(|loss| {
        let rows = match (loss.counted(), loss.counted_at) {
            (Some(counted), Some(at)) => {
                format!("{}, {} ago", shown(&counted), age::rough(facts.now - at))
            }
            _ => "rows not counted: n in Migrations counts them".to_owned(),
        };
        Pair::new("✖ loses", format!("{} · {rows}", shown(&loss.what))).tone(Tone::Alarm)
    }));
    lines.push(written(facts));
    lines
}

fn deployed(facts: &Facts) -> Pair {
    let window = facts.target.policy.rollback_within;
    let Some(at) = facts.deployed_at() else {
        let text = format!("{} cannot tell when · policy: within {window}", symbol::WARN);
        return Pair::new("deployed", text).tone(Tone::Warn);
    };
    let age = (facts.now - at).to_std().unwrap_or_default();
    let ago = age::rough(facts.now - at);
    if Period::from_secs(age.as_secs()) <= window {
        Pair::new("deployed", format!("{} {ago} ago · policy: within {window}", symbol::OK))
            .tone(Tone::Ok)
    } else {
        let text = format!("{} {ago} ago · policy window of {window} is over", symbol::WARN);
        Pair::new("deployed", text).tone(Tone::Warn)
    }
}

fn way_down(id: &str, known: &Migrations) -> Pair {
    let Some(entry) = known.entry(id) else {
        return Pair::new("way down", "▲ cannot tell: its file is gone").tone(Tone::Warn);
    };
    let reversal = &entry.reversal;
    let line = reversal.line.map(|line| format!(" (line {line})")).unwrap_or_default();
    let (mark, tone) = match reversal.kind {
        Reversal::Reversible => (symbol::OK, Tone::Ok),
        Reversal::Unknown | Reversal::Conditional => (symbol::WARN, Tone::Warn),
        _ => (symbol::BAD, Tone::Alarm),
    };
    let why = shown(&reversal.why);
    Pair::new("way down", format!("{mark} {}: {why}{line}", reversal.kind.words())).tone(tone)
}

fn written(facts: &Facts) -> Pair {
    let cannot_tell =
        |why: &str| Pair::new("written", format!("{} cannot tell: {}", symbol::WARN, shown(why)));
    let age = facts.slow.age(facts.now).map(age::rough).unwrap_or_default();
    match written_since(facts) {
        Ok((0, _)) => {
            Pair::new("written", format!("{} nothing since · {age} ago", symbol::OK)).tone(Tone::Ok)
        }
        Ok((rows, tables)) => {
            let names = tables.iter().map(|table| shown(table)).collect::<Vec<_>>().join(", ");
            let text = format!("{} {rows} rows since, in {names} · {age} ago", symbol::WARN);
            Pair::new("written", text).tone(Tone::Warn)
        }
        Err(why) => cannot_tell(why).tone(Tone::Warn),
    }
}

/// Returns how many rows were written since the last migration, and to which tables, or why
/// that cannot be told.
fn written_since(facts: &Facts) -> Result<(i64, Vec<String>), &str> {
    let deploy = facts.last_deploy().ok_or(NO_BASELINE)?;
    let slow = facts.slow.value().ok_or_else(|| facts.slow.error().unwrap_or(NOT_READ))?;
    deploy.written_since(&slow.written)
}

/// The newest backup that a restore would take; its age is that of its snapshot.
fn backup(facts: &Facts) -> Pair {
    let warn = |why: &str| Pair::new("backup", format!("{} {why}", symbol::WARN)).tone(Tone::Warn);
    let (Some(inventory), Some(identity)) = (facts.backups.value(), facts.identity.value()) else {
        return warn("cannot tell: the backups are not known");
    };
    let Some(newest) = inventory.newest_verified(identity) else {
        let required = inventory.required;
        return match inventory.newest(identity) {
            Some(newest) => warn(&format!("{}, not proven to {required}", told(newest, facts))),
            None => warn("none is known to be of this database"),
        };
    };
    let recent = newest.age(facts.now).is_some_and(|age| {
        age.to_std().is_ok_and(|age| Period::from_secs(age.as_secs()) <= inventory.max_age)
    });
    match recent {
        true => {
            let text = format!("{} {}", symbol::OK, told(newest, facts));
            Pair::new("backup", text).tone(Tone::Ok)
        }
        false => warn(&format!("{}, older than {}", told(newest, facts), inventory.max_age)),
    }
}

fn told(backup: &Backup, facts: &Facts) -> String {
    let age = backup
        .age(facts.now)
        .map_or("of unknown age".to_owned(), |age| format!("{} old", age::rough(age)));
    let level = backup.level().map_or("not proven".to_owned(), |level| level.to_string());
    let at = match backup.revisions.as_deref() {
        Some([]) => "from before every migration".to_owned(),
        Some(ids) => format!("at {}", shown(&ids.join(", "))),
        None => "its revision is unknown".to_owned(),
    };
    format!("{level}, {age}, {at}")
}

fn policy(facts: &Facts) -> Pair {
    let policy = &facts.target.policy;
    if !policy.forward_only {
        return Pair::new("policy", "going back needs no gate here");
    }
    let approvals = match policy.approvals {
        0 => String::new(),
        n => format!(", approved by {n}"),
    };
    let text = format!(
        "fixing forward is the rule; going back within {}, reversible, with nothing written since and a proven backup{approvals}; a typed reason overrides, in red",
        policy.rollback_within
    );
    Pair::new("policy", text)
}
