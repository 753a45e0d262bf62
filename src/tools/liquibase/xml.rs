//! XML: the changes whose SQL is known, and what takes them back by itself
//! (<https://docs.liquibase.com/change-types/home.html>).

use roxmltree::{Document, Node, ParsingOptions};

use super::change::{self, Written};
use super::changelog::{Item, Source};
use super::{Changeset, no_inverse};
use crate::domain::change::{Change, Statement};
use crate::domain::graph::{Problem, Trouble};
use crate::source::sql;

/// What stands in a changeset beside its changes.
const BESIDE: [&str; 5] = ["comment", "rollback", "preConditions", "validCheckSum", "modifySql"];

/// Reads what a text says.
pub(super) fn read(source: &Source, problems: &mut Vec<Problem>) -> Vec<Item> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = match Document::parse_with_options(source.text, options) {
        Ok(document) => document,
        Err(error) => {
            let detail = format!("{}:{}: no XML: {error}", source.path, error.pos().row);
            problems.push(Problem::new(Trouble::Syntax, source.file, detail));
            return Vec::new();
        }
    };
    let items = document.root_element().children().filter(Node::is_element);
    items.filter_map(|node| item(source, node)).collect()
}

fn item(source: &Source, node: Node) -> Option<Item> {
    let text = |name: &str| node.attribute(name).unwrap_or_default().to_owned();
    let relative = node.attribute("relativeToChangelogFile") == Some("true");
    match node.tag_name().name() {
        "include" => Some(Item::Include { path: text("file"), relative }),
        "includeAll" => Some(Item::IncludeAll { path: text("path"), relative }),
        "changeSet" => Some(Item::Set(Box::new(changeset(source, node)))),
        _ => None,
    }
}

fn changeset(source: &Source, node: Node) -> Changeset {
    let text = |name: &str| node.attribute(name).unwrap_or_default().to_owned();
    let inner = |name: &str| node.children().find(|child| child.has_tag_name_of(name));
    let mut set = Changeset {
        id: text("id"),
        author: text("author"),
        file: source.file.to_owned(),
        path: source.path.to_owned(),
        text: source.text.to_owned(),
        line: line(node),
        transaction: node.attribute("runInTransaction") != Some("false"),
        uncertain: uncertain(node),
        comment: inner("comment")
            .and_then(|node| node.text())
            .unwrap_or_default()
            .trim()
            .to_owned(),
        complete: (true, true),
        ..Changeset::default()
    };
    let changes: Vec<Node> = node
        .children()
        .filter(|child| child.is_element() && !BESIDE.contains(&child.tag_name().name()))
        .collect();
    set.up = changes.iter().flat_map(|change| up(*change)).collect();
    set.down = match inner("rollback") {
        Some(rollback) => given(rollback),
        None => changes.iter().rev().flat_map(|change| down(*change)).collect(),
    };
    let known = |all: &[Statement]| !all.iter().any(|s| s.changes.iter().any(Change::is_opaque));
    // `${…}` is replaced when it runs, and modifySql changes what is written here.
    let told = inner("modifySql").is_none();
    let fixed = |all: &[Statement]| told && known(all) && !all.iter().any(|s| s.sql.contains("${"));
    set.complete = (fixed(&set.up), fixed(&set.down));
    set
}

fn uncertain(node: Node) -> Option<&'static str> {
    let is = |name: &str| node.attribute(name) == Some("true");
    let limits = ["context", "contextFilter", "labels", "dbms"];
    let asks = node.children().any(|child| child.has_tag_name_of("preConditions"));
    match () {
        () if is("runAlways") => Some("is run again at every update (runAlways)"),
        () if is("runOnChange") => Some("is run again whenever it changes (runOnChange)"),
        () if limits.iter().any(|name| node.attribute(*name).is_some()) => {
            Some("runs only where its context, label or dbms fits")
        }
        () if asks => Some("runs only where its preconditions hold"),
        () => None,
    }
}

fn up(node: Node) -> Vec<Statement> {
    match change::write(node) {
        Written::Known { up, .. } => compiled(node, &up),
        Written::Unknown(why) => vec![untold(node, &why)],
    }
}

/// Returns what Liquibase does to take back a change that has no rollback of its own.
fn down(node: Node) -> Vec<Statement> {
    match change::write(node) {
        Written::Known { down: Some(down), .. } => compiled(node, &down),
        Written::Known { down: None, .. } => {
            vec![no_inverse(line(node), source(node), &change::class(node))]
        }
        Written::Unknown(why) => vec![untold(node, &why)],
    }
}

/// Returns what a `<rollback>` says: changes, or SQL.
fn given(rollback: Node) -> Vec<Statement> {
    if rollback.attribute("changeSetId").is_some() {
        return vec![untold(rollback, "it runs another changeset again")];
    }
    let mut statements: Vec<Statement> =
        rollback.children().filter(Node::is_element).flat_map(up).collect();
    let texts = rollback.children().filter(Node::is_text).filter_map(|text| text.text());
    let text: String = texts.collect::<Vec<_>>().join("\n");
    if !text.trim().is_empty() {
        statements.extend(compiled(rollback, &[text]));
    }
    statements
}

fn compiled(node: Node, all: &[String]) -> Vec<Statement> {
    let at = line(node);
    let one = |text: &String| {
        let compiled = sql::compile(text);
        if !compiled.errors.is_empty() {
            return vec![untold(node, "its SQL cannot be parsed")];
        }
        compiled.statements.into_iter().map(|s| Statement { line: at, ..s }).collect()
    };
    all.iter().flat_map(one).collect()
}

fn untold(node: Node, why: &str) -> Statement {
    Statement {
        line: line(node),
        sql: source(node).to_owned(),
        kind: node.tag_name().name().to_owned(),
        changes: vec![Change::Unknown(why.to_owned())],
    }
}

fn source<'a>(node: Node<'a, '_>) -> &'a str {
    &node.document().input_text()[node.range()]
}

fn line(node: Node) -> usize {
    node.document().text_pos_at(node.range().start).row as usize
}

/// Tags by their name alone: which namespace a file gives them depends on the version.
trait Tagged {
    fn has_tag_name_of(&self, name: &str) -> bool;
}

impl Tagged for Node<'_, '_> {
    fn has_tag_name_of(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}
