//! What a file exports, in the ways of `CommonJS` and of ES modules.

use crate::source::syntax::Node;

use super::scope::{Scope, unwrapped};
use super::{Module, children};

/// What stands behind an exported name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Exported<'t> {
    /// Nothing is exported so.
    Missing,
    /// `false`.
    Disabled(Node<'t>),
    /// A function.
    Function(Node<'t>),
    /// Something else.
    Opaque(Node<'t>),
}

/// Returns what is exported as `name`.
pub(super) fn find<'t>(module: &'t Module, name: &str) -> Exported<'t> {
    let scope = Scope::of(module, None);
    let mut found = Exported::Missing;
    for statement in children(module.root()) {
        let exported = match statement.kind() {
            "export_statement" => exported(module, &scope, statement, name),
            "expression_statement" => assigned(module, &scope, statement, name),
            _ => None,
        };
        found = exported.unwrap_or(found);
    }
    found
}

/// `export const up = …`, `export function up`, `export { up }`, `export default { up }`.
fn exported<'t>(
    module: &'t Module,
    scope: &Scope<'t>,
    statement: Node<'t>,
    name: &str,
) -> Option<Exported<'t>> {
    if let Some(declaration) = statement.child_by_field_name("declaration") {
        return declared(module, declaration, name).map(|node| judged(scope, node));
    }
    if let Some(value) = statement.child_by_field_name("value") {
        return of_object(scope, value, name);
    }
    let clause = children(statement).find(|child| child.kind() == "export_clause")?;
    // Its value is in another file.
    let elsewhere = statement.child_by_field_name("source").is_some();
    children(clause).find_map(|item| {
        let own = item.child_by_field_name("name")?;
        let alias = item.child_by_field_name("alias").unwrap_or(own);
        (module.of(alias) == name).then(|| match elsewhere {
            true => Exported::Opaque(item),
            false => judged(scope, own),
        })
    })
}

fn declared<'t>(module: &'t Module, declaration: Node<'t>, name: &str) -> Option<Node<'t>> {
    let named = |node: Node<'t>| node.child_by_field_name("name").map(|n| module.of(n));
    match declaration.kind() {
        "function_declaration" | "generator_function_declaration" => {
            (named(declaration) == Some(name)).then_some(declaration)
        }
        "lexical_declaration" | "variable_declaration" => children(declaration)
            .find(|one| named(*one) == Some(name))
            .and_then(|one| one.child_by_field_name("value")),
        _ => None,
    }
}

/// `module.exports = { … }`, `module.exports.up = …`, `exports.up = …`.
fn assigned<'t>(
    module: &'t Module,
    scope: &Scope<'t>,
    statement: Node<'t>,
    name: &str,
) -> Option<Exported<'t>> {
    let mut assignment = statement.named_child(0)?;
    while assignment.kind() == "assignment_expression" {
        let left = module.of(assignment.child_by_field_name("left")?);
        let right = assignment.child_by_field_name("right")?;
        if left == "module.exports" || left == "exports.default" {
            return of_object(scope, right, name);
        }
        let own = left.strip_prefix("module.exports.").or_else(|| left.strip_prefix("exports."));
        if own == Some(name) {
            return Some(judged(scope, right));
        }
        assignment = right;
    }
    None
}

fn of_object<'t>(scope: &Scope<'t>, node: Node<'t>, name: &str) -> Option<Exported<'t>> {
    let whole = scope.resolve(node)?;
    if whole.kind() != "object" {
        // A class, or what a call returns: nobody knows what is in it.
        return Some(Exported::Opaque(whole));
    }
    match scope.field(whole, name) {
        Some(field) => Some(judged(scope, field)),
        None if scope.has_spread(whole) => Some(Exported::Opaque(whole)),
        None => None,
    }
}

fn judged<'t>(scope: &Scope<'t>, node: Node<'t>) -> Exported<'t> {
    let node = unwrapped(node);
    let Some(value) = scope.resolve(node) else { return Exported::Opaque(node) };
    match value.kind() {
        _ if is_function(value) => Exported::Function(value),
        "false" => Exported::Disabled(value),
        "undefined" | "null" => Exported::Missing,
        _ => Exported::Opaque(value),
    }
}

/// Returns true for whatever can be called.
pub(super) fn is_function(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "arrow_function"
            | "function_expression"
            | "function_declaration"
            | "method_definition"
            | "generator_function_declaration"
    )
}
