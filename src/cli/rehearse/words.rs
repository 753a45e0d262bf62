//! A rehearsal in words.

use crate::domain::evidence::Verdict as Outcome;
use crate::domain::quantity::size;
use crate::domain::rehearsal::{Rehearsed, Report, Verdict, unmeasured};

/// Returns the lines of a report.
pub(super) fn of(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = report.migrations.iter().flat_map(migration).collect();
    if report.migrations.is_empty() && report.why.is_none() {
        lines.push("nothing is pending".to_owned());
    }
    lines.extend(report.why.as_ref().map(|why| format!("cannot tell: {why}")));
    lines.push(summary(report));
    lines
}

/// Returns what it all comes to, in one line.
pub(super) fn summary(report: &Report) -> String {
    let mark = match report.verdict {
        Outcome::Pass => "✓ good",
        Outcome::Fail => "✖ bad",
        Outcome::Unknown => "? cannot tell",
    };
    let of = report.bytes.map(|bytes| format!(", {}", size(bytes))).unwrap_or_default();
    let from = match &report.backup {
        Some(path) => format!("the backup {path}"),
        None => report.source.words().to_owned(),
    };
    let on = report.on.as_ref().map(|on| format!(", on {on}")).unwrap_or_default();
    format!(
        "{mark}: {} rehearsed on {from}{of}{on}, in {:.1} s",
        count(report.migrations.len(), "migration"),
        report.took_s
    )
}

fn count(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Returns the verdict with its mark.
pub(super) fn verdict(verdict: Option<Verdict>) -> String {
    match verdict {
        Some(verdict @ Verdict::Reversible) => format!("✓ {}", verdict.words()),
        Some(verdict @ Verdict::Lossy) => format!("▲ {}", verdict.words()),
        Some(verdict) => format!("✖ {}", verdict.words()),
        None => "? cannot tell".to_owned(),
    }
}

fn migration(one: &Rehearsed) -> Vec<String> {
    let mut lines = vec![format!("{}  {}: {}", verdict(one.verdict), one.id, one.why)];
    lines.push(format!(
        "    up {} · down {} · again {}",
        took(one.up_s),
        took(one.down_s),
        took(one.again_s)
    ));
    for statement in &one.statements {
        let locks: Vec<String> =
            statement.locks.iter().map(|l| format!("{} {}", l.relation, l.mode.words())).collect();
        let locks = if locks.is_empty() { "no new lock".to_owned() } else { locks.join(", ") };
        let rewrite = match statement.rewrite.as_slice() {
            [] => String::new(),
            relations => format!(" · REWRITES {}", relations.join(", ")),
        };
        let sql = crate::domain::untrusted::Untrusted::from(statement.sql.as_str()).one_line();
        let sql: String = sql.chars().take(100).collect();
        lines.push(format!("    {} {sql} · {locks}{rewrite}", took(statement.took_s)));
    }
    let unmeasured = unmeasured(one.sampled.as_deref());
    lines.extend(unmeasured.map(|text| format!("    statements and locks {text}")));
    let told = |label: &'static str, texts: &[String]| {
        texts.iter().map(|text| format!("    {label} {text}")).collect::<Vec<_>>()
    };
    lines.extend(told("changes  ", &one.schema_diff));
    lines.extend(told("left     ", &one.left));
    lines.extend(told("vanished ", &one.vanished));
    lines.extend(told("reordered", &one.reordered));
    lines.extend(told("finding  ", &one.findings));
    for (table, why) in &one.unwritten {
        lines.push(format!("    no row   {table}: {why}"));
    }
    lines
}

/// Returns a time in words.
pub(super) fn took(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "–".to_owned(), |seconds| format!("{seconds:.2} s"))
}
