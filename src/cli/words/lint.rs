//! The dangers of SQL, a few lines for each statement that has some.

use super::joined;
use crate::domain::hazard::{Answer, Severity};
use crate::domain::untrusted::Untrusted;
use crate::tools::status::{Finding, Lint, LintError, Linted};

/// Returns every statement with what it locks, then what is to be said of it.
#[must_use]
pub fn lint(lint: &Lint) -> Vec<String> {
    let mut lines: Vec<String> = lint.statements.iter().flat_map(statement).collect();
    lines.extend(lint.errors.iter().map(error));
    lines.push(summary(lint));
    lines
}

fn statement(linted: &Linted) -> Vec<String> {
    let locks =
        linted.locks.iter().map(|held| format!("{} on {}", held.mode.words(), held.relation));
    let does = joined([
        locks.collect::<Vec<_>>().join(", "),
        answered(linted.rewrite, "writes the table anew", "may write the table anew"),
        answered(linted.scan, "reads every row", "may read every row"),
        format!("blocks {}", linted.blocks),
    ]);
    let place = format!("{}:{}", linted.file, linted.line);
    let mut lines = vec![plain(&format!("{place}  {}  {}", word(linted.severity), linted.kind))];
    lines.push(under(&does));
    lines.extend(linted.losses.iter().map(|lost| under(&format!("LOSES {lost}"))));
    lines.extend(linted.findings.iter().flat_map(finding));
    lines
}

fn finding(finding: &Finding) -> Vec<String> {
    let says = format!("{} {}: {}", finding.source, finding.rule, finding.message);
    let safe = finding.safe_form.as_ref().map(|form| format!("safe form: {form}"));
    std::iter::once(says).chain(safe).map(|line| under(&line)).collect()
}

fn error(error: &LintError) -> String {
    let line = error.line.map(|line| format!(":{line}")).unwrap_or_default();
    plain(&format!("{}{line}  CANNOT TELL  {}", error.file, error.message))
}

fn answered(answer: Answer, yes: &str, perhaps: &str) -> String {
    match answer {
        Answer::Yes => yes.to_owned(),
        Answer::Unknown => perhaps.to_owned(),
        Answer::No => String::new(),
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "HIGH",
    }
}

fn summary(lint: &Lint) -> String {
    let count = |severity| lint.statements.iter().filter(|s| s.severity == severity).count();
    let errors = match lint.errors.len() {
        0 => String::new(),
        n => format!("; {n} cannot be told"),
    };
    format!(
        "{} statements: {} high, {} medium, {} low{errors}",
        lint.statements.len(),
        count(Severity::High),
        count(Severity::Medium),
        count(Severity::Low)
    )
}

fn under(text: &str) -> String {
    format!("    {}", plain(text))
}

fn plain(text: &str) -> String {
    Untrusted::from(text).one_line()
}
