//! Columns and constraints.

use squawk_syntax::ast::{AstNode, Type as TypeNode};
use squawk_syntax::{SyntaxKind as K, SyntaxNode};

use crate::domain::change::{Column, Constraint, Default, Generated, Name, Rule, Type, written};

use super::expression;
use super::node::{below, child, has, ident, ident_in, idents, name_in, text};

/// Reads the column of `ADD COLUMN` or of a `CREATE TABLE`.
pub(super) fn column(node: &SyntaxNode) -> Option<Column> {
    let name = ident_in(node, K::COLUMN_NAME)?;
    let constraints: Vec<Constraint> =
        node.children().filter_map(|inner| constraint(&inner, Some(&name))).collect();
    let is_key = |c: &Constraint| matches!(c.rule, Rule::PrimaryKey(_));
    Some(Column {
        kind: kind(node),
        not_null: has(node, K::NOT_NULL_CONSTRAINT) || constraints.iter().any(is_key),
        default: default(node),
        collation: collation(node),
        generated: child(node, K::GENERATED_CONSTRAINT).map(|inner| generated(&inner)),
        constraints: constraints
            .into_iter()
            .filter(|c| !matches!(c.rule, Rule::NotNull(_)))
            .collect(),
        name,
    })
}

/// Reads the type written in a node.
pub(super) fn kind(node: &SyntaxNode) -> Type {
    let written = node.children().find_map(TypeNode::cast);
    Type::parse(&written.map(|kind| text(kind.syntax())).unwrap_or_default())
}

fn default(node: &SyntaxNode) -> Default {
    let clause = child(node, K::DEFAULT_CONSTRAINT);
    let expression = clause.as_ref().and_then(value);
    expression.map_or(Default::None, |e| expression::default(&e))
}

/// Returns the expression of a default, past the constraint's own name.
fn value(clause: &SyntaxNode) -> Option<SyntaxNode> {
    clause.children().find(|inner| inner.kind() != K::CONSTRAINT_NAME_CLAUSE)
}

fn generated(node: &SyntaxNode) -> Generated {
    if below(node, K::GENERATED_IDENTITY).is_some() {
        Generated::Identity
    } else if below(node, K::STORED).is_some() {
        Generated::Stored
    } else {
        Generated::Virtual
    }
}

/// Reads a constraint; `column` is the one on which it is written, if it is.
pub(super) fn constraint(node: &SyntaxNode, column: Option<&str>) -> Option<Constraint> {
    let rule = rule(node, column)?;
    let name = child(node, K::CONSTRAINT_NAME_CLAUSE)
        .and_then(|clause| ident_in(&clause, K::CONSTRAINT_NAME));
    let not_valid = has(node, K::NOT_VALID) || has(node, K::NOT_ENFORCED);
    Some(Constraint { name, rule, not_valid, rest: rest(node) })
}

/// Returns the collation that is named in a node, without its schema; `None` for that of the
/// database, which a type has without it.
pub(super) fn collation(node: &SyntaxNode) -> Option<String> {
    let named = child(node, K::COLLATE).and_then(|clause| ident_in(&clause, K::COLLATION_REF));
    named.filter(|name| name != "default")
}

/// What the rule tells of a constraint, or its name does.
const TOLD: [K; 7] = [
    K::CONSTRAINT_NAME_CLAUSE,
    K::NOT_VALID,
    K::USING_INDEX_NAME,
    K::FOREIGN_KEY_COLUMN_LIST,
    K::TABLE_NAME_REF,
    K::COLUMN_NAME_REF,
    K::CONSTRAINT_COLUMN_REF_LIST,
];

/// What is so without being written.
const USUAL: [&str; 8] = [
    "on delete no action",
    "on update no action",
    "match simple",
    "not deferrable",
    "initially immediate",
    "enforced",
    "inherit",
    "nulls distinct",
];

/// Returns what the rule does not tell, in one order and spelling.
fn rest(node: &SyntaxNode) -> String {
    let mut parts: Vec<SyntaxNode> = node.children().collect();
    if node.kind() == K::CHECK_CONSTRAINT {
        let expression = parts.iter().find(|part| !BESIDE_CHECK.contains(&part.kind())).cloned();
        parts.retain(|part| Some(part) != expression.as_ref());
    }
    let inner = parts.iter().filter(|part| part.kind() == K::INDEX_PARAMETERS);
    let inner: Vec<SyntaxNode> = inner.flat_map(SyntaxNode::children).collect();
    let told =
        |part: &&SyntaxNode| !TOLD.contains(&part.kind()) && part.kind() != K::INDEX_PARAMETERS;
    let said = parts.iter().chain(&inner).filter(told).map(|part| written::laid_out(&text(part)));
    let mut said: Vec<String> =
        said.filter(|words| !USUAL.contains(&words.as_str()) && !words.is_empty()).collect();
    if node.kind() != K::EXCLUDE_CONSTRAINT {
        said.sort();
    }
    said.join(" ")
}

fn rule(node: &SyntaxNode, column: Option<&str>) -> Option<Rule> {
    let own = || column.map(str::to_owned).into_iter().collect::<Vec<_>>();
    let table = || name_in(node, K::TABLE_NAME_REF).unwrap_or_else(|| Name::new("?"));
    Some(match node.kind() {
        K::CHECK_CONSTRAINT => Rule::Check(check(node)),
        K::NOT_NULL_CONSTRAINT => Rule::NotNull(
            ident_in(node, K::COLUMN_NAME_REF).or(column.map(str::to_owned)).unwrap_or_default(),
        ),
        K::UNIQUE_CONSTRAINT => match index(node) {
            Some(index) => Rule::UniqueUsing(index),
            None => Rule::Unique(columns(node, own())),
        },
        K::PRIMARY_KEY_CONSTRAINT => match index(node) {
            Some(index) => Rule::PrimaryKeyUsing(index),
            None => Rule::PrimaryKey(columns(node, own())),
        },
        K::FOREIGN_KEY_CONSTRAINT => {
            let from = child(node, K::FOREIGN_KEY_COLUMN_LIST);
            let from = from.map(|list| idents(&list, K::COLUMN_NAME_REF)).unwrap_or_default();
            Rule::ForeignKey(from, table(), referenced(node))
        }
        K::REFERENCES_CONSTRAINT => {
            Rule::ForeignKey(own(), table(), idents(node, K::COLUMN_NAME_REF))
        }
        K::EXCLUDE_CONSTRAINT => Rule::Exclude,
        _ => return None,
    })
}

/// Returns the columns of the other table, which stand in a second list.
fn referenced(node: &SyntaxNode) -> Vec<String> {
    let mut lists = node.children().filter(|inner| inner.kind() == K::FOREIGN_KEY_COLUMN_LIST);
    lists.nth(1).map(|list| idents(&list, K::COLUMN_NAME_REF)).unwrap_or_default()
}

/// What stands in a `CHECK` beside its expression.
const BESIDE_CHECK: [K; 3] = [K::CONSTRAINT_NAME_CLAUSE, K::NOT_VALID, K::NO_INHERIT];

/// Returns the expression of a `CHECK`, without its parentheses.
fn check(node: &SyntaxNode) -> String {
    let expression = node.children().find(|inner| !BESIDE_CHECK.contains(&inner.kind()));
    expression.map(|inner| text(&inner)).unwrap_or_default()
}

fn index(node: &SyntaxNode) -> Option<Name> {
    child(node, K::USING_INDEX_NAME).as_ref().and_then(super::node::name)
}

fn columns(node: &SyntaxNode, own: Vec<String>) -> Vec<String> {
    match below(node, K::CONSTRAINT_COLUMN_REF_LIST) {
        Some(list) => {
            list.children().filter(|c| c.kind() == K::COLUMN_NAME_REF).map(|c| ident(&c)).collect()
        }
        None => own,
    }
}
