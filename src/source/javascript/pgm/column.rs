//! Columns and their types
//! (<https://salsita.github.io/node-pg-migrate/migrations/columns>).

use crate::source::syntax::Node;

use super::super::column::{self, Column};
use super::super::given::Given;
use super::super::scope::Value;
use super::Operation;

impl<'t> Operation<'_, 't> {
    pub(super) fn columns(&self, at: usize) -> Result<Vec<Column>, String> {
        let node = self.argument(at)?;
        let why = || "its columns are listed when it runs".to_owned();
        let fields = self.body.scope.fields(node).ok_or_else(why)?;
        if self.body.scope.has_spread(node) {
            return Err(why());
        }
        fields.into_iter().map(|(name, node)| self.column(name, node)).collect()
    }

    fn column(&self, name: String, node: Node<'t>) -> Result<Column, String> {
        let scope = &self.body.scope;
        let mut column = Column { name, ..Column::default() };
        if let Some(kind) = scope.string(node) {
            typed(&mut column, &kind);
            return Ok(column);
        }
        let why = || "a column is described when it runs".to_owned();
        let fields = scope.fields(node).filter(|_| !scope.has_spread(node)).ok_or_else(why)?;
        let mut actions = (None, None);
        for (field, value) in fields {
            let is_on = || match scope.value(value) {
                Value::Bool(on) => Ok(on),
                Value::Null => Ok(false),
                _ => Err(format!("{field} is decided when it runs")),
            };
            match field.as_str() {
                "type" => typed(&mut column, &scope.string(value).ok_or_else(why)?),
                "notNull" => column.not_null = Some(is_on()?),
                "unique" => column.unique = is_on()?,
                "primaryKey" => column.primary = is_on()?,
                "check" => column.check = Some(scope.string(value).ok_or_else(why)?),
                "default" => {
                    let text = column::expression(self.body, value);
                    column.default = Some(text.ok_or("its default is put together when it runs")?);
                }
                "references" => column.references = Some(self.referenced(value)?),
                "onDelete" => actions.0 = scope.string(value),
                "onUpdate" => actions.1 = scope.string(value),
                "comment" | "referencesConstraintName" | "collation" => {}
                other => return Err(format!("{other} of a column is told when it runs")),
            }
        }
        let actions = column::actions(actions.0, actions.1);
        column.references = column.references.map(|to| to + &actions);
        Ok(column)
    }

    /// Reads a table's name, `"users"(id)` or `users(id)`.
    pub(super) fn referenced(&self, node: Node<'t>) -> Result<String, String> {
        match self.body.scope.string(node) {
            Some(text) if text.contains(['"', '(']) => Ok(text),
            _ => Ok(self.name(node)?.quoted()),
        }
    }
}

/// Gives a column its type; `id` is the one shorthand that is built in.
fn typed(column: &mut Column, kind: &str) {
    if kind == "id" {
        column.primary = true;
        "serial".clone_into(&mut column.kind);
    } else {
        adapted(kind).clone_into(&mut column.kind);
    }
}

/// <https://salsita.github.io/node-pg-migrate/migrations/columns#type-adapters>
pub(super) fn adapted(kind: &str) -> &str {
    match kind {
        "int" => "integer",
        "string" => "text",
        "float" => "real",
        "double" => "double precision",
        "datetime" => "timestamp",
        "bool" => "boolean",
        other => other,
    }
}
