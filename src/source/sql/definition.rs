//! Definitions: the text of what `CREATE` makes, so that two of them can be compared.

use squawk_syntax::{SyntaxElement, SyntaxKind as K, SyntaxNode, SyntaxToken};

use crate::domain::change::{Change, Definition, Name, Object, Thing, Type};

use super::node::{child, has, ident, name, name_in, text};

/// Returns what a statement defines.
pub(super) fn made(node: &SyntaxNode) -> Option<Change> {
    let (thing, named) = match node.kind() {
        K::CREATE_FUNCTION => (Thing::Function, K::FUNCTION_NAME),
        K::CREATE_PROCEDURE => (Thing::Procedure, K::PROCEDURE_NAME),
        K::CREATE_AGGREGATE => (Thing::Aggregate, K::AGGREGATE_NAME),
        K::CREATE_VIEW => (Thing::View, K::VIEW),
        K::CREATE_MATERIALIZED_VIEW => (Thing::MaterializedView, K::VIEW),
        K::CREATE_TRIGGER => (Thing::Trigger, K::TRIGGER),
        K::CREATE_RULE => (Thing::Rule, K::RULE),
        K::CREATE_POLICY => (Thing::Policy, K::POLICY),
        _ => return None,
    };
    let written = child(node, named)?;
    let object = Object {
        thing,
        name: name(&written).unwrap_or_else(|| Name::new(ident(&written))),
        arguments: thing.is_routine().then(|| arguments(node)).flatten(),
        on: relation(node),
    };
    let may_stand = has(node, K::OR_REPLACE) || has(node, K::IF_NOT_EXISTS);
    let text = after(node, &written);
    Some(Change::Define(Definition { object, may_stand, text }))
}

/// Returns what a statement drops of what is defined.
pub(super) fn dropped(node: &SyntaxNode) -> Vec<Change> {
    let (thing, named) = match node.kind() {
        K::DROP_FUNCTION => (Thing::Function, K::FUNCTION_SIG),
        K::DROP_PROCEDURE => (Thing::Procedure, K::PROCEDURE_SIG),
        K::DROP_ROUTINE => (Thing::Routine, K::ROUTINE_SIG),
        K::DROP_AGGREGATE => (Thing::Aggregate, K::AGGREGATE),
        K::DROP_VIEW => (Thing::View, K::VIEW_REF),
        K::DROP_MATERIALIZED_VIEW => (Thing::MaterializedView, K::VIEW_REF),
        K::DROP_TRIGGER => (Thing::Trigger, K::TRIGGER_REF),
        K::DROP_RULE => (Thing::Rule, K::RULE_REF),
        K::DROP_POLICY => (Thing::Policy, K::POLICY_REF),
        _ => return Vec::new(),
    };
    let if_exists = has(node, K::IF_EXISTS);
    let each = node.descendants().filter(|inner| inner.kind() == named);
    let objects = each.map(|written| Object {
        thing,
        name: name(&written).unwrap_or_else(|| Name::new(ident(&written))),
        arguments: thing.is_routine().then(|| arguments(&written)).flatten(),
        on: relation(node),
    });
    objects.map(|object| Change::Undefine(object, if_exists)).collect()
}

fn relation(node: &SyntaxNode) -> Option<Name> {
    match node.kind() {
        K::CREATE_TRIGGER | K::DROP_TRIGGER | K::DROP_RULE => name_in(node, K::ON_RELATION),
        K::CREATE_POLICY | K::DROP_POLICY => name_in(node, K::ON_TABLE),
        K::CREATE_RULE => name_in(node, K::RULE_ON),
        _ => None,
    }
}

/// Returns the types by which a routine is told from its namesakes: not those that it returns.
fn arguments(node: &SyntaxNode) -> Option<Vec<Type>> {
    let list = child(node, K::PARAM_LIST)?;
    let taken =
        list.children().filter(|inner| inner.kind() == K::PARAM && !has(inner, K::PARAM_OUT));
    Some(taken.map(|taken| Type::parse(&argument(&taken))).collect())
}

fn argument(taken: &SyntaxNode) -> String {
    let beside = [K::PARAM_IN, K::PARAM_IN_OUT, K::PARAM_VARIADIC, K::PARAM_NAME, K::PARAM_DEFAULT];
    let kind = taken.children().find(|inner| !beside.contains(&inner.kind()));
    kind.map(|kind| text(&kind)).unwrap_or_default()
}

/// Returns all that follows the name, a word for each token: white space, comments and the case
/// of bare words mean nothing, nor how a string is quoted.
fn after(node: &SyntaxNode, written: &SyntaxNode) -> String {
    let from = written.text_range().end();
    let tokens = node.descendants_with_tokens().filter_map(SyntaxElement::into_token);
    let ends = |token: &SyntaxToken| {
        token.kind() == K::SEMICOLON && token.parent().is_some_and(|above| above == *node)
    };
    // The table is the object's, and may have been renamed since.
    let is_table = |token: &SyntaxToken| {
        let mut above = token.parent_ancestors();
        above.any(|above| matches!(above.kind(), K::ON_RELATION | K::ON_TABLE))
    };
    let words: Vec<String> = tokens
        .filter(|token| token.text_range().start() >= from && !token.kind().is_trivia())
        .filter(|token| !ends(token) && !is_table(token))
        .map(|token| word(&token))
        .collect();
    // EXECUTE PROCEDURE is how EXECUTE FUNCTION was written before 11.
    words.join(" ").replace(" execute procedure ", " execute function ")
}

fn word(token: &SyntaxToken) -> String {
    let text = token.text();
    match token.kind() {
        K::DOLLAR_QUOTED_STRING => {
            let tag = text[1..].find('$').map_or(0, |end| end + 2);
            quoted(token, text.get(tag..text.len().saturating_sub(tag)).unwrap_or(text))
        }
        K::STRING => {
            let inner = text.strip_prefix('\'').and_then(|inner| inner.strip_suffix('\''));
            quoted(token, &inner.unwrap_or(text).replace("''", "'"))
        }
        _ if text.starts_with(['"', 'E', 'e', 'U', 'u']) && text.contains(['"', '\'']) => {
            text.to_owned()
        }
        // `int` and `integer` are one type.
        _ if text.starts_with(char::is_alphabetic) => Type::parse(text).name,
        _ => text.to_owned(),
    }
}

/// Returns a string, of a routine's body the lines without the margins: two migrations seldom
/// indent alike. Of any other string each blank counts.
fn quoted(token: &SyntaxToken, text: &str) -> String {
    if !token.parent_ancestors().any(|above| above.kind() == K::AS_FUNC_OPTION) {
        return format!("'{text}'");
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    format!("'{}'", lines.collect::<Vec<_>>().join("\n"))
}
