//! Runbooks: found, read, hashed, and trusted once per content.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::allowed::Allowed;
use super::document::{self, Refused};
use crate::domain::plan::sha256_hex;
use crate::domain::problem::{Flaw, Place, Problem, nearest};
use crate::domain::runbook::lint::{Finding, Weight};
use crate::domain::runbook::{Runbook, raw};

/// The runbooks in the binary.
const EMBEDDED: &[(&str, &str)] = &[
    ("migrate", include_str!("../../runbooks/migrate.toml")),
    ("rollback", include_str!("../../runbooks/rollback.toml")),
    ("backup", include_str!("../../runbooks/backup.toml")),
    ("rehearsal", include_str!("../../runbooks/rehearsal.toml")),
    ("validate", include_str!("../../runbooks/validate.toml")),
    ("incident", include_str!("../../runbooks/incident.toml")),
];

/// Where runbooks are looked for, in this order; those in the binary come last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(Vec<PathBuf>);

impl Places {
    /// Returns `runbooks/` beside the configuration, then `runbooks/` of the user's
    /// configuration directory (`$XDG_CONFIG_HOME/lockkeeper`).
    #[must_use]
    pub fn new(beside: Option<&Path>, user: Option<&Path>) -> Self {
        Self([beside, user].into_iter().flatten().map(|base| base.join("runbooks")).collect())
    }
}

/// Where a runbook comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// The binary.
    Embedded,
}

/// A runbook with its text as it was read, which a run freezes.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The runbook.
    pub runbook: Runbook,
    /// Its text.
    pub text: String,
    /// SHA-256 of the text, in hexadecimal.
    pub hash: String,
    /// Where it comes from.
    pub origin: Origin,
}

impl Loaded {
    /// Returns true if it came with the binary, or if its content was allowed.
    #[must_use]
    pub fn is_trusted(&self, allowed: &Allowed) -> bool {
        self.origin == Origin::Embedded || allowed.is_allowed(&self.hash)
    }

    /// Returns true if its file still holds the same text; asked before each step.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        match &self.origin {
            Origin::Embedded => true,
            Origin::File(path) => fs::read(path).is_ok_and(|now| sha256_hex(&now) == self.hash),
        }
    }
}

/// Returns the runbook in `text`, which is named `path` in problems.
///
/// # Errors
/// Everything that is wrong in it.
pub fn parse(path: &Path, text: &str) -> Result<Runbook, Vec<Problem>> {
    let raw: raw::Runbook = document::read(path, text)?;
    Runbook::build(&raw).map_err(|flaws| document::locate(path, text, flaws))
}

/// Returns the runbook of a file.
///
/// # Errors
/// When the file cannot be read, or for everything that is wrong in it.
pub fn load(path: &Path) -> Result<Loaded, Refused> {
    let text = document::text(path)?;
    let runbook = parse(path, &text)?;
    let hash = sha256_hex(text.as_bytes());
    Ok(Loaded { runbook, text, hash, origin: Origin::File(path.to_owned()) })
}

/// Returns the runbook of that name: `NAME.toml` of the first place that has one,
/// else that of the binary.
///
/// # Errors
/// When nothing has that name, or as [`load`] does.
pub fn find(name: &str, places: &Places) -> Result<Loaded, Refused> {
    let file = |place: &PathBuf| place.join(format!("{name}.toml"));
    let is_name = !name.contains(['/', '\0']) && !name.starts_with('.');
    if let Some(path) = places.0.iter().map(file).find(|path| is_name && path.is_file()) {
        let loaded = load(&path)?;
        if loaded.runbook.id != name {
            let what = format!("it has to be \"{name}\", as the file is named");
            let flaws = vec![Flaw::new(Place::top().key("id"), what)];
            return Err(document::locate(&path, &loaded.text, flaws).into());
        }
        return Ok(loaded);
    }
    let Some((id, text)) = EMBEDDED.iter().find(|(id, _)| *id == name) else {
        return Err(unknown(name, places));
    };
    let runbook = parse(Path::new(&format!("{id}.toml")), text)?;
    let hash = sha256_hex(text.as_bytes());
    Ok(Loaded { runbook, text: (*text).to_owned(), hash, origin: Origin::Embedded })
}

/// Returns the names that [`find`] knows, in alphabetical order.
#[must_use]
pub fn names(places: &Places) -> Vec<String> {
    let embedded = EMBEDDED.iter().map(|(id, _)| (*id).to_owned());
    let files = places.0.iter().filter_map(|place| fs::read_dir(place).ok()).flatten();
    let named = files.filter_map(|entry| {
        let path = entry.ok()?.path();
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        is_toml.then(|| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))?
    });
    embedded.chain(named).collect::<BTreeSet<_>>().into_iter().collect()
}

/// A finding of the linter, with its path and line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The rule's name.
    pub rule: &'static str,
    /// How much it weighs.
    pub weight: Weight,
    /// Where, what, and what was probably meant.
    pub problem: Problem,
}

/// Returns the findings with the lines of the file that they are in, in its order.
#[must_use]
pub fn locate(path: &Path, text: &str, findings: Vec<Finding>) -> Vec<Located> {
    let mut all: Vec<Located> = Vec::new();
    for Finding { rule, weight, flaw, near } in findings {
        for mut problem in document::locate(path, text, vec![flaw]) {
            problem.line = problem.line.map(|line| line_near(text, line, near.as_deref()));
            all.push(Located { rule, weight, problem });
        }
    }
    all.sort_by_key(|found| found.problem.line);
    all
}

/// Returns the first line from `line` on that is `near`, else `line`.
fn line_near(text: &str, line: usize, near: Option<&str>) -> usize {
    let Some(near) = near else { return line };
    let mut after = text.lines().enumerate().skip(line.saturating_sub(1));
    after.find(|(_, one)| one.trim() == near).map_or(line, |(at, _)| at + 1)
}

fn unknown(name: &str, places: &Places) -> Refused {
    let known = names(places);
    Refused::Unknown {
        name: name.to_owned(),
        suggestion: nearest(name, known.iter().map(String::as_str)),
        known: known.join(", "),
    }
}
