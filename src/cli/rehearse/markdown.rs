//! A rehearsal as a summary in Markdown, for a pull request.

use std::fmt::Write as _;

use super::words::{summary, took, verdict};
use crate::domain::hazard::Transactions;
use crate::domain::rehearsal::{Rehearsed, Report, unmeasured};

/// Returns the summary.
pub(super) fn of(report: &Report) -> String {
    let mut text = format!("## Rehearsal\n\n{}\n", escaped(&summary(report)));
    if let Some(why) = &report.why {
        let _ = write!(text, "\n**Cannot tell:** {}\n", escaped(why));
    }
    if !report.excluded.is_empty() {
        let _ = write!(text, "\nWithout the rows of {}.\n", escaped(&report.excluded.join(", ")));
    }
    if !report.migrations.is_empty() {
        text.push_str("\n| migration | verdict | up | down | again | transactions | why |\n");
        text.push_str("|---|---|---|---|---|---|---|\n");
        for one in &report.migrations {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} |",
                escaped(&one.id),
                verdict(one.verdict),
                took(one.up_s),
                took(one.down_s),
                took(one.again_s),
                shape(one.transaction),
                escaped(&one.why)
            );
        }
    }
    for one in &report.migrations {
        details(one, &mut text);
    }
    text
}

fn shape(transactions: Transactions) -> &'static str {
    match transactions {
        Transactions::One => "one",
        Transactions::None => "none",
        Transactions::Mixed => "several",
        Transactions::Unknown => "–",
    }
}

fn details(one: &Rehearsed, text: &mut String) {
    let rows = one.rows_diff.iter().map(|(table, rows)| format!("{table}: {rows:+}"));
    let rows: Vec<String> = rows.collect();
    let unwritten = one.unwritten.iter().map(|(table, why)| format!("{table}: {why}"));
    let unwritten: Vec<String> = unwritten.collect();
    let parts = [
        ("Changes", &one.schema_diff),
        ("Left after down", &one.left),
        ("Columns in another order", &one.reordered),
        ("Rows after down", &rows),
        ("Vanished", &one.vanished),
        ("Into these no row could be written", &unwritten),
        ("Measured otherwise than predicted", &one.findings),
    ];
    let unmeasured = unmeasured(one.sampled.as_deref());
    let is_silent = one.statements.is_empty() && unmeasured.is_none();
    if is_silent && parts.iter().all(|(_, lines)| lines.is_empty()) {
        return;
    }
    let _ = write!(text, "\n### {}\n", escaped(&one.id));
    if let Some(told) = unmeasured {
        let _ = write!(text, "\n**Statements and locks** {}\n", escaped(&told));
    }
    if !one.statements.is_empty() {
        text.push_str("\n| statement | took | locks | rewrites |\n|---|---|---|---|\n");
        for statement in &one.statements {
            let locks: Vec<String> = statement
                .locks
                .iter()
                .map(|lock| format!("{} {}", lock.relation, lock.mode.words()))
                .collect();
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                escaped(&statement.sql.split_whitespace().collect::<Vec<_>>().join(" ")),
                took(statement.took_s),
                escaped(&locks.join(", ")),
                escaped(&statement.rewrite.join(", "))
            );
        }
    }
    for (title, lines) in parts.into_iter().filter(|(_, lines)| !lines.is_empty()) {
        let _ = write!(text, "\n**{title}**\n\n");
        for line in lines {
            let _ = writeln!(text, "- {}", escaped(line));
        }
    }
}

/// Protects what Markdown would take for its own: names come from anywhere.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        if "\\`*_{}[]<>#|~".contains(c) {
            out.push('\\');
        }
        out.push(if c == '\n' { ' ' } else { c });
        out
    })
}
