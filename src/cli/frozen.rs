//! The runbooks of a run, from their texts as they were frozen when it began.

use std::collections::BTreeMap;

use color_eyre::eyre::{Result, eyre};
use serde_json::Value;

use crate::domain::plan::sha256_hex;
use crate::domain::runbook::Runbook;
use crate::io::runbook;

/// What a run walks.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// The runbook that was begun.
    pub book: Runbook,
    /// Those that it may call, by their names.
    pub called: BTreeMap<String, Runbook>,
}

/// Returns what a run walks, by the data of its first record; `None` if it walks no runbook.
///
/// # Errors
/// When a text is not the one that was begun, or this version cannot walk it.
pub fn books(run: &str, facts: &Value) -> Result<Option<Frozen>> {
    let (Some(text), Some(hash)) = (facts["text"].as_str(), facts["sha256"].as_str()) else {
        return Ok(None);
    };
    if sha256_hex(text.as_bytes()) != hash {
        return Err(eyre!("the runbook of the run {run} is not the one that was begun"));
    }
    let name = facts["runbook"].as_str().unwrap_or("runbook");
    let book = runbook::parse(format!("{name}.toml").as_ref(), text).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        eyre!("this version cannot walk the run's runbook: {}", problems.join("; "))
    })?;
    Ok(Some(Frozen { book, called: library(run, facts)? }))
}

fn library(run: &str, facts: &Value) -> Result<BTreeMap<String, Runbook>> {
    let mut library = BTreeMap::new();
    for (name, frozen) in facts["called"].as_object().into_iter().flatten() {
        let text = frozen["text"].as_str().unwrap_or_default();
        if frozen["sha256"].as_str() != Some(sha256_hex(text.as_bytes()).as_str()) {
            return Err(eyre!("the runbook {name} of the run {run} is not the one that was begun"));
        }
        let book = runbook::parse(format!("{name}.toml").as_ref(), text)
            .map_err(|_| eyre!("this version cannot walk the run's runbook {name}"))?;
        library.insert(name.clone(), book);
    }
    Ok(library)
}
