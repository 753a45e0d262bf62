//! From a runbook's name to the walk of it.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::domain::config::POLICY_NAMES;
use crate::domain::runbook::{Kind, Runbook, Target};
use crate::io::allowed::Allowed;
use crate::io::host;
use crate::io::runbook::{self, Loaded, Origin, Places};
use crate::io::site::Site;
use crate::session::machine::Begin;
use crate::session::walk::Place;

/// Finds the runbook of that name, or reads `file`, and returns it ready to be walked.
///
/// # Errors
/// A sentence for the operator: it is not there, is wrong, or was not allowed.
pub fn runbook(site: &Site, name: &str, file: Option<&Path>) -> Result<Begin, String> {
    let loaded = match file {
        Some(file) => runbook::load(file),
        None => runbook::find(name, &places(site)),
    };
    let loaded = loaded.map_err(|refused| refused.to_string())?;
    if !loaded.is_trusted(&Allowed::in_state(&site.paths.state)) {
        return Err(format!(
            "the runbook {} was not allowed with its present content: read it, then lockkeeper runbook allow FILE",
            loaded.runbook.id
        ));
    }
    Ok(begin(site, loaded))
}

/// Returns where runbooks are looked for.
#[must_use]
pub fn places(site: &Site) -> Places {
    Places::new(site.loaded.directory(), Some(&site.paths.config))
}

/// Returns the walk of a runbook that may be walked.
#[must_use]
pub fn begin(site: &Site, loaded: Loaded) -> Begin {
    let called = called(site, &loaded.runbook);
    let frozen = |one: &Loaded| json!({ "sha256": one.hash, "text": one.text });
    let library: Map<String, Value> =
        called.iter().map(|one| (one.runbook.id.clone(), frozen(one))).collect();
    let file = match &loaded.origin {
        Origin::File(path) => std::path::absolute(path).ok(),
        Origin::Embedded => None,
    };
    let facts = json!({
        "file": file,
        "runbook": loaded.runbook.id,
        "title": loaded.runbook.title,
        "sha256": loaded.hash,
        "text": loaded.text,
        "called": library,
        "site": flags(site),
    });
    let called = called.into_iter().map(|one| (one.runbook.id.clone(), one.runbook)).collect();
    Begin { book: loaded.runbook, called, place: place(site), facts, again: None }
}

/// Returns the runbooks that are called from this one, and from those, as far as they are
/// there and allowed now: what is not is refused when the run reaches the call.
fn called(site: &Site, book: &Runbook) -> Vec<Loaded> {
    let allowed = Allowed::in_state(&site.paths.state);
    let mut found: Vec<Loaded> = Vec::new();
    let mut names: Vec<String> = calls(book);
    while let Some(name) = names.pop() {
        let known = found.iter().any(|one| one.runbook.id == name) || name == book.id;
        let loaded = (!known).then(|| runbook::find(&name, &places(site)).ok()).flatten();
        if let Some(loaded) = loaded.filter(|loaded| loaded.is_trusted(&allowed)) {
            names.extend(calls(&loaded.runbook));
            found.push(loaded);
        }
    }
    found
}

fn calls(book: &Runbook) -> Vec<String> {
    let called = book.steps().filter_map(|step| match &step.kind {
        Kind::Call { target: Target::Runbook { name, .. } } => Some(name.clone()),
        _ => None,
    });
    called.collect()
}

/// Returns how the site was named, without anything secret: what `resume` needs to find it
/// again.
fn flags(site: &Site) -> Value {
    let absolute =
        |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string();
    json!({
        "project": absolute(&site.project),
        "config": site.loaded.file.as_ref().map(|file| absolute(&file.path)),
        "target": site.target.name,
    })
}

/// Returns where a runbook is walked, by whom and under which policy.
#[must_use]
pub fn place(site: &Site) -> Place {
    let config = site.config();
    let policy = POLICY_NAMES
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), config.policy_value(name)?)))
        .collect();
    Place {
        class: site.target.class,
        tool: site.tool().ok().and_then(|(tool, _)| {
            serde_json::from_value(serde_json::Value::from(tool.name())).ok()
        }),
        policy,
        executor: host::operator().to_owned(),
        login: site.target.spec.user.as_str().to_owned(),
        contacts: config.people(),
        commands: config.commands.clone(),
        probes: config.probes.keys().cloned().collect(),
        links: config.links.clone(),
        waived: config.checks.waived.clone(),
        people: config.contacts.keys().map(|name| (name.clone(), config.person(name))).collect(),
    }
}
