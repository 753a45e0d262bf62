//! Blanks that nobody has filled in: people, pages, commands, and words in the texts.

use super::super::{Action, Kind, Runbook};
use super::Finding;
use crate::domain::config::Config;
use crate::domain::evidence::Sense;
use crate::domain::problem::{Place, nearest};

/// Parts of texts that stand for something to be filled in. `FILE`, `TABLE` and the like are
/// what the operator puts in while walking.
const OPEN: [&str; 10] = [
    "TODO",
    "TBD",
    "FIXME",
    "[Contact",
    "[contact",
    "YYYYMMDD",
    "<TIMESTAMP>",
    "your-api-url",
    "<GRAFANA_URL>",
    "[Links",
];

/// Returns the blanks.
pub(super) fn findings(book: &Runbook, config: &Config) -> Vec<Finding> {
    let mut all = Vec::new();
    for (place, step) in book.placed() {
        for (at, name) in step.contacts.iter().enumerate() {
            let here = place.key("contacts").index(at);
            all.extend(contact(name, here, config));
        }
        for (at, title) in step.links.iter().enumerate() {
            let here = place.key("links").index(at);
            all.extend(link(title, here, config));
        }
        if let Kind::Act(act) = &step.kind {
            for action in std::iter::once(&act.action).chain(&act.undo) {
                all.extend(command(action, &step.when, &place, config));
            }
        }
        for (key, text) in words(&step.kind) {
            let open = OPEN.iter().find(|open| text.contains(*open));
            all.extend(open.map(|open| {
                Finding::bad("blank", place.key(key), format!("`{open}` was never filled in"))
            }));
        }
    }
    all.extend(probes(book, config));
    all
}

fn contact(name: &str, place: Place, config: &Config) -> Option<Finding> {
    let Some(_) = config.contacts.get(name) else {
        let what =
            format!("nobody is named `{name}`: fill in [contacts.{name}] of lockkeeper.toml");
        let meant = nearest(name, config.contacts.keys().map(String::as_str));
        return Some(Finding::bad("blank", place, what).meaning(meant));
    };
    let open = config.placeholders().into_iter().any(|at| {
        let at = at.to_string();
        at.starts_with(&format!("contacts.{name}."))
    });
    let what = format!("[contacts.{name}] of lockkeeper.toml was never filled in");
    open.then(|| Finding::bad("blank", place, what))
}

fn link(title: &str, place: Place, config: &Config) -> Option<Finding> {
    if title == "*" {
        return None;
    }
    if config.links.contains_key(title) {
        let at = format!("links.{title}");
        let open = config.placeholders().into_iter().any(|place| place.to_string() == at);
        let what = format!("the link `{title}` of lockkeeper.toml was never filled in");
        return open.then(|| Finding::bad("blank", place, what));
    }
    let what = format!("no link has the title `{title}`: fill in [links] of lockkeeper.toml");
    let meant = nearest(title, config.links.keys().map(String::as_str));
    Some(Finding::bad("blank", place, what).meaning(meant))
}

fn command(
    action: &Action,
    when: &super::super::When,
    place: &Place,
    config: &Config,
) -> Option<Finding> {
    let Action::Configured(name) = action else { return None };
    let asked = when.configured.get(name) == Some(&true);
    (!asked && !config.commands.contains_key(name)).then(|| {
        let what = format!("the configuration has no command `{name}`: write it into [commands] of lockkeeper.toml, or `when = {{ configured = {{ {name} = true }} }}`");
        let meant = nearest(name, config.commands.keys().map(String::as_str));
        Finding::bad("blank", place.key("configured"), what).meaning(meant)
    })
}

/// Probes of `[probe]` that stand for one of the configuration which is not there.
fn probes(book: &Runbook, config: &Config) -> Vec<Finding> {
    let named = book.probes.iter().filter_map(|(own, probe)| match &probe.sense {
        Sense::Configured(name) if !config.probes.contains_key(name) => Some((own, name)),
        _ => None,
    });
    named
        .map(|(own, name)| {
            let what = format!(
                "the configuration has no probe `{name}`: until it has, it says \"cannot tell\""
            );
            let place = Place::top().key("probe").key(own).key("configured");
            let meant = nearest(name, config.probes.keys().map(String::as_str));
            Finding::note("blank", place, what).meaning(meant)
        })
        .collect()
}

fn words(kind: &Kind) -> Vec<(&'static str, &str)> {
    match kind {
        Kind::Notice { text } => vec![("text", text)],
        Kind::Manual(manual) => vec![("do", &manual.text)],
        Kind::Decide(decide) => vec![("ask", &decide.question)],
        _ => Vec::new(),
    }
}
