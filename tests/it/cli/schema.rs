//! The JSON Schemas of the command line's documents.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

const NAMES: [&str; 18] = [
    "approve",
    "backups",
    "check",
    "demo",
    "doctor",
    "follow",
    "journal",
    "journal-verify",
    "lint",
    "outcome",
    "plan",
    "recovery-doc",
    "rehearse",
    "report",
    "runbook-check",
    "snapshot",
    "status",
    "verify",
];

fn json(directory: &str, name: &str) -> Value {
    let path = root().join(directory).join(format!("{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn schema(name: &str) -> jsonschema::Validator {
    let schema = json("assets/schema", name);
    jsonschema::draft202012::new(&schema).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Returns copies of `value`, each without one key of one of its objects.
fn without_one_key(value: &Value) -> Vec<(String, Value)> {
    match value {
        Value::Object(object) => {
            let mut all = Vec::new();
            for (key, inner) in object {
                let mut less = object.clone();
                less.shift_remove(key);
                all.push((key.clone(), Value::Object(less)));
                for (path, changed) in without_one_key(inner) {
                    let mut copy = object.clone();
                    copy.insert(key.clone(), changed);
                    all.push((format!("{key}.{path}"), Value::Object(copy)));
                }
            }
            all
        }
        Value::Array(items) => {
            let first = items.first().map(without_one_key).unwrap_or_default();
            first.into_iter().map(|(path, less)| (path, Value::Array(vec![less]))).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn every_document_has_a_schema_and_no_schema_is_left_over() {
    let entries = fs::read_dir(root().join("assets/schema")).expect("the schemas are there");
    let mut found: Vec<String> = entries
        .map(|entry| entry.expect("it can be listed").path())
        .map(|path| path.file_stem().expect("it has a name").to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, NAMES);
}

#[test]
fn the_documented_examples_are_valid() {
    for name in NAMES {
        let document = json("tests/samples/cli", name);
        let errors: Vec<String> = schema(name)
            .iter_errors(&document)
            .map(|e| format!("{}: {e}", e.instance_path))
            .collect();
        assert_eq!(errors, [""; 0], "{name}");
    }
}

#[test]
fn a_document_without_any_one_of_its_keys_is_refused() {
    // The free objects: rows by table, an action's own keys, a record's data.
    let free = ["public.users", "tool", "direction", "migration", "after"];
    for name in NAMES {
        let schema = schema(name);
        for (path, less) in without_one_key(&json("tests/samples/cli", name)) {
            let key = path.rsplit('.').next().unwrap_or_default();
            let is_free = path.ends_with("public.users")
                || (path.starts_with("action.") && free.contains(&key));
            assert_eq!(schema.is_valid(&less), is_free, "{name} without {path}");
        }
    }
}

#[test]
fn a_document_may_have_more_keys() {
    for name in NAMES {
        let mut document = json("tests/samples/cli", name);
        let object = document.as_object_mut().expect("a document is an object");
        object.insert("later".to_owned(), Value::Bool(true));
        assert!(schema(name).is_valid(&document), "{name}");
    }
}

#[test]
fn a_document_of_another_schema_is_refused() {
    for name in NAMES {
        let mut document = json("tests/samples/cli", name);
        document["schema"] = Value::from(2);
        assert!(!schema(name).is_valid(&document), "{name}");
    }
}
