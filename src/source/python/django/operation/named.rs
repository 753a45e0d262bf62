//! What has a name of its own: indexes and constraints.

use crate::domain::change::quote;
use crate::source::python::{Args, path};

use super::{Both, Piece, Walk};

impl<'t> Walk<'t, '_> {
    pub(super) fn add_index(&mut self, args: &mut Args<'t>, operation: &str) -> Option<Both> {
        let concurrently = if operation.ends_with("Concurrently") { "CONCURRENTLY " } else { "" };
        let name = self.text(args.take("model_name"))?;
        let index = args.take("index").and_then(|node| self.scope.resolve(node))?;
        let given = Args::of(index, self.module.text());
        let named = self.text(given.named("name"))?;
        let fields = self.scope.literal(given.named("fields")?)?.strings()?;
        if ["condition", "opclasses", "include"].iter().any(|word| given.named(word).is_some()) {
            return None;
        }
        let model = self.state.model_mut(self.app, &name)?;
        let columns: Vec<String> = fields
            .iter()
            .map(|field| match field.strip_prefix('-') {
                Some(field) => format!("{} DESC", quote(&model.column(field))),
                None => quote(&model.column(field)),
            })
            .collect();
        let made = |word: &str| {
            let (index, table) = (quote(&named), quote(&model.table));
            format!("CREATE INDEX {word}{index} ON {table} ({})", columns.join(", "))
        };
        let (plain, up) = (made(""), made(concurrently));
        let drop = format!("DROP INDEX {concurrently}IF EXISTS {}", quote(&named));
        model.named.insert(named, plain);
        Some(Both::of(vec![up], vec![drop]))
    }

    pub(super) fn add_constraint(&mut self, args: &mut Args<'t>) -> Option<Both> {
        let name = self.text(args.take("model_name"))?;
        let constraint = args.take("constraint").and_then(|node| self.scope.resolve(node))?;
        let function = constraint.child_by_field_name("function")?;
        let given = Args::of(constraint, self.module.text());
        let named = self.text(given.named("name"))?;
        let unique = path(function, self.module.text()).ends_with("UniqueConstraint");
        let plain = ["condition", "include", "expressions", "deferrable", "opclasses"]
            .iter()
            .all(|word| given.named(word).is_none());
        let fields = given.named("fields").and_then(|node| self.scope.literal(node)?.strings());
        let model = self.state.model_mut(self.app, &name)?;
        let table = quote(&model.table);
        let drop = format!("ALTER TABLE {table} DROP CONSTRAINT {}", quote(&named));
        let Some(fields) = fields.filter(|_| unique && plain) else {
            let why = format!("{named}: what it demands is put together when it runs");
            return Some(Both { up: vec![Piece::Unknown(why)], down: vec![Piece::Sql(drop)] });
        };
        let columns: Vec<String> = fields.iter().map(|field| quote(&model.column(field))).collect();
        let add = format!(
            "ALTER TABLE {table} ADD CONSTRAINT {} UNIQUE ({})",
            quote(&named),
            columns.join(", ")
        );
        model.named.insert(named, add.clone());
        Some(Both::of(vec![add], vec![drop]))
    }

    /// Removes an index or a constraint that an operation before has made.
    pub(super) fn remove_named(&mut self, args: &mut Args<'t>, operation: &str) -> Option<Both> {
        let (model, name) = self.names(args)?;
        let model = self.state.model_mut(self.app, &model)?;
        let concurrently = operation.ends_with("Concurrently");
        let word = if concurrently { "CONCURRENTLY " } else { "" };
        let drop = if operation == "RemoveConstraint" {
            format!("ALTER TABLE {} DROP CONSTRAINT {}", quote(&model.table), quote(&name))
        } else {
            format!("DROP INDEX {word}IF EXISTS {}", quote(&name))
        };
        let made = model.named.remove(&name).map(|made| {
            if concurrently {
                made.replacen("CREATE INDEX", "CREATE INDEX CONCURRENTLY", 1)
            } else {
                made
            }
        });
        let down = match made {
            Some(made) => Piece::Sql(made),
            None => Piece::Unknown(format!("how {name} was made is not read here")),
        };
        Some(Both { up: vec![Piece::Sql(drop)], down: vec![down] })
    }
}
