//! `env.py`: what is set there as a literal.

use crate::source::python::{Args, Literal, Module, Scope, calls, line, path};
use crate::source::syntax::Node;

/// What an environment sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `version_table`.
    pub version_table: Option<String>,
    /// `version_table_schema`.
    pub version_table_schema: Option<String>,
    /// What names the version table by code: the option and its line.
    pub computed: Vec<(&'static str, usize)>,
    /// `transactional_ddl=False`, or code that decides it.
    pub no_transactional_ddl: bool,
    /// True if the revisions run inside of `begin_transaction()`.
    pub begins_transaction: bool,
    /// True if a connection commits each statement by itself.
    pub autocommit: bool,
    /// True if it connects through asyncpg, which takes no heed of libpq's variables.
    pub asyncpg: bool,
    /// True if it passes settings of its own to the server, as asyncpg needs.
    pub server_settings: bool,
}

/// Reads `env.py`.
#[must_use]
pub fn environment(module: &Module) -> Environment {
    let text = module.text();
    let scope = Scope::of(module, None);
    let mut found = Environment {
        asyncpg: text.contains("asyncpg"),
        server_settings: text.contains("server_settings"),
        autocommit: text.contains("\"AUTOCOMMIT\"") || text.contains("'AUTOCOMMIT'"),
        ..Environment::default()
    };
    for call in calls(module.root()).into_iter().chain(inner(module)) {
        let path = call.child_by_field_name("function").map(|f| path(f, text)).unwrap_or_default();
        found.begins_transaction |= path.ends_with("begin_transaction");
        if !path.ends_with("configure") {
            continue;
        }
        let args = Args::of(call, text);
        let mut option = |name: &'static str| {
            let node = args.named(name)?;
            match scope.literal(node) {
                Some(Literal::Str(text)) => Some(text),
                Some(Literal::None) => None,
                _ => {
                    found.computed.push((name, line(node)));
                    None
                }
            }
        };
        let table = option("version_table");
        let schema = option("version_table_schema");
        found.version_table = found.version_table.take().or(table);
        found.version_table_schema = found.version_table_schema.take().or(schema);
        let ddl = args.named("transactional_ddl").map(|node| scope.literal(node));
        found.no_transactional_ddl |= ddl.is_some_and(|ddl| ddl != Some(Literal::Bool(true)));
    }
    found
}

/// Returns the calls inside of functions and classes, which [`calls`] leaves out.
fn inner(module: &Module) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    let mut open = vec![module.root()];
    while let Some(node) = open.pop() {
        if matches!(node.kind(), "function_definition" | "class_definition")
            && let Some(body) = node.child_by_field_name("body")
        {
            found.extend(calls(body));
        }
        open.extend(crate::source::python::children(node));
    }
    found
}
