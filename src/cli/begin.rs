//! From a runbook's name to the walk of it.

use std::path::Path;

use serde_json::json;

use crate::domain::config::POLICY_NAMES;
use crate::io::allowed::Allowed;
use crate::io::host;
use crate::io::runbook::{self, Loaded, Places};
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
    let facts = json!({
        "runbook": loaded.runbook.id,
        "title": loaded.runbook.title,
        "sha256": loaded.hash,
        "text": loaded.text,
    });
    Begin { book: loaded.runbook, place: place(site), facts, again: None }
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
    }
}
