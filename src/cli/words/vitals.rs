//! What is measured of the run, in lines.

use crate::domain::baseline::Baseline;
use crate::domain::health::{Role, Standing};
use crate::domain::trigger::State;
use crate::domain::untrusted::Untrusted;
use crate::session::facts::Facts;
use crate::session::vitals::Gauge;

/// Returns how the configured probes stand, a line for each kind of them.
#[must_use]
pub fn health(facts: &Facts) -> Vec<String> {
    let roles = [(Role::Health, "health"), (Role::Auth, "authentication")];
    let asked = roles.into_iter().filter(|(role, _)| facts.vitals.health.has(*role));
    asked.map(|(role, word)| stands(word, &facts.vitals.health.standing(role, facts.now))).collect()
}

/// Returns how the probes stand, and how the run stands to the time before it.
pub fn vitals(facts: &Facts) -> Vec<String> {
    let mut lines = health(facts);
    if let Some(before) = facts.vitals.baseline() {
        let tps = against("tps", before.tps, facts.tps());
        let latency = against("latency in ms", before.latency_ms, facts.latency_ms());
        let rows = match facts.rows() {
            None => "rows: unknown".to_owned(),
            Some(rows) if rows.lost > 0 => format!("rows: {} fewer, by estimate", rows.lost),
            Some(rows) => format!("rows: {} more, by estimate", rows.change.max(0)),
        };
        let when = before.origin(facts.now).unwrap_or_else(|| "before the run".to_owned());
        lines.push(format!("against the time {when}: {tps}, {latency}, {rows}"));
        lines.push(format!("{} triggers armed", facts.vitals.armed()));
        lines.extend(facts.gauges().iter().map(gauge));
    }
    lines
}

fn gauge(gauge: &Gauge) -> String {
    let word = match gauge.state {
        State::Calm => "calm",
        State::Warn => "WARNS",
        State::Fire => "FIRES",
        State::Unknown => "UNKNOWN",
    };
    let aside = gauge.aside.as_ref().map(|why| format!("; put aside: {why}"));
    let aside = aside.unwrap_or_default();
    format!("trigger {}: {word}: {} (fires at {}){aside}", gauge.says, gauge.value, gauge.limit)
}

fn stands(word: &str, standing: &Standing) -> String {
    let worst = standing.worst.as_ref().map(|(name, said)| format!(": {name}: {said}"));
    let Standing { good, failing, unknown, .. } = standing;
    let line = format!(
        "{word}: {good} good, {failing} failing, {unknown} unknown{}",
        worst.unwrap_or_default()
    );
    Untrusted::new(line).one_line()
}

fn against(what: &str, before: Option<f64>, now: Option<f64>) -> String {
    let told =
        |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), |v| format!("{v:.1}"));
    let change = Baseline::change(before, now).map(|change| format!(" ({change:+.0} %)"));
    format!("{what} {} (was {}){}", told(now), told(before), change.unwrap_or_default())
}
