//! The backups: what one would restore first, and what is wrong with the others.

use chrono::{DateTime, Utc};

use super::joined;
use crate::domain::age;
use crate::domain::backup::{Backup, Inventory, Worth};
use crate::domain::untrusted::Untrusted;
use crate::domain::verify::{Beside, Finding, Report};
use crate::panels::size;

/// Returns the inventory, the best backup first.
#[must_use]
pub fn backups(inventory: &Inventory, now: DateTime<Utc>) -> Vec<String> {
    let mut lines = Vec::new();
    for backup in &inventory.backups {
        lines.push(self::backup(backup, now));
        lines.extend(backup.problems.iter().map(|why| format!("            {why}")));
    }
    lines.extend(inventory.problems.iter().map(|problem| format!("PROBLEM {problem}")));
    lines.push(match inventory.backups.len() {
        0 => "no backup was found".to_owned(),
        1 => "1 backup".to_owned(),
        n => format!("{n} backups"),
    });
    lines
}

/// Returns a backup on one line: what it is worth, where it is, how old, of what.
#[must_use]
pub fn backup(backup: &Backup, now: DateTime<Utc>) -> String {
    let standing = match Worth::of(backup) {
        Worth::Proven => "PROVEN",
        Worth::Complete => "complete",
        Worth::Unknown => "NOT KNOWN",
        Worth::Bad => "BAD",
    };
    let old = match (backup.age(now), backup.created_local) {
        (Some(old), _) => format!("{} old", age::rough(old)),
        (None, Some(at)) => format!("age unknown (made at {at} by a clock without zone)"),
        (None, None) => "age unknown".to_owned(),
    };
    let revision = match backup.revisions.as_deref() {
        None => "revision unknown".to_owned(),
        Some([]) => "no migration in it".to_owned(),
        Some(ids) => format!("at {}", plain(&ids.join(", "))),
    };
    let levels: Vec<String> = backup.passed().map(|level| level.to_string()).collect();
    let words = [
        plain(&backup.location),
        old,
        backup.size.map(bytes).unwrap_or_default(),
        joined_kind(backup),
        backup.database.as_ref().map(Untrusted::one_line).unwrap_or_default(),
        revision,
        levels.join(" "),
        backup.judged.as_ref().map(|judged| plain(&judged.what)).unwrap_or_default(),
        match backup.registered || backup.kind.is_physical() {
            true => String::new(),
            false => "adopted".to_owned(),
        },
    ];
    format!("  {standing:<9} {}", joined(words))
}

fn joined_kind(backup: &Backup) -> String {
    let scope = backup.scope.map_or("", crate::domain::backup::Scope::word);
    format!("{} {scope}", backup.kind.word()).trim_end().to_owned()
}

/// Returns what each level found, and what it comes to.
#[must_use]
pub fn proof(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = report.findings.iter().map(finding).collect();
    lines.extend(report.beside.iter().map(beside));
    if let Some(judged) = &report.judged {
        lines.push(format!("  {}: {}", plain(&judged.by), plain(&judged.what)));
    }
    let file = plain(&report.file);
    lines.push(match (report.ok, report.reached) {
        (Some(true), _) if report.exit_code() != 0 => {
            format!(
                "{file} itself is good ({} passed), but not all that lies beside it",
                report.asked
            )
        }
        (Some(true), _) if report.judged.is_some() => {
            format!(
                "{file} is good, by its own program; what is in its tables nobody has looked at"
            )
        }
        (Some(true), _) => format!("{file} is good: {} passed", report.asked),
        (Some(false), _) => format!("{file} is BAD: do not count on it"),
        (None, _) if report.judged.is_some() => format!("cannot tell whether {file} is good"),
        (None, Some(reached)) => {
            format!("cannot tell: {file} has passed {reached}, not {}", report.asked)
        }
        (None, None) => format!("cannot tell: nothing is proven of {file}"),
    });
    lines
}

fn finding(finding: &Finding) -> String {
    let word = match finding.ok {
        Some(true) => "passed",
        Some(false) => "FAILED",
        None => "-",
    };
    let proves = match finding.ok {
        Some(true) => format!(" ({})", finding.level.proves()),
        _ => String::new(),
    };
    let took = finding.took.as_secs_f64();
    format!("  {} {word:<7} {}{proves}, {took:.2} s", finding.level, plain(&finding.what))
}

fn beside(side: &Beside) -> String {
    let word = match side.ok {
        Some(true) => "as it was",
        Some(false) => "BAD",
        None => "cannot tell",
    };
    format!("  beside it: {} {word}: {}", side.name, plain(&side.what))
}

fn plain(text: &str) -> String {
    Untrusted::from(text).one_line()
}

fn bytes(size: u64) -> String {
    size::bytes(i64::try_from(size).unwrap_or(i64::MAX))
}
