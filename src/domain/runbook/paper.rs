//! A runbook on paper: Markdown with boxes to tick, blanks for values, and the commands in the
//! form in which they are run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{
    Act, Action, Backup, Decide, Down, Endpoint, From, Goto, Header, Kind, Manual, Migrate, Mode,
    Offer, Respond, Restore, Runbook, Secret, Section, Skip, Step, Target, Up, Watch, When,
};
use crate::domain::evidence::{Claim, Probe, Sense, Word};
use crate::domain::gate::{Asks, Gate};

/// A blank for what a person writes.
const BLANK: &str = "______________________";

/// The configuration's commands by name, as argument vectors.
pub type Commands = BTreeMap<String, Vec<String>>;

/// Returns the runbook as Markdown, with the configuration's commands where it names them.
#[must_use]
pub fn page(book: &Runbook, commands: &Commands) -> String {
    let mut out = format!("# {}\n\n", book.title);
    if !book.sources.is_empty() {
        line(&mut out, &format!("Stands for: {}", book.sources.join("; ")));
        out.push('\n');
    }
    line(&mut out, &format!("Target {BLANK} run by {BLANK} on {BLANK}"));
    let mut number = 0;
    for section in &book.sections {
        out.push_str(&heading(book, section));
        for step in &section.steps {
            number += 1;
            out.push_str(&paragraph(book, commands, number, step));
        }
    }
    out.push_str(&gates(book));
    out.push_str(&known(book));
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn heading(book: &Runbook, section: &Section) -> String {
    let mode = match section.mode {
        Mode::Immediate => "at once, from memory",
        Mode::ReadDo => "read, then do",
        Mode::DoConfirm => "do, then confirm",
    };
    let mut out = format!("\n## {} (`{}`)\n\n*{mode}", section.title, section.id);
    if book.is_branch(&section.id) {
        out.push_str("; only reached from elsewhere");
    }
    if !section.never.is_empty() {
        let never: Vec<String> = section.never.iter().map(word).collect();
        write!(out, "; never here: {}", never.join(", ")).expect("writing to a String cannot fail");
    }
    out.push_str("*\n");
    out.push_str(&condition(&section.when));
    out
}

fn paragraph(book: &Runbook, commands: &Commands, number: usize, step: &Step) -> String {
    let mut out = format!("\n### {number}. {}\n\n", step.title);
    out.push_str(&condition(&step.when));
    if let Some(why) = &step.why {
        line(&mut out, &format!("{why}\n"));
    }
    out.push_str(&body(book, commands, step));
    for title in &step.links {
        let title = if title == "*" { "all of [links]" } else { title };
        line(&mut out, &format!("- see {title}: {BLANK}"));
    }
    for name in &step.contacts {
        line(&mut out, &format!("- call {name}: {BLANK}"));
    }
    out.push_str(&after(book, step));
    out
}

fn body(book: &Runbook, commands: &Commands, step: &Step) -> String {
    match &step.kind {
        Kind::Notice { text } => format!("{}- [ ] read\n", quoted(text)),
        Kind::Check(claim) => format!("- [ ] {}: found {BLANK}\n", expected(claim)),
        Kind::Manual(manual) => manual_body(manual),
        Kind::Ask(ask) => format!("- [ ] {} = {BLANK} ({})\n", ask.var, source(&ask.from)),
        Kind::Act(act) => act_body(act, commands),
        Kind::Watch(watch) => watch_body(watch),
        Kind::Decide(decide) => decide_body(book, decide),
        Kind::Approve { role } => {
            format!("- [ ] approved by {BLANK} ({role}; never who runs this), at {BLANK}\n")
        }
        Kind::Call { target: Target::Section(id) } => {
            format!("- [ ] walk the section `{id}`, then come back here\n")
        }
        Kind::Call { target } => {
            format!("- [ ] walk the runbook `{target}`, then come back here\n")
        }
    }
}

fn manual_body(manual: &Manual) -> String {
    let form = match manual.respond {
        Respond::Value => "value",
        Respond::Count => "number",
        Respond::Text => "in words",
    };
    let mut out = quoted(&manual.text);
    line(&mut out, &format!("- [ ] done; {form}: {BLANK}"));
    for claim in &manual.verify {
        line(&mut out, &format!("- [ ] shown by {}: found {BLANK}", expected(claim)));
    }
    out
}

fn act_body(act: &Act, commands: &Commands) -> String {
    let mut out = format!("Risk: {} or worse.\n\n{}", act.risk.word(), does(&act.action, commands));
    for gate in &act.gates {
        line(&mut out, &format!("- [ ] the gate `{gate}` allows it (see below)"));
    }
    line(&mut out, &format!("- [ ] done at {BLANK}, by {BLANK}"));
    for claim in &act.verify {
        line(&mut out, &format!("- [ ] afterwards {}: found {BLANK}", expected(claim)));
    }
    if let Some(undo) = &act.undo {
        let does = does(undo, commands);
        line(&mut out, &format!("\nDue from now on:\n\n{does}- [ ] undone at {BLANK}"));
    }
    out
}

fn watch_body(watch: &Watch) -> String {
    let mut out =
        format!("Watch for {} at least, from {BLANK} to {BLANK}:\n\n", watch.min_duration);
    for (name, _) in &watch.probes {
        line(&mut out, &format!("- [ ] {name}: {BLANK}"));
    }
    if let Some(claim) = &watch.until {
        line(&mut out, &format!("- [ ] until {}", expected(claim)));
    }
    out
}

fn decide_body(book: &Runbook, decide: &Decide) -> String {
    let mut out = format!("**{}**\n\nEvidence first:\n\n", decide.question);
    for (name, probe) in &decide.evidence {
        line(&mut out, &format!("- {}: {BLANK}", sensed(name, probe)));
    }
    out.push_str("\nThen one of:\n\n");
    for answer in &decide.answers {
        let to = match &answer.goto {
            Goto::Section(id) => section(book, id),
            Goto::Next => "the next step".to_owned(),
            Goto::End => "the end".to_owned(),
            Goto::Escalate => "a person of the next level".to_owned(),
        };
        line(&mut out, &format!("- [ ] {} → {to}", answer.label));
    }
    line(&mut out, "- [ ] cannot tell → a person of the next level");
    line(&mut out, &format!("- why, if the evidence speaks against it: {BLANK}"));
    out
}

fn after(book: &Runbook, step: &Step) -> String {
    let mut out = String::new();
    let offers: Vec<String> = step
        .on_fail
        .offer
        .iter()
        .map(|offer| match offer {
            Offer::Scenario => "what is known of the error".to_owned(),
            Offer::Escalate => "a person".to_owned(),
            Offer::Section(id) => section(book, id),
        })
        .collect();
    if !offers.is_empty() {
        line(&mut out, &format!("- if it fails: {}", offers.join(", or ")));
    }
    if !step.on_fail.never.is_empty() {
        let never: Vec<String> = step.on_fail.never.iter().map(word).collect();
        line(&mut out, &format!("- if it fails, never: {}", never.join(", ")));
    }
    match step.skip {
        Skip::Never => line(&mut out, "- required: it is never left out"),
        Skip::WithReason => line(&mut out, &format!("- left out, because: {BLANK}")),
        Skip::Freely => {}
    }
    if let Some(replaced) = &step.replaced {
        line(&mut out, &format!("- not `{}`: {}", replaced.instead_of, replaced.because));
    }
    if let Some(source) = &step.source {
        line(&mut out, &format!("- source: {} §{}", source.doc, source.section));
    }
    out
}

/// Returns what an action does: the command in the form in which it is run, where there is one.
fn does(action: &Action, commands: &Commands) -> String {
    let shell = |text: String| format!("```sh\n{text}\n```\n\n");
    match action {
        Action::Sql { text, .. } => format!("```sql\n{}\n```\n\n", text.trim()),
        Action::Command(argv) => shell(argv.iter().map(quoted_word).collect::<Vec<_>>().join(" ")),
        Action::Migrate(Migrate::Up(Up::Head)) => {
            shell("lockkeeper up        # once per pending migration".to_owned())
        }
        Action::Migrate(Migrate::Up(Up::Next)) => shell("lockkeeper up".to_owned()),
        Action::Migrate(Migrate::Up(Up::Revision(to))) => shell(format!("lockkeeper up --to {to}")),
        Action::Migrate(Migrate::Down(Down::Previous)) => shell("lockkeeper down".to_owned()),
        Action::Migrate(Migrate::Down(Down::Revision(to))) => {
            shell(format!("lockkeeper down --to {to}"))
        }
        Action::Backup(backup) => shell(backs_up(backup)),
        Action::VerifyBackup(verify) => {
            shell(format!("lockkeeper verify {} --level {}", verify.backup, verify.level))
        }
        Action::Restore(Restore::Full { backup }) => {
            shell(format!("lockkeeper restore {backup}        # load, settle, swap: once each"))
        }
        Action::Restore(Restore::Tables { backup, tables, rows }) => {
            let flags: Vec<String> =
                rows.words().iter().map(|word| format!("--{}", word.replace('_', "-"))).collect();
            let flags = flags.join(" ");
            let each = |table: &Word| {
                format!(
                    "lockkeeper restore-table stage {table} {backup}\n\
                     lockkeeper restore-table merge {table} {flags}\n\
                     lockkeeper restore-table drop {table}"
                )
            };
            shell(tables.iter().map(each).collect::<Vec<_>>().join("\n"))
        }
        Action::Signal(signalled) => {
            shell(format!("lockkeeper {} {}", signalled.kind.word(), signalled.session))
        }
        Action::Http(endpoint) => request(endpoint),
        Action::Configured(name) if commands.contains_key(name) => {
            let argv = commands[name].iter().map(|word| Word::Text(word.clone()));
            shell(argv.map(|word| quoted_word(&word)).collect::<Vec<_>>().join(" "))
        }
        Action::Configured(name) => {
            format!("The command `{name}` of [commands] in lockkeeper.toml: {BLANK}\n\n")
        }
        Action::UndoOf(step) => format!("What undoes the step `{step}`, if that was done.\n\n"),
    }
}

/// Returns a request as it goes over the line, with the names of its secrets.
fn request(endpoint: &Endpoint) -> String {
    let mut lines = vec![format!("{} {}", endpoint.method.word(), endpoint.url)];
    lines.extend(endpoint.headers.iter().map(|(name, header)| match header {
        Header::Shown(word) => format!("{name}: {word}"),
        Header::Secret(Secret { env, prefix }) => format!("{name}: {prefix}${env}"),
    }));
    if let Some(key) = &endpoint.idempotency_key {
        lines.push(format!("{key}: one of its own"));
    }
    lines.extend(endpoint.body.iter().map(|body| format!("\n{body}")));
    format!("```http\n{}\n```\n\n", lines.join("\n"))
}

fn backs_up(backup: &Backup) -> String {
    let each = |flag: &str, tables: &[Word]| {
        tables.iter().map(|table| format!(" {flag} {table}")).collect::<Vec<_>>().concat()
    };
    match backup {
        Backup::Full => "lockkeeper backup".to_owned(),
        Backup::Schema => "lockkeeper backup --scope schema".to_owned(),
        Backup::Tables(tables) => format!("lockkeeper backup{}", each("--table", tables)),
        Backup::Csv(tables) => {
            format!("lockkeeper backup{}{}", each("--table", tables), each("--csv", tables))
        }
    }
}

fn quoted_word(word: &Word) -> String {
    let text = word.to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@{}".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Indented lines are commands: they stay as they are, with a blank line around them, without
/// which Markdown would run them into the text.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    let mut in_code = false;
    for part in text.trim().lines() {
        let is_code = part.starts_with("  ");
        if is_code != in_code && !out.is_empty() {
            out.push('\n');
        }
        in_code = is_code;
        line(&mut out, &if is_code { format!("  {part}") } else { format!("{part}  ") });
    }
    out.push('\n');
    out
}

fn expected(claim: &Claim) -> String {
    format!("{}, expected {}", sensed(&claim.name, &claim.probe), claim.expect)
}

/// Returns how a value is looked at by hand.
fn sensed(name: &str, probe: &Probe) -> String {
    match &probe.sense {
        Sense::Builtin(builtin) if builtin.name() == name => format!("`{name}`"),
        Sense::Builtin(builtin) => format!("{name} (`{}`)", builtin.name()),
        Sense::Configured(configured) => format!("the probe `{configured}` of lockkeeper.toml"),
        _ if probe.label() == name => format!("`{name}`"),
        _ => format!("{name} (`{}`)", probe.label()),
    }
}

fn source(from: &From) -> String {
    match from {
        From::Text => "a text".to_owned(),
        From::Number => "a number".to_owned(),
        From::Choice(choices) => format!("one of: {}", choices.join(", ")),
        From::Revision => "a migration: lockkeeper status".to_owned(),
        From::Backup => "a backup: lockkeeper backups".to_owned(),
        From::Table => "a table".to_owned(),
        From::Session => "a session: lockkeeper snapshot".to_owned(),
    }
}

fn condition(when: &When) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !when.class.is_empty() {
        parts.push(when.class.iter().map(|one| one.word()).collect::<Vec<_>>().join(" or "));
    }
    if !when.tool.is_empty() {
        parts.push(when.tool.iter().map(word).collect::<Vec<_>>().join(" or "));
    }
    parts.extend(when.var.iter().map(|(name, value)| format!("{name} is {value}")));
    parts.extend(when.policy.iter().map(|(name, expect)| format!("policy {name} {expect}")));
    parts.extend(when.configured.iter().map(|(name, is)| {
        let not = if *is { "" } else { "not " };
        format!("`{name}` is {not}configured")
    }));
    parts.extend(when.probe.iter().map(|(name, expect)| format!("{name} {expect}")));
    if parts.is_empty() { String::new() } else { format!("Only if: {}.\n\n", parts.join("; ")) }
}

fn section(book: &Runbook, id: &str) -> String {
    let title = book.section(id).map(|section| section.title.as_str());
    title.map_or_else(|| format!("`{id}`"), |title| format!("{title} (`{id}`)"))
}

fn gates(book: &Runbook) -> String {
    let mut out = String::new();
    for (name, gate) in &book.gates {
        out.push_str(&gate_lines(name, gate));
    }
    if out.is_empty() { out } else { format!("\n## Gates\n{out}") }
}

fn gate_lines(name: &str, gate: &Gate) -> String {
    let mut out = format!("\n### `{name}`\n\n");
    for rule in &gate.rules {
        let asks = match &rule.asks {
            Asks::Probe(claim) => expected(claim),
            other => other.to_string(),
        };
        line(&mut out, &format!("- [ ] {} ({asks})", rule.says));
    }
    line(&mut out, &format!("- overridden by {BLANK}, because: {BLANK}"));
    out
}

fn known(book: &Runbook) -> String {
    let mut out = String::new();
    for scenario in book.scenarios.values() {
        let forms: Vec<String> = scenario.matches.iter().map(|form| format!("`{form}`")).collect();
        line(&mut out, &format!("\n### {}\n\n{}\n", scenario.title, forms.join(", ")));
        if let Some(text) = &scenario.text {
            line(&mut out, text);
        }
        for id in &scenario.offer {
            line(&mut out, &format!("- [ ] {}", section(book, id)));
        }
    }
    if out.is_empty() { out } else { format!("\n## Known errors\n{out}") }
}

fn word(value: &impl serde::Serialize) -> String {
    let word = serde_json::to_value(value).ok();
    word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
