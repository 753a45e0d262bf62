//! What a statement reads, and what it locks of it: the relations of every FROM, USING and
//! sub-select, without those that a WITH names.

use squawk_syntax::{SyntaxKind as K, SyntaxNode};

use crate::domain::change::{Change, Name};
use crate::domain::locks::Mode;

use super::node::{child, ident, ident_in, name, name_in, names_in, parts};

/// Returns each relation that is read, with its lock.
///
/// `ACCESS SHARE`, or `ROW SHARE` where rows are locked:
/// <https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES>.
pub(super) fn touches(node: &SyntaxNode) -> Vec<Change> {
    let common: Vec<String> = of_kind(node, K::CTE_NAME).map(|cte| ident(&cte)).collect();
    let mut found: Vec<(Name, Mode)> = Vec::new();
    for inner in node.descendants() {
        for (name, mode) in read_by(&inner) {
            if name.schema.is_none() && common.contains(&name.name) {
                continue;
            }
            match found.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = mode.max(*known),
                None => found.push((name, mode)),
            }
        }
    }
    found.into_iter().map(|(name, mode)| Change::Touch(name, mode)).collect()
}

fn of_kind(node: &SyntaxNode, kind: K) -> impl Iterator<Item = SyntaxNode> {
    node.descendants().filter(move |inner| inner.kind() == kind)
}

fn read_by(node: &SyntaxNode) -> Vec<(Name, Mode)> {
    let named = match node.kind() {
        K::RELATION_FROM_ITEM => return from_item(node).into_iter().collect(),
        K::TABLE => name_in(node, K::RELATION_NAME),
        K::LIKE_CLAUSE => name_in(node, K::RELATION_NAME_REF),
        K::COPY if has_to(node) => name_in(node, K::COPY_TABLE),
        K::INHERITS => {
            let parents = names_in(node, K::TABLE_NAME_REF);
            return parents.into_iter().map(|n| (n, Mode::ShareUpdateExclusive)).collect();
        }
        K::FROM_TABLE | K::PUBLICATION_OBJECT_TABLE => {
            let named = name_in(node, K::TABLE_NAME_REF).or_else(|| name(node));
            return named.map(|n| (n, Mode::ShareUpdateExclusive)).into_iter().collect();
        }
        K::OPTION_OWNED_BY => owner(node),
        K::PRIVILEGE_TABLE | K::PRIVILEGE_DEFAULT => {
            let tables = node.descendants().filter(|inner| inner.kind() == K::RELATION_NAME_REF);
            return tables
                .filter_map(|inner| name(&inner))
                .map(|n| (n, Mode::AccessShare))
                .collect();
        }
        _ => None,
    };
    named.map(|name| (name, Mode::AccessShare)).into_iter().collect()
}

fn has_to(node: &SyntaxNode) -> bool {
    super::node::below(node, K::COPY_TO).is_some()
}

/// Returns the table of `OWNED BY table.column`.
fn owner(node: &SyntaxNode) -> Option<Name> {
    let mut path = parts(node);
    path.pop();
    super::node::named(&path)
}

fn from_item(node: &SyntaxNode) -> Option<(Name, Mode)> {
    let name = name_in(node, K::RELATION_NAME_REF)?;
    let alias = child(node, K::FROM_ALIAS).and_then(|alias| ident_in(&alias, K::TABLE_ALIAS));
    let known = alias.unwrap_or_else(|| name.name.clone());
    let is_query = |outer: &SyntaxNode| matches!(outer.kind(), K::SELECT | K::SELECT_INTO);
    let query = node.ancestors().find(is_query);
    let is_locked = query.is_some_and(|query| {
        query.children().filter(|clause| clause.kind() == K::LOCKING_CLAUSE).any(|clause| {
            let of = child(&clause, K::LOCKING_OF);
            of.is_none_or(|of| of.children().any(|named| ident(&named) == known))
        })
    });
    Some((name, if is_locked { Mode::RowShare } else { Mode::AccessShare }))
}
