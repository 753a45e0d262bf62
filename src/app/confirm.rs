//! What the dialogs say of a plan and of a backend.

use crate::domain::plan::{Action, Need, Plan};
use crate::domain::untrusted::Untrusted;
use crate::session::confirm::Pending;
use crate::session::facts::Facts;
use crate::session::news::BackendDetail;
use crate::ui::theme::Tone;
use crate::ui::widgets::pairs::Pair;

use super::header::{number, place};
use super::overlay::confirm as dialog;
use super::overlay::detail::Detail;

/// The key that confirms what can lose nothing; no panel opens a plan with it.
const YES: char = 'y';

/// Returns what the confirmation shows of the pending plan.
#[must_use]
pub fn content(pending: &Pending) -> dialog::Content {
    let plan = pending.plan();
    dialog::Content {
        title: plan.preview.title.clone(),
        class: plan.class,
        rehearsal: plan.preview.rehearsal,
        rows: rows(plan),
        hash: pending.hash().clone(),
        need: match pending.need() {
            Need::Typed(token) => dialog::Need::Typed(token),
            Need::Nothing | Need::Key => dialog::Need::Key(YES),
        },
    }
}

/// Returns the plan, label by label, in words that also the line mode prints.
#[must_use]
pub fn rows(plan: &Plan) -> Vec<Pair> {
    let mut rows = Vec::new();
    let mut row = |label: &str, value: String, tone| {
        if !value.is_empty() {
            rows.push(Pair::new(label, value).tone(tone));
        }
    };
    let shown = |text: &str| Untrusted::from(text).visible();
    if let Some(command) = &plan.command {
        row("runs", shown(&command.line()), Tone::Strong);
    }
    row(
        "sql",
        plan.preview.sql.iter().map(|sql| shown(sql)).collect::<Vec<_>>().join("\n"),
        Tone::Plain,
    );
    row("on", target(plan), Tone::Plain);
    row("touches", plan.preview.touches.join("\n"), Tone::Plain);
    row("now", plan.preview.now.join("\n"), Tone::Warn);
    row("takes", plan.preview.takes.clone().unwrap_or_default(), Tone::Plain);
    row("limits", limits(plan), Tone::Plain);
    row("back", plan.preview.back.clone(), Tone::Plain);
    row("risk", plan.risk.word().to_owned(), risk_tone(plan));
    rows
}

fn target(plan: &Plan) -> String {
    let target = &plan.target;
    let role = if target.primary { "primary" } else { "REPLICA" };
    let name = |text: &str| Untrusted::from(text).one_line();
    format!(
        "{} @ {} as {} · {role} · PostgreSQL {} · system {}",
        name(&target.database),
        place(&name(&target.host), target.port),
        name(&target.role),
        number(&name(&target.version)),
        target.system_identifier,
    )
}

fn limits(plan: &Plan) -> String {
    let Action::Migrate { .. } = plan.action else {
        return plan.preview.stall.clone().unwrap_or_default();
    };
    let timeouts = &plan.timeouts;
    let late = |ms| format!("our backend is cancelled after {} s of waiting", seconds(ms));
    let mut limits = vec![match (timeouts.lock_ms, timeouts.cancel_ms) {
        (Some(ms), None) => format!("lock_timeout {} s", seconds(ms)),
        (Some(ms), Some(cancel)) => {
            format!("lock_timeout {} s (else cancelled at {} s)", seconds(ms), seconds(cancel))
        }
        (None, Some(cancel)) => format!("NO lock_timeout in force: {}", late(cancel)),
        (None, None) => "no lock_timeout: it would leave an invalid index behind".to_owned(),
    }];
    limits.push(match (plan.attempts, timeouts.pause_ms) {
        (1, _) => "1 attempt".to_owned(),
        (attempts, Some(ms)) => format!("{attempts} attempts from {} s apart", seconds(ms)),
        (attempts, None) => format!("{attempts} attempts"),
    });
    limits.extend(timeouts.statement_ms.map(|ms| format!("statement_timeout {}", period(ms))));
    // One row: on a small screen all of a plain plan has to be in sight before it can be armed.
    limits.extend(plan.preview.stall.clone());
    limits.join(", ")
}

fn period(ms: u64) -> String {
    let whole = |unit: u64| ms > 0 && ms.is_multiple_of(unit);
    match ms {
        _ if whole(3_600_000) => format!("{} h", ms / 3_600_000),
        _ if whole(60_000) => format!("{} min", ms / 60_000),
        _ => format!("{} s", seconds(ms)),
    }
}

fn seconds(ms: u64) -> String {
    if ms.is_multiple_of(1000) {
        (ms / 1000).to_string()
    } else {
        format!("{}.{:03}", ms / 1000, ms % 1000)
    }
}

fn risk_tone(plan: &Plan) -> Tone {
    use crate::domain::plan::Risk;
    match plan.risk {
        Risk::Read | Risk::Safe => Tone::Plain,
        Risk::Lossy => Tone::Warn,
        Risk::Destructive => Tone::Alarm,
    }
}

/// Returns the page about one backend.
#[must_use]
pub fn backend(detail: &BackendDetail, facts: &Facts) -> Detail {
    let mut pairs = Vec::new();
    let snapshot = facts.snapshot.value();
    let backend =
        snapshot.and_then(|snapshot| snapshot.backends.iter().find(|b| b.key() == detail.backend));
    if let Some(backend) = backend {
        pairs.extend(crate::panels::activity::pairs(backend, facts));
    } else {
        pairs.push(Pair::new("gone", "it has ended since").tone(Tone::Warn));
    }
    let locks = if detail.locks.is_empty() { "none".to_owned() } else { detail.locks.join("\n") };
    pairs.push(Pair::new("locks", locks));
    Detail::new(format!("Backend {}", detail.backend.pid), pairs, &detail.query)
}
