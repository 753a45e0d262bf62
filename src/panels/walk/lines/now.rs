//! Where the step stands, and what is possible from there.

use super::{section, shown};
use crate::domain::age;
use crate::domain::runbook::{Kind, Skip};
use crate::domain::trigger::State;
use crate::domain::verdict::Level;
use crate::panels::Scene;
use crate::panels::walk::keys;
use crate::session::walk::{ESCALATE, Phase, Purpose, Walk};
use crate::ui::theme::{Tone, symbol};
use crate::ui::widgets::pairs::Pair;

/// Returns what waits for a second person, who has approved it, and how they do.
fn awaiting(walk: &Walk) -> Vec<Pair> {
    let Some(awaited) = walk.awaited() else {
        return vec![Pair::new("now", "what is to be approved is being planned").tone(Tone::Dim)];
    };
    let what = awaited.plan.as_ref().map_or_else(
        || shown(awaited.why.as_deref().unwrap_or("the step itself")),
        |plan| format!("{} · plan {}", shown(&plan.preview.title), plan.hash().short()),
    );
    let given: Vec<String> = walk.approved().iter().map(|one| shown(&one.words())).collect();
    let given = if given.is_empty() { "nobody yet".to_owned() } else { given.join(", ") };
    vec![
        Pair::new("waits for", format!("{} as {}: {what}", awaited.needed, shown(&awaited.role)))
            .tone(Tone::Accent),
        Pair::new("approved", given),
        Pair::new(
            "now",
            "`lockkeeper approve` in the approver's terminal, verified by their login; v takes a typed name (unverified); o goes on without, for a typed reason shown in red",
        ),
    ]
}

/// Returns where the step stands.
pub(super) fn phase(walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    let now = |text: &str, tone| vec![Pair::new("now", text).tone(tone)];
    match walk.phase() {
        Phase::Notice => now("read it, then r goes on", Tone::Plain),
        Phase::Held => {
            now("▲ paused before this step: nothing of it is read yet; p goes on", Tone::Warn)
        }
        Phase::Probing(purpose) => now(probing(*purpose), Tone::Dim),
        Phase::Ready => now("r plans it and asks you before it runs", Tone::Plain),
        Phase::Acting => act(scene),
        Phase::Deciding => Vec::new(),
        Phase::Refused(why) => {
            let now = "s skips it with a reason; ! hands it to a person";
            failed(false, why, now, walk)
        }
        Phase::Doing => now("do it, then v records what came of it", Tone::Plain),
        Phase::Asking => now("v answers; what is live can be picked", Tone::Plain),
        Phase::Approving => awaiting(walk),
        Phase::Watching => watching(walk, scene),
        Phase::Undo(_) => Vec::new(),
        Phase::Denied { reasons, overridable } => {
            let mut lines = denied(reasons, *overridable);
            if walk.awaited().is_some() {
                lines.extend(awaiting(walk));
            }
            lines
        }
        Phase::CheckFailed { unknown, why } if walk.given().is_some() => {
            failed(*unknown, why, "r looks again; v says anew what came of it", walk)
        }
        Phase::CheckFailed { unknown, why } => {
            let skip = match walk.current().skip {
                Skip::Never => "it is required, so the run stays here",
                _ => "s skips it with a reason",
            };
            failed(*unknown, why, &format!("{}r reads it again; {skip}", remedy(walk)), walk)
        }
        Phase::Unproven { unknown, why } => {
            failed(*unknown, why, "r reads it again; the act itself is not run again", walk)
        }
        Phase::Failed { why, may_retry: true } => {
            failed(false, why, "r plans it again and asks you; 3 shows who stands in the way", walk)
        }
        Phase::Failed { why, may_retry: false } => {
            failed(false, why, "it is not tried again here: take one of the ways below", walk)
        }
    }
}

/// Returns how long the live view goes on, and how the armed triggers stand.
pub(super) fn watching(walk: &Walk, scene: &Scene<'_>) -> Vec<Pair> {
    let left = walk.watch_left(scene.facts.now).unwrap_or_default();
    let now = if left.is_zero() {
        "long enough: it ends when what it waits for holds; s ends it with a reason".to_owned()
    } else {
        format!("watching for {} more; s ends it now, with a reason", age::clock(left))
    };
    let mut lines = vec![Pair::new("now", now).tone(Tone::Accent)];
    for armed in walk.armed() {
        let (word, tone) = match armed.state {
            State::Calm => ("✓ calm", Tone::Ok),
            State::Warn => ("▲ warns", Tone::Warn),
            State::Fire => ("✖ FIRES", Tone::Alarm),
            State::Unknown => ("▲ cannot tell", Tone::Warn),
        };
        let aside = armed.aside.map(|why| format!(" · put aside: {}", shown(&why)));
        let aside = aside.unwrap_or_default();
        let text = format!("{word} · {} · {}{aside}", armed.says, shown(&armed.found));
        lines.push(Pair::new("trigger", text).tone(tone));
    }
    lines
}

/// Returns what an operator can do about what a check found, where this console can.
fn remedy(walk: &Walk) -> &'static str {
    let Kind::Check(claim) = &walk.current().kind else { return "" };
    match claim.name.as_str() {
        "lock_holders_conflicting" | "long_transactions" => {
            "wait for it, or end it: 2 lists the sessions, j chooses one there, t ends it; "
        }
        "blocked_sessions" => "3 shows who stands in the way, t there ends one; ",
        "tool_problems" => "4 names them; ",
        _ => "",
    }
}

fn denied(reasons: &[String], overridable: bool) -> Vec<Pair> {
    let line = |reason: &String| Pair::new("✖ denied", shown(reason)).tone(Tone::Alarm);
    let mut lines: Vec<Pair> = reasons.iter().map(line).collect();
    let now = if overridable {
        "r asks its gates again; o overrides them with a typed reason, shown in red"
    } else {
        "r asks its gates again; these are never overridden"
    };
    lines.push(Pair::new("now", now));
    lines
}

/// Returns how far an act has come, and what holds it up.
pub(super) fn act(scene: &Scene<'_>) -> Vec<Pair> {
    [vec![Pair::new("now", acting(scene)).tone(Tone::Accent)], stuck(scene)].concat()
}

/// Returns what holds the running act up, if something does.
fn stuck(scene: &Scene<'_>) -> Vec<Pair> {
    let verdict = scene.facts.verdict.as_ref().filter(|verdict| verdict.level != Level::Ok);
    let Some(verdict) = verdict.filter(|_| scene.session.job().is_some()) else {
        return Vec::new();
    };
    let text = format!("{}; 1 has the ways out", verdict.text);
    vec![Pair::new(format!("{} stuck", symbol::WARN), text).tone(Tone::Warn)]
}

fn acting(scene: &Scene<'_>) -> &'static str {
    match scene.session.job() {
        Some(job) if job.retry_due().is_some() => "it waits for its next attempt",
        Some(_) => "its act is running",
        None if scene.session.is_planning() => "its act is being planned",
        None => "its plan is shown: nothing runs before your yes",
    }
}

fn probing(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Check => "reading",
        Purpose::Gates => "reading what its gates ask for",
        Purpose::Yes => "reading once more what its gates ask for: what they find now decides",
        Purpose::Verify => "reading what must hold afterwards",
        Purpose::Already => "reading whether it is done already",
        Purpose::Evidence => "reading the evidence",
        Purpose::Vouched => "reading what shows that it was done",
    }
}

/// Returns what failed, and the scenarios that know such a failure.
fn failed(unknown: bool, why: &str, now: &str, walk: &Walk) -> Vec<Pair> {
    let why = shown(why);
    let (label, tone) =
        if unknown { ("▲ cannot tell", Tone::Warn) } else { ("✖ failed", Tone::Alarm) };
    let mut lines = vec![Pair::new(label, why).tone(tone)];
    for scenario in walk.scenarios() {
        let text = scenario.text.as_deref().unwrap_or_default();
        lines.push(Pair::new("known as", format!("{}. {text}", scenario.title)));
    }
    lines.extend(walk.advice().map(|next| Pair::new("next", next)));
    if unknown {
        // Who may be able to tell, before anybody goes on without.
        lines.extend(walk.whom_to_call().iter().map(|line| Pair::new("call", shown(line))));
    }
    lines.push(Pair::new("now", now));
    lines
}

/// Returns the ways on that the failure offers.
pub(super) fn offers(walk: &Walk) -> Vec<Pair> {
    let line = |(key, offer): (char, String)| {
        let text = match offer.as_str() {
            ESCALATE => "escalate: the run ends and goes to a person".to_owned(),
            id => format!("go on at: {}", section(walk, id)),
        };
        Pair::new(key.to_string(), text)
    };
    keys::offered(walk).into_iter().map(line).collect()
}
