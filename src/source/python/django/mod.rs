//! What a migration of Django says: its place in the graph, and what its two ways do.
//!
//! Operations are those of <https://docs.djangoproject.com/en/5.2/ref/migration-operations/>;
//! each is written as the SQL that Django makes of it for PostgreSQL, and read by
//! [`crate::source::sql`]. What a field was before is kept in [`State`], as Django keeps it.

mod field;
mod operation;
mod state;

use crate::source::syntax::Node;

use crate::domain::change::Statement;

use super::{Literal, Module, Scope, assigned, children};

pub use state::State;

/// An app's label and the name of a migration.
pub type Key = (String, String);

/// What stands in the class `Migration`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// `dependencies`.
    pub dependencies: Vec<Key>,
    /// `run_before`.
    pub run_before: Vec<Key>,
    /// `replaces`: it is squashed.
    pub replaces: Vec<Key>,
    /// `atomic`; true if it is not given.
    pub atomic: bool,
}

/// Returns what stands in the class `Migration`; `None` if there is none.
#[must_use]
pub fn header(module: &Module) -> Option<Header> {
    let class = class(module)?;
    let scope = Scope::of(module, None);
    let keys = |name: &str| {
        let list = value(module, class, name).map(|list| children(list).collect::<Vec<_>>());
        let items = list.unwrap_or_default().into_iter();
        items.filter_map(|item| key(&scope.literal(item)?)).collect::<Vec<Key>>()
    };
    let atomic = value(module, class, "atomic").and_then(|node| scope.literal(node));
    Some(Header {
        dependencies: keys("dependencies"),
        run_before: keys("run_before"),
        replaces: keys("replaces"),
        atomic: atomic != Some(Literal::Bool(false)),
    })
}

/// Returns a string that a class at the top of the file gives a name: `label` of an `AppConfig`.
#[must_use]
pub fn class_value(module: &Module, name: &str) -> Option<String> {
    let scope = Scope::of(module, None);
    let mut classes = children(module.root()).filter(|node| node.kind() == "class_definition");
    classes.find_map(|class| scope.string(value(module, class, name)?))
}

fn key(literal: &Literal) -> Option<Key> {
    match literal.strings()?.as_slice() {
        [app, name] => Some((app.clone(), name.clone())),
        _ => None,
    }
}

fn class(module: &Module) -> Option<Node<'_>> {
    let mut classes = children(module.root()).filter(|node| node.kind() == "class_definition");
    let name = |node: &Node<'_>| node.child_by_field_name("name").map(|name| module.of(name));
    classes.find(|node| name(node) == Some("Migration"))
}

/// Returns what a class gives a name.
fn value<'t>(module: &'t Module, class: Node<'t>, name: &str) -> Option<Node<'t>> {
    let body = class.child_by_field_name("body")?;
    let mut given = children(body).filter_map(|statement| assigned(statement, module.text()));
    given.find(|(given, _)| *given == name).map(|(_, node)| node)
}

/// Both ways of a migration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// What it does; what could not be understood is a statement too.
    pub up: Vec<Statement>,
    /// What undoing it does.
    pub down: Vec<Statement>,
}

/// Compiles the operations of an app's migration, and changes the state as they do.
#[must_use]
pub fn compile(module: &Module, app: &str, state: &mut State) -> Ways {
    let operations = class(module).and_then(|class| value(module, class, "operations"));
    let Some(list) = operations else { return Ways::default() };
    let scope = Scope::of(module, None);
    let list = scope.resolve(list).unwrap_or(list);
    let mut walk = operation::Walk { module, scope, app, state, on_database: true };
    walk.all(list)
}
