//! The terminal: what the console can show.

use std::io::IsTerminal as _;

use crate::domain::connection::Environment;
use crate::domain::finding::Finding;

/// Returns what the console can show on this terminal.
#[must_use]
pub fn terminal(environment: &Environment) -> Vec<Finding> {
    vec![kind(environment), colours(environment), locale(environment)]
}

fn kind(environment: &Environment) -> Finding {
    let id = "terminal";
    let on = if std::io::stdout().is_terminal() { "" } else { ", stdout is no terminal" };
    match environment.get("TERM").filter(|term| !term.is_empty()) {
        Some("dumb") => {
            Finding::warn(id, format!("dumb{on}"), "the console shows numbered lines there")
        }
        Some(term) => Finding::ok(id, format!("{term}{on}")),
        None => Finding::warn(id, "TERM is not set", "set TERM, or use --plain"),
    }
}

fn colours(environment: &Environment) -> Finding {
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let told = match (set("NO_COLOR"), set("COLORTERM")) {
        (Some(_), _) => "none: NO_COLOR is set; words and symbols say the same",
        (None, Some("truecolor" | "24bit")) => "24 bit",
        (None, _) => "16",
    };
    Finding::ok("colours", told)
}

fn locale(environment: &Environment) -> Finding {
    let set = |name: &&str| environment.get(name).is_some_and(|value| !value.is_empty());
    let name = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find(|name| set(name));
    let value = name.and_then(|name| environment.get(name)).unwrap_or_default();
    let upper = value.to_ascii_uppercase();
    let told = name.map_or_else(|| "none is set".to_owned(), |name| format!("{name}={value}"));
    if upper.contains("UTF-8") || upper.contains("UTF8") {
        return Finding::ok("locale", told);
    }
    let advice = "set LANG=C.UTF-8 if lines and symbols come out broken";
    Finding::warn("locale", told, advice)
}
