//! What was read, and the question that it stands under.

use super::{expected, shown, weighed};
use crate::domain::age;
use crate::domain::evidence::{Builtin, Claim, Sense, Value, Verdict};
use crate::domain::gate::Asks;
use crate::domain::runbook::{Decide, Kind};
use crate::panels::{Scene, rehearsing};
use crate::session::walk::{Evidence, Phase, Walk};
use crate::ui::theme::{Tone, symbol};
use crate::ui::widgets::pairs::Pair;

/// Returns what was read, each with its verdict and its age.
pub(super) fn evidence(walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    let all = walk.evidence();
    let read = all.iter().map(|one| reading(one, claim(walk, &one.label), walk, scene));
    read.chain(rehearsal(walk, scene)).collect()
}

/// Returns how far the rehearsal has come that something which was read waits for.
fn rehearsal(walk: &Walk, scene: &Scene<'_>) -> Option<Pair> {
    let rehearsed = [Builtin::Rehearsed, Builtin::DownRehearsed].map(Sense::Builtin);
    let waits = |one: &Evidence| {
        claim(walk, &one.label).is_some_and(|claim| rehearsed.contains(&claim.probe.sense))
    };
    let live = rehearsing::live(scene).filter(|_| walk.evidence().iter().any(waits))?;
    let text = format!("{}; 4 shows it, then r reads this anew", rehearsing::words(live, scene));
    Some(Pair::new(format!("{} rehearsal", symbol::HERE), text).tone(Tone::Accent))
}

fn reading(one: &Evidence, claim: Option<&Claim>, walk: &Walk, scene: &Scene<'_>) -> Pair {
    let value = match &one.reading.value {
        Value::Unknown(why) => shown(why),
        // The lines of a log stand below each other.
        Value::List(lines) if *walk.phase() == Phase::Watching && !lines.is_empty() => {
            format!("\n{}", lines.iter().map(|line| shown(line)).collect::<Vec<_>>().join("\n"))
        }
        value => shown(&value.to_string()),
    };
    let ago = age::rough(scene.facts.now - one.reading.at);
    let verdict = match claim {
        Some(claim) => Some(expected(claim, walk).test(&one.reading.value)),
        None if one.reading.value.is_unknown() => Some(Verdict::Unknown),
        None => None,
    };
    let (word, tone) = match verdict {
        Some(Verdict::Pass) => (format!("{} pass · ", symbol::OK), Tone::Ok),
        Some(Verdict::Fail) => (format!("{} fail · ", symbol::BAD), Tone::Alarm),
        Some(Verdict::Unknown) => (format!("{} cannot tell · ", symbol::WARN), Tone::Warn),
        None => (String::new(), Tone::Plain),
    };
    Pair::new(one.label.clone(), format!("{word}{value} · {ago} ago")).tone(tone)
}

/// Returns what the current step expects of the probe of that name.
fn claim<'a>(walk: &'a Walk, name: &str) -> Option<&'a Claim> {
    let named = |claim: &&Claim| claim.name == name;
    match &walk.current().kind {
        Kind::Check(claim) => Some(claim).filter(named),
        Kind::Act(act) => act.verify.iter().find(named).or_else(|| {
            let gates = act.gates.iter().filter_map(|gate| walk.book().gates.get(gate));
            let mut claims =
                gates.flat_map(|gate| &gate.rules).filter_map(|rule| match &rule.asks {
                    Asks::Probe(claim) => Some(claim),
                    _ => None,
                });
            claims.find(named)
        }),
        _ => None,
    }
}

/// Returns the question, what was read for it, and how the last act fell.
pub(super) fn decision(decide: &Decide, walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    let mut lines = Vec::new();
    if decide.question != walk.current().title {
        lines.push(Pair::new("question", decide.question.clone()).tone(Tone::Strong));
    }
    lines.extend(weighed::lines(walk, scene));
    if *walk.phase() == Phase::Deciding {
        let fell = scene.session.fell();
        lines.extend(fell.map(|said| Pair::new("last act", shown(said)).tone(Tone::Warn)));
    }
    lines
}
