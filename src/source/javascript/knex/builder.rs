//! The callback of a table, call by call.

use crate::source::syntax::Node;

use crate::domain::change::{Name, quote};

use super::super::body::Body;
use super::super::chain::{Chain, Step};
use super::super::column::{self, Column};
use super::super::export::is_function;
use super::super::scope::Value;
use super::super::table::{Index, alter, list};
use super::super::{Module, children};
use super::kind::typed;
use super::named;
use super::rule::Rule;

/// What the callback of a table says.
pub(super) struct Builder<'a> {
    pub table: &'a Name,
    pub columns: Vec<Column>,
    /// Constraints of the table.
    pub rules: Vec<String>,
    /// What runs beside it.
    pub after: Vec<String>,
}

impl<'a> Builder<'a> {
    pub(super) fn of<'t>(
        body: &mut Body<'t>,
        table: &'a Name,
        callback: Option<&Node<'t>>,
    ) -> Result<Self, String> {
        let why = || "its columns are listed when it runs".to_owned();
        let function = callback.and_then(|node| body.scope.resolve(*node));
        let function = function.filter(|node| is_function(*node)).ok_or_else(why)?;
        let inner = function.child_by_field_name("body").ok_or_else(why)?;
        let name = parameter(body.module, function).unwrap_or("this");
        let calls: Vec<Node<'t>> = match inner.kind() {
            "statement_block" => children(inner).collect(),
            _ => vec![inner],
        };
        let mut built = Self { table, columns: Vec::new(), rules: Vec::new(), after: Vec::new() };
        for call in calls {
            let call = match call.kind() {
                "expression_statement" | "return_statement" => call.named_child(0).unwrap_or(call),
                _ => call,
            };
            let chain = Chain::of(body.module, call);
            if chain.root != Some(name) {
                return Err("a part of it is decided when it runs".to_owned());
            }
            built.chain(body, &chain)?;
        }
        Ok(built)
    }

    fn chain<'t>(&mut self, body: &Body<'t>, chain: &Chain<'t>) -> Result<(), String> {
        let Some((first, rest)) = chain.steps.split_first() else { return Ok(()) };
        let args = first.args.as_deref().unwrap_or_default();
        if self.of_table(&Rule { body, name: &first.name, args, rest })? {
            return Ok(());
        }
        let Some(mut column) = typed(body, &first.name, args)? else {
            return Err(format!("{}() is nothing that is known of a table", first.name));
        };
        let altered = rest.iter().any(|step| step.name == "alter");
        self.modify(body, &mut column, rest)?;
        if altered {
            self.alter(&column);
        } else {
            self.columns.push(column);
        }
        Ok(())
    }

    pub(super) fn timestamps<'t>(
        &mut self,
        body: &Body<'t>,
        args: &[Node<'t>],
    ) -> Result<(), String> {
        let flag = |at: usize| match args.get(at).map(|arg| body.scope.value(*arg)) {
            None => Ok(false),
            Some(Value::Bool(on)) => Ok(on),
            Some(_) => Err("how its times are kept is told when it runs".to_owned()),
        };
        // Without `useTimestamps` both are of the same type on PostgreSQL.
        flag(0)?;
        let now = flag(1)?;
        for name in ["created_at", "updated_at"] {
            self.columns.push(Column {
                name: name.to_owned(),
                kind: "timestamptz".to_owned(),
                not_null: now.then_some(true),
                default: now.then(|| "CURRENT_TIMESTAMP".to_owned()),
                ..Column::default()
            });
        }
        Ok(())
    }

    fn modify<'t>(
        &mut self,
        body: &Body<'t>,
        column: &mut Column,
        steps: &[Step<'t>],
    ) -> Result<(), String> {
        for step in steps {
            let args = step.args.as_deref().unwrap_or_default();
            match step.name.as_str() {
                "notNullable" => column.not_null = Some(true),
                "nullable" => {
                    let refused =
                        args.first().map(|arg| body.scope.value(*arg)) == Some(Value::Bool(false));
                    column.not_null = Some(refused);
                }
                "defaultTo" => {
                    let text = args.first().and_then(|arg| column::expression(body, *arg));
                    column.default = Some(text.ok_or("its default is put together when it runs")?);
                }
                "primary" => column.primary = true,
                "unique" => {
                    let name = format!("{}_{}_unique", self.table.name, column.name).to_lowercase();
                    let columns = quote(&column.name);
                    self.rules.push(format!("CONSTRAINT {} UNIQUE ({columns})", quote(&name)));
                }
                "index" => {
                    let own =
                        || format!("{}_{}_index", self.table.name, column.name).to_lowercase();
                    let given = args.first().and_then(|arg| body.scope.string(*arg));
                    let index = Index {
                        name: Some(given.unwrap_or_else(own)),
                        columns: vec![quote(&column.name)],
                        ..Index::default()
                    };
                    self.after.push(index.create(self.table));
                }
                "references" | "inTable" | "onDelete" | "onUpdate" | "unsigned" | "comment"
                | "after" | "first" | "alter" | "withKeyName" => {}
                other => return Err(format!("{other}() is nothing that is known of a column")),
            }
        }
        column.references = references(body, steps)?;
        Ok(())
    }

    /// `.alter()` sets the default, NULL and the type anew, also where they are not given.
    fn alter(&mut self, column: &Column) {
        let (table, name) = (self.table, quote(&column.name));
        let mut say = |action: String| self.after.push(alter(table, &action));
        say(format!("ALTER COLUMN {name} DROP DEFAULT"));
        say(format!("ALTER COLUMN {name} DROP NOT NULL"));
        say(format!("ALTER COLUMN {name} TYPE {0} USING ({name}::{0})", column.kind));
        if let Some(default) = &column.default {
            say(format!("ALTER COLUMN {name} SET DEFAULT {default}"));
        }
        if column.not_null == Some(true) {
            say(format!("ALTER COLUMN {name} SET NOT NULL"));
        }
    }
}

/// Reads `.references('id').inTable('users').onDelete(…)`, also `references('users.id')`.
pub(super) fn references<'t>(
    body: &Body<'t>,
    steps: &[Step<'t>],
) -> Result<Option<String>, String> {
    let text = |name: &str| {
        let step = steps.iter().find(|step| step.name == name)?;
        let arg = step.args.as_deref().unwrap_or_default().first()?;
        Some(body.scope.strings(*arg))
    };
    let Some(columns) = text("references") else { return Ok(None) };
    let why = || "what it references is told when it runs".to_owned();
    let mut columns = columns.ok_or_else(why)?;
    let table = if let Some(table) = text("inTable") {
        table.ok_or_else(why)?.concat()
    } else {
        let whole = columns.concat();
        let (table, column) = whole.rsplit_once('.').ok_or_else(why)?;
        columns = vec![column.to_owned()];
        table.to_owned()
    };
    let action = |name: &str| text(name).flatten().map(|words| words.concat());
    let actions = column::actions(action("onDelete"), action("onUpdate"));
    Ok(Some(format!("{} ({}){actions}", named(&table, None).quoted(), list(&columns))))
}

fn parameter<'t>(module: &'t Module, function: Node<'t>) -> Option<&'t str> {
    let only = function.child_by_field_name("parameter").or_else(|| {
        let first = function.child_by_field_name("parameters")?.named_child(0)?;
        Some(first.child_by_field_name("pattern").unwrap_or(first))
    })?;
    Some(module.of(only))
}
