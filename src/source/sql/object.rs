//! Statements about what is no relation: types, roles, functions, schemas and the like.

use squawk_syntax::{SyntaxKind as K, SyntaxNode};

use crate::domain::change::Change;

use super::expression;
use super::node::{below, child, has, has_below, ident, leading_words, name, name_in, text};

/// Tables of the type are changed with it, where the statement says `CASCADE`; what a column of
/// the type holds of an attribute is gone with it.
fn changes_rows(node: &SyntaxNode) -> bool {
    let kinds = [K::ALTER_TYPE_ATTRIBUTE_ACTION_LIST, K::RENAME_ATTRIBUTE];
    let is_of_attributes = kinds.into_iter().any(|kind| below(node, kind).is_some());
    is_of_attributes && (has_below(node, K::CASCADE_KW) || below(node, K::DROP_ATTRIBUTE).is_some())
}

/// Returns what a statement does to a type or a domain.
pub(super) fn type_change(node: &SyntaxNode) -> Option<Change> {
    match node.kind() {
        K::ALTER_TYPE => {
            let name = name_in(node, K::TYPE_NAME_REF)?;
            Some(match child(node, K::ADD_VALUE) {
                Some(value) => Change::AddValue(name, expression::string(&value)?),
                None if changes_rows(node) => {
                    Change::Unknown(format!("changes the attributes of type {name}"))
                }
                None => Change::Catalog(format!("type {name}")),
            })
        }
        K::CREATE_DOMAIN => {
            let constrained = [K::CHECK_CONSTRAINT, K::NOT_NULL_CONSTRAINT]
                .into_iter()
                .any(|kind| below(node, kind).is_some());
            name(node).map(|domain| Change::CreateDomain(domain, constrained))
        }
        K::ALTER_DOMAIN => {
            let domain = name_in(node, K::DOMAIN_REF)?;
            let checks = [K::ADD_CONSTRAINT, K::SET_NOT_NULL, K::VALIDATE_CONSTRAINT];
            Some(if checks.into_iter().any(|kind| has(node, kind)) {
                Change::ConstrainDomain(domain, below(node, K::NOT_VALID).is_none())
            } else {
                Change::Catalog(format!("domain {domain}"))
            })
        }
        _ => None,
    }
}

/// Statements that touch no relation, by their first words; everything else is unknown.
pub(super) fn other(node: &SyntaxNode) -> Option<Change> {
    let words = leading_words(node);
    let first = words.split(' ').next().unwrap_or_default();
    match (node.kind(), first) {
        (K::DO, _) => Some(Change::Block(expression::string(node).unwrap_or_default())),
        (K::CREATE_EXTENSION, _) => Some(Change::CreateExtension(
            below(node, K::EXTENSION).map(|e| ident(&e)).unwrap_or_default(),
        )),
        (
            K::DROP_SCHEMA
            | K::DROP_TYPE
            | K::DROP_DOMAIN
            | K::DROP_EXTENSION
            | K::DROP_OWNED
            | K::DROP_DATABASE
            | K::DROP_TABLESPACE
            | K::DROP_FOREIGN_TABLE,
            _,
        ) => Some(Change::DropObject(
            text(node)["DROP".len()..].trim_end_matches(';').trim().to_owned(),
        )),
        (K::CREATE_SCHEMA, _)
            if node.descendants().skip(1).any(|n| n.kind() == K::CREATE_TABLE) =>
        {
            None
        }
        (_, "DROP") if is_no_relation(node.kind()) && has_below(node, K::CASCADE_KW) => Some(
            Change::DropObject(text(node)["DROP".len()..].trim_end_matches(';').trim().to_owned()),
        ),
        (_, "CREATE" | "DROP" | "ALTER") if is_no_relation(node.kind()) => {
            Some(Change::Catalog(words))
        }
        (_, "GRANT" | "REVOKE" | "SECURITY" | "NOTIFY" | "LISTEN" | "UNLISTEN") => {
            Some(Change::Catalog(words))
        }
        _ => None,
    }
}

/// Returns true for `CREATE`, `ALTER` and `DROP` of things that are no relation.
fn is_no_relation(kind: K) -> bool {
    const THINGS: &[&str] = &[
        "ACCESS_METHOD",
        "AGGREGATE",
        "CAST",
        "COLLATION",
        "CONVERSION",
        "DATABASE",
        "DEFAULT_PRIVILEGES",
        "EVENT_TRIGGER",
        "FOREIGN_DATA_WRAPPER",
        "FUNCTION",
        "GROUP",
        "LANGUAGE",
        "LARGE_OBJECT",
        "OPERATOR",
        "OPERATOR_CLASS",
        "OPERATOR_FAMILY",
        "PROCEDURE",
        "PUBLICATION",
        "ROLE",
        "ROUTINE",
        "SCHEMA",
        "SERVER",
        "STATISTICS",
        "TEXT_SEARCH_CONFIGURATION",
        "TEXT_SEARCH_DICTIONARY",
        "TRANSFORM",
        "TYPE",
        "USER",
        "USER_MAPPING",
    ];
    let name = format!("{kind:?}");
    name.split_once('_').is_some_and(|(_, thing)| THINGS.contains(&thing))
}
