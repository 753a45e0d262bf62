//! The report as Markdown. What it holds comes from anywhere: nothing of it is read as Markdown.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::{Action, Measured, Overridden, Part, Report};
use crate::domain::markdown::{block, code, quotation, text};

/// Where a person has not told anything yet.
const BLANK: &str = "_To be filled in._\n";

/// Returns the report as Markdown.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut page = head(report);
    page.push_str(&warnings(report));
    part(&mut page, "Reason", report, Part::Reason);
    page.push_str(&actions(report));
    page.push_str(&impact(report));
    part(&mut page, "Root cause", report, Part::Cause);
    page.push_str(&prevention(report));
    page.push_str(&timeline(report));
    page.push_str(&errors(report));
    page.push_str(&outputs(report));
    page
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("writing to a String cannot fail");
}

fn item(page: &mut String, label: &str, value: &str) {
    line(page, &format!("- **{label}:** {value}"));
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn strong(said: &str) -> String {
    format!("**▲ {said}**")
}

fn head(report: &Report) -> String {
    let mut page = String::new();
    line(&mut page, "# Migration incident report\n");
    if let Some(mark) = &report.rehearsal {
        let says = strong("THIS WAS A REHEARSAL: it is evidence of nothing on the real target.");
        let of = mark.of.as_ref().map_or_else(
            || "a target that did not answer".to_owned(),
            |of| format!("{} (system {})", code(&of.database), code(&of.system_identifier)),
        );
        line(&mut page, &format!("{says} A copy of {of}, made of {}.\n", text(&mark.words())));
    }
    if let Some(damage) = &report.damage {
        let says =
            strong("THE JOURNAL IS DAMAGED: this report stands only on what is before that.");
        line(&mut page, &format!("{says} {}\n", code(damage)));
    }
    let none = || "not recorded".to_owned();
    item(&mut page, "Date", &report.began_at.map_or_else(none, time));
    let end = report.end.as_ref().map_or_else(|| strong("the run is open"), |end| text(end));
    item(&mut page, "Ended", &format!("{}, {end}", report.ended_at.map_or_else(none, time)));
    if let Some(duration) = report.duration_s {
        item(&mut page, "Duration of the run", &format!("{duration:.0} s, by the records"));
    }
    item(&mut page, "Migrations", &migrations(report));
    let people: Vec<String> = report.executed_by.iter().map(|one| code(one)).collect();
    item(&mut page, "Executed by", &people.join(", "));
    item(&mut page, "Run", &format!("{} {}", code(&report.run), text(&report.title)));
    let here = &report.environment;
    let place = [&here.class, &here.database, &here.host, &here.role];
    let place: Vec<String> = place.into_iter().flatten().map(|one| code(one)).collect();
    item(&mut page, "Where (class, database, host, role)", &place.join(", "));
    let cluster = here.system_identifier.as_ref().map_or_else(none, |id| code(id));
    let server = here.server.as_ref().map_or_else(none, |version| code(version));
    item(&mut page, "Cluster", &format!("{cluster}, PostgreSQL {server}"));
    let chain = if report.intact { "intact" } else { "NOT intact" };
    item(&mut page, "Journal", &format!("{chain}; last record {}", code(&report.anchor)));
    line(&mut page, &format!("- **Written:** {} by lockkeeper\n", time(report.generated_at)));
    page
}

fn migrations(report: &Report) -> String {
    if report.migrations.is_empty() {
        return "none was run".to_owned();
    }
    let one = |migration: &super::Migration| {
        let ending = migration.ending.as_deref().unwrap_or("UNKNOWN");
        format!("{} {} ({})", migration.direction, code(&migration.id), text(ending))
    };
    report.migrations.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// What must not be overlooked: overridden, unverified, waived, unknown.
fn warnings(report: &Report) -> String {
    let mut page = String::new();
    for unknown in &report.unknown {
        line(&mut page, &format!("- {} {}", strong("UNKNOWN what became of:"), text(unknown)));
    }
    for one in &report.overrides {
        let against: Vec<String> = one.against.iter().map(|one| text(one)).collect();
        let against = match against.as_slice() {
            [] => String::new(),
            all => format!(" against: {}", all.join("; ")),
        };
        line(&mut page, &format!("- {} {}{against}", strong("OVERRIDDEN"), typed(one)));
    }
    for one in report.approvals.iter().filter(|one| !one.verified) {
        let why = one.why.as_deref().unwrap_or("typed at the executor's console");
        let says = strong("UNVERIFIED APPROVAL");
        line(&mut page, &format!("- {says} by {}: {}", code(&one.by), text(why)));
    }
    for one in &report.skipped {
        line(&mut page, &format!("- {} {}", strong("WAIVED (skipped)"), typed(one)));
    }
    for one in &report.left_open {
        let says = strong("LEFT OPEN");
        line(&mut page, &format!("- {says} {}: {}", time(one.at), text(&one.text)));
    }
    for one in &report.triggers {
        let says = strong("TRIGGER FIRED");
        line(&mut page, &format!("- {says} {}: {}", time(one.at), text(&one.text)));
    }
    if page.is_empty() {
        return String::new();
    }
    format!("## To be looked at\n\n{page}\n")
}

fn typed(one: &Overridden) -> String {
    let step = one.step.as_deref().unwrap_or("-");
    format!("{} by {}, {}: {}", code(step), code(&one.by), time(one.at), text(&one.reason))
}

fn part(page: &mut String, title: &str, report: &Report, part: Part) {
    line(page, &format!("## {title}\n"));
    match report.told.of(part) {
        Some(told) => page.push_str(&quotation(told)),
        None => page.push_str(BLANK),
    }
    page.push('\n');
}

fn actions(report: &Report) -> String {
    let mut page = "## Actions taken\n\n".to_owned();
    if report.actions.is_empty() {
        page.push_str("No act was begun.\n");
    }
    for (at, action) in report.actions.iter().enumerate() {
        line(&mut page, &format!("{}. {}", at + 1, done(action)));
    }
    page.push('\n');
    backups(&mut page, report);
    approvals(&mut page, report);
    let restored = report.backups.iter().any(|backup| backup.what == "restored");
    item(&mut page, "Restoration from a backup", if restored { "yes, above" } else { "no" });
    line(&mut page, "- **Staging test:** not recorded in this run\n");
    page
}

fn done(action: &Action) -> String {
    let ending = action.ending.as_deref().unwrap_or("UNKNOWN");
    let ending = if ending == "done" { "done".to_owned() } else { strong(&text(ending)) };
    let took = action.took_s.map(|took| format!(", {took:.1} s")).unwrap_or_default();
    let attempt =
        if action.attempt > 1 { format!(", attempt {}", action.attempt) } else { String::new() };
    let command =
        action.command.as_ref().map(|line| format!(": {}", code(line))).unwrap_or_default();
    format!(
        "{} **{}**{attempt}{command}: {ending}{took}; by {}, plan {}",
        time(action.at),
        text(&action.title),
        code(&action.by),
        code(action.plan.as_deref().unwrap_or("none"))
    )
}

fn backups(page: &mut String, report: &Report) {
    line(page, "### Backups\n");
    if report.backups.is_empty() {
        line(page, "None was made, proven or restored in this run.");
    }
    for one in &report.backups {
        let level = one.level.as_ref().map(|level| format!(" to {}", text(level)));
        let ending = one.ending.as_deref().unwrap_or("UNKNOWN");
        line(
            page,
            &format!(
                "- {} {}{}: {} ({})",
                time(one.at),
                one.what,
                level.unwrap_or_default(),
                code(&one.location),
                text(ending)
            ),
        );
    }
    page.push('\n');
}

fn approvals(page: &mut String, report: &Report) {
    line(page, "### Approvals\n");
    if report.approvals.is_empty() {
        line(page, "Nobody approved anything in this run.");
    }
    for one in &report.approvals {
        let says = if one.verified {
            "verified by a login of their own".to_owned()
        } else {
            strong("unverified")
        };
        let same = if one.same_account { ", the executor's" } else { "" };
        line(
            page,
            &format!(
                "- {} by {} as {}: {says}; account {}{same}; plan {}",
                time(one.at),
                code(&one.by),
                code(&one.role),
                code(&one.account),
                code(one.plan.as_deref().unwrap_or("none"))
            ),
        );
    }
    page.push('\n');
}

fn impact(report: &Report) -> String {
    let mut page = "## Impact\n\n".to_owned();
    measured(&mut page, "Downtime", &report.downtime);
    measured(&mut page, "Data loss", &report.data_loss);
    line(&mut page, "**Users and services:**\n");
    match report.told.of(Part::Impact) {
        Some(told) => page.push_str(&quotation(told)),
        None => page.push_str(BLANK),
    }
    page.push('\n');
    page
}

fn measured(page: &mut String, what: &str, measured: &Measured) {
    let head = if measured.is_measured { "measured" } else { "not measured" };
    line(page, &format!("- **{what}:** {head}"));
    for piece in &measured.pieces {
        line(page, &format!("  - {}", text(piece)));
    }
    for limit in &measured.limits {
        line(page, &format!("  - {}", text(limit)));
    }
    page.push('\n');
}

fn prevention(report: &Report) -> String {
    let mut page = "## Prevention\n\n".to_owned();
    if let Some(told) = report.told.of(Part::Prevention) {
        page.push_str(&quotation(told));
        page.push('\n');
    }
    page.push_str(
        "- [ ] Migration corrected\n- [ ] Tests added\n- [ ] Documentation updated\n\
         - [ ] Team told\n\n",
    );
    page
}

fn timeline(report: &Report) -> String {
    let mut page = "## Timeline\n\n".to_owned();
    for one in &report.timeline {
        let said = if one.marked { strong(&text(&one.text)) } else { text(&one.text) };
        line(&mut page, &format!("- {} {said} ({})", time(one.at), code(&one.by)));
    }
    page.push('\n');
    page
}

fn errors(report: &Report) -> String {
    let mut page = "## Errors\n\n".to_owned();
    if report.errors.is_empty() {
        page.push_str("None is recorded.\n");
    }
    for one in &report.errors {
        line(&mut page, &format!("- {} {}", time(one.at), code(&one.text)));
    }
    page.push('\n');
    page
}

fn outputs(report: &Report) -> String {
    let mut page = "## Output\n\n".to_owned();
    if report.outputs.is_empty() {
        page.push_str("No act printed anything.\n");
    }
    for one in &report.outputs {
        let cut = if one.is_cut { ", its last lines" } else { "" };
        line(&mut page, &format!("Act {}, attempt {}{cut}:\n", code(&one.act), one.attempt));
        page.push_str(&block(one.lines.iter().map(String::as_str)));
        page.push('\n');
    }
    page
}
