//! The layers of the code, held by reading every source file.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// What each layer may import from, besides itself.
const ALLOWED: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("source", &["domain"]),
    ("tools", &["domain", "source"]),
    ("session", &["domain", "source", "tools"]),
    ("io", &["domain", "source", "tools", "session"]),
    ("ui", &["domain", "source", "tools", "session"]),
    ("panels", &["domain", "source", "tools", "session", "ui"]),
    ("app", &["domain", "source", "tools", "session", "ui", "panels"]),
    ("cli", &["domain", "source", "tools", "session", "io", "ui", "panels", "app"]),
];

/// Crates that the pure layers must not name.
const IMPURE: &[&str] = &[
    "tokio::",
    "use sqlx::",
    "sqlx::Pg",
    "sqlx::query",
    "std::fs",
    "std::process",
    "std::net",
    "std::env",
    "crossterm::",
    "ratatui::",
    "Utc::now",
    "Local::now",
    "Instant::now",
    "SystemTime::now",
    "rustix::",
];
const PURE: &[&str] = &["domain", "source", "tools", "session"];

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("the source directory can be read") {
        let path = entry.expect("its entries can be read").path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

fn layer_files(layer: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(layer);
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source file can be read");
            let code = text.lines().filter(|l| !l.trim_start().starts_with("//"));
            let code = code.collect::<Vec<_>>().join("\n");
            (path, code)
        })
        .collect()
}

/// Returns the layers that `code` names through `crate::` (also in grouped imports).
fn named_layers(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => named.push(std::mem::take(&mut word)),
                    c if depth == 0 && !c.is_whitespace() => word.push(c),
                    _ => {}
                }
            }
            named.push(word);
        } else {
            named.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    named
        .into_iter()
        .map(|name| name.split("::").next().unwrap_or_default().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn a_layer_imports_nothing_to_its_right() {
    let mut wrong = Vec::new();
    for (layer, allowed) in ALLOWED {
        for (path, code) in layer_files(layer) {
            for named in named_layers(&code) {
                let is_layer = ALLOWED.iter().any(|(name, _)| *name == named);
                if is_layer && named != *layer && !allowed.contains(&named.as_str()) {
                    wrong.push(format!("{} imports crate::{named}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "layers are crossed:\n{}", wrong.join("\n"));
}

#[test]
fn the_pure_layers_touch_neither_world_nor_clock() {
    let mut wrong = Vec::new();
    for layer in PURE {
        for (path, code) in layer_files(layer) {
            for name in IMPURE.iter().filter(|name| code.contains(**name)) {
                wrong.push(format!("{} names {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "pure layers are not:\n{}", wrong.join("\n"));
}

/// The panels themselves; the other modules beside them are what they share.
const PANELS: &[&str] =
    &["activity", "journal", "locks", "migrations", "rollback", "runbook", "watch"];

#[test]
fn no_panel_imports_another() {
    let mut wrong = Vec::new();
    for (path, code) in layer_files("panels") {
        let parts: Vec<_> = path.components().rev().take(2).map(Component::as_os_str).collect();
        let own = |panel: &str| {
            parts.iter().any(|part| *part == panel || *part == &*format!("{panel}.rs"))
        };
        for panel in PANELS.iter().filter(|panel| !own(panel)) {
            let named =
                ["panels", "super"].iter().any(|up| code.contains(&format!("{up}::{panel}")));
            if named {
                wrong.push(format!("{} imports the panel {panel}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_layer_reader_sees_grouped_imports() {
    assert_eq!(named_layers("use crate::{io::act, ui::{a, b}};"), ["io", "ui"]);
    assert_eq!(named_layers("crate::domain::plan::Plan"), ["domain"]);
}
