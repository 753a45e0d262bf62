//! Every line of the samples' `expected.json`, which was observed on the real programs.

use std::collections::BTreeSet;

use lockkeeper::domain::change::Change;
use lockkeeper::domain::graph::Node;
use lockkeeper::domain::hazard::{Catalog, Transactions};
use lockkeeper::domain::reversal::Kind;
use lockkeeper::io::tree::Disk;
use lockkeeper::tools::status::{Entry, Status};
use lockkeeper::tools::{Migration, Project, Rows, Tool, detect};
use serde_json::Value;

/// A sample project, read without a database.
struct Sample {
    tool: &'static dyn Tool,
    table: String,
    project: Project,
    status: Status,
}

fn sample(name: &str) -> Sample {
    let tree = Disk::new(format!("{}/tests/it/tools/samples/{name}", env!("CARGO_MANIFEST_DIR")));
    let (tool, detected) = detect(&tree).into_iter().next().expect("it is detected");
    let project = tool.load(&tree, &detected.directory, &Rows::Absent);
    let status = Status::of(&project, &Catalog { complete: true, ..Catalog::default() });
    let table = tool.version_query(&tree).table.replace('"', "");
    Sample { tool, table, project, status }
}

fn expected() -> Value {
    let text = include_str!("samples/expected.json");
    serde_json::from_str(text).expect("it is JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

#[test]
fn each_line_of_what_was_observed_is_what_is_said() {
    let expected = expected();
    let tools = expected.as_object().expect("an object").iter().filter(|(name, _)| *name != "note");
    let mut seen = 0;
    for (name, observed) in tools {
        let sample = sample(name);
        for (key, value) in observed.as_object().expect("an object") {
            match key.as_str() {
                "version_table" => assert_eq!(sample.table, text(value), "{name}"),
                "head" => assert_eq!(sample.project.graph.heads(), [text(value)], "{name}"),
                "order" => in_order(&sample.project.graph.nodes, value),
                "migrations" => seen += migrations(name, &sample, value),
                other => panic!("{name}: {other} is not compared"),
            }
        }
    }
    assert_eq!(seen, 39, "migrations");
}

/// A list within the list is of those whose order among themselves is free.
fn in_order(nodes: &[Node], value: &Value) {
    let mut nodes = nodes.iter().map(|node| node.id.as_str());
    for step in value.as_array().expect("a list") {
        let free: BTreeSet<&str> = match step {
            Value::Array(all) => all.iter().map(text).collect(),
            one => BTreeSet::from([text(one)]),
        };
        let next: BTreeSet<&str> = nodes.by_ref().take(free.len()).collect();
        assert_eq!(next, free);
    }
    assert_eq!(nodes.next(), None);
}

fn migrations(name: &str, sample: &Sample, value: &Value) -> usize {
    let observed = value.as_object().expect("an object");
    let listed: BTreeSet<&str> = sample.project.graph.nodes.iter().map(|n| n.id.as_str()).collect();
    assert_eq!(listed, observed.keys().map(String::as_str).collect(), "{name}");
    for (id, lines) in observed {
        let seen = Seen {
            place: format!("{name} {id} ({})", sample.tool.name()),
            node: sample.project.graph.find(id).expect("it is listed"),
            migration: sample.project.migration(id).expect("it has a file"),
            entry: sample.status.migrations.iter().find(|e| e.id == *id).expect("it is told"),
        };
        for (key, value) in lines.as_object().expect("an object") {
            seen.line(key, value);
        }
    }
    observed.len()
}

/// What is said of one migration.
struct Seen<'a> {
    place: String,
    node: &'a Node,
    migration: &'a Migration,
    entry: &'a Entry,
}

impl Seen<'_> {
    fn line(&self, key: &str, value: &Value) {
        let Self { place, entry, migration, .. } = self;
        match key {
            "down" => self.down(text(value)),
            "why" => self.why(text(value)),
            "tool_behaviour" => {
                let said = &entry.reversal.why;
                assert!(said.contains("success") || said.contains("succeeds"), "{place}: {said}");
            }
            "transaction" => assert_eq!(entry.transaction, Transactions::None, "{place}"),
            "merge" => assert!(self.node.parents.len() > 1, "{place}"),
            "data_migration" => {
                let touches =
                    |change: &Change| matches!(change, Change::Data(_)) || change.is_opaque();
                let mut all = migration.up.statements.iter().flat_map(|s| &s.changes);
                assert!(all.any(touches), "{place}");
            }
            // Its preview breaks off, so that ours must not be called whole.
            "offline_sql" => assert_ne!(entry.preview, "complete", "{place}"),
            "up_hazard" => self.hazard(text(value), false),
            "down_hazard" => self.hazard(text(value), true),
            "up_loses" => self.loses(value, "up"),
            "loses" => self.loses(value, "down"),
            "precheck" => self.asks(text(value)),
            other => panic!("{place}: {other} is not compared"),
        }
    }

    fn down(&self, word: &str) {
        let reversal = &self.entry.reversal;
        let fits = match word {
            "ok" => reversal.kind == Kind::Reversible,
            "lossy" => reversal.kind == Kind::Lossy,
            "noop" => reversal.kind == Kind::NoOp,
            "raises" => reversal.kind == Kind::Raises,
            "missing" => reversal.kind == Kind::Missing,
            // An inferred DROP TABLE loses its rows like any other.
            "inferred" => {
                let known = matches!(reversal.kind, Kind::Reversible | Kind::Lossy);
                known && reversal.why.contains("inferred")
            }
            other => panic!("{other} is no way down"),
        };
        assert!(fits, "{}: observed {word}, said {reversal:?}", self.place);
    }

    fn why(&self, observed: &str) {
        let reversal = &self.entry.reversal;
        let said = reversal.why.contains(observed);
        let line =
            reversal.line.and_then(|line| self.migration.up.text.raw().lines().nth(line - 1));
        let stands = line.is_some_and(|line| {
            observed.split_whitespace().any(|word| word.len() > 4 && line.contains(word))
        });
        assert!(said || stands, "{}: {observed}: {reversal:?} at {line:?}", self.place);
    }

    /// Compares the words for locks and costs of a sentence.
    fn hazard(&self, observed: &str, down: bool) {
        let hazards = if down { &self.entry.down_hazards } else { &self.entry.hazards };
        let json = serde_json::to_value(hazards).expect("it is JSON");
        let all = json.as_array().expect("a list");
        let any = |key: &str, wanted: &Value| all.iter().any(|hazard| hazard[key] == *wanted);
        let place = format!("{}: {observed}: {json:#}", self.place);
        if observed == "none" {
            assert!(all.iter().all(|hazard| hazard["severity"] == "low"), "{place}");
            return;
        }
        for lock in locks(observed) {
            assert!(any("lock", &Value::from(lock)), "{lock}: {place}");
        }
        for (words, key) in [("rewrite", "rewrite"), ("scan", "scan"), ("index is built", "scan")] {
            if observed.contains(words) {
                assert!(any(key, &Value::Bool(true)), "{words}: {place}");
            }
        }
        if observed.contains("catalog only") {
            assert!(
                !any("rewrite", &Value::Bool(true)) && !any("scan", &Value::Bool(true)),
                "{place}"
            );
        }
        if observed.contains("no transaction") {
            assert_eq!(self.entry.transaction, Transactions::None, "{place}");
        }
        if observed.contains("in one transaction") {
            assert_eq!(self.entry.transaction, Transactions::One, "{place}");
        }
        if observed.contains("fails on a non-empty table") {
            let told = all.iter().any(|hazard| {
                hazard["message"].as_str().is_some_and(|said| said.contains("has a row"))
            });
            assert!(told, "{place}");
        }
    }

    fn loses(&self, value: &Value, direction: &str) {
        let json = serde_json::to_value(&self.entry.losses).expect("it is JSON");
        let losses: Vec<String> = json
            .as_array()
            .expect("a list")
            .iter()
            .filter(|loss| loss["direction"] == direction)
            .map(|loss| text(&loss["what"]).to_owned())
            .collect();
        match value {
            Value::Array(all) => {
                for what in all.iter().map(text) {
                    assert!(
                        losses.iter().any(|l| l.contains(what)),
                        "{}: {what}: {losses:?}",
                        self.place
                    );
                }
            }
            one => {
                let column = text(one).split_whitespace().next().expect("a word");
                assert!(
                    losses.iter().any(|l| l.contains(column)),
                    "{}: {one}: {losses:?}",
                    self.place
                );
            }
        }
    }

    fn asks(&self, query: &str) {
        let json = serde_json::to_value(&self.entry.losses).expect("it is JSON").to_string();
        let (_, condition) = query.split_once(" WHERE ").expect("a condition");
        let (_, limit) = condition.rsplit_once(' ').expect("a limit");
        let asks = json.contains("length(") && json.contains(&format!("> {limit}"));
        assert!(asks && json.contains("FROM users"), "{}: {query}: {json}", self.place);
    }
}

/// Returns the lock modes that a sentence names.
fn locks(sentence: &str) -> Vec<&'static str> {
    const MODES: [&str; 5] = [
        "SHARE UPDATE EXCLUSIVE",
        "SHARE ROW EXCLUSIVE",
        "ACCESS EXCLUSIVE",
        "ROW EXCLUSIVE",
        "SHARE",
    ];
    let mut rest = sentence.to_owned();
    let mut found = Vec::new();
    for mode in MODES {
        if rest.contains(mode) {
            rest = rest.replace(mode, "");
            found.push(mode);
        }
    }
    found
}
