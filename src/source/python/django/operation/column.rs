//! Fields: columns.

use crate::domain::change::quote;
use crate::source::python::Args;

use super::super::field::{Field, Known};
use super::{Both, Piece, Walk};

impl<'t> Walk<'t, '_> {
    pub(super) fn add_field(&mut self, args: &mut Args<'t>) -> Option<Both> {
        let (model, name) = self.names(args)?;
        let known = self.field(args.take("field")?, &name);
        let table = self.state.table(self.app, &model);
        let fields = self.state.model_mut(self.app, &model).map(|model| &mut model.fields);
        match known {
            Known::Table => Some(Both::unknown("a table for a many-to-many field")),
            Known::Unknown => {
                fields?.push((name, None));
                Some(Both::unknown("a field of a type of its own"))
            }
            Known::Column(field) => {
                let both = added(&field, &table);
                if let Some(fields) = fields {
                    fields.push((name, Some(field)));
                }
                Some(both)
            }
        }
    }

    pub(super) fn remove_field(&mut self, args: &mut Args<'t>) -> Option<Both> {
        let (model, name) = self.names(args)?;
        let model = self.state.model_mut(self.app, &model)?;
        let at = model.fields.iter().position(|(own, _)| *own == name)?;
        let (_, field) = model.fields.remove(at);
        Some(match field {
            Some(field) => added(&field, &model.table).turned(),
            None => Both::unknown("a field of a type of its own"),
        })
    }

    pub(super) fn alter_field(&mut self, args: &mut Args<'t>) -> Option<Both> {
        let (model, name) = self.names(args)?;
        let known = self.field(args.take("field")?, &name);
        let model = self.state.model_mut(self.app, &model)?;
        let table = model.table.clone();
        let own = model.fields.iter_mut().find(|(own, _)| *own == name)?;
        let Known::Column(new) = known else {
            own.1 = None;
            return None;
        };
        let old = own.1.replace(new.clone())?;
        let mut both = Both::of(old.towards(&new, &table), new.towards(&old, &table));
        let hidden = |why: Option<&'static str>| why.map(|why| Piece::Unknown(why.to_owned()));
        both.up.extend(hidden(old.obscure(&new)));
        both.down.extend(hidden(new.obscure(&old)));
        Some(both)
    }

    pub(super) fn rename_field(&mut self, args: &mut Args<'t>) -> Option<Both> {
        let model = self.text(args.take("model_name"))?;
        let (old, new) = (self.text(args.take("old_name"))?, self.text(args.take("new_name"))?);
        let model = self.state.model_mut(self.app, &model)?;
        let field = model.fields.iter_mut().find(|(own, _)| *own == old)?;
        field.0.clone_from(&new);
        let column = field.1.as_mut()?;
        let suffix = if column.references.is_some() { "_id" } else { "" };
        let (from, to) = (column.column.clone(), format!("{new}{suffix}"));
        if from != format!("{old}{suffix}") {
            // A column that was named by hand stays.
            return Some(Both::default());
        }
        column.column.clone_from(&to);
        let rename = |from: &str, to: &str| {
            let table = quote(&model.table);
            vec![format!("ALTER TABLE {table} RENAME COLUMN {} TO {}", quote(from), quote(to))]
        };
        Some(Both::of(rename(&from, &to), rename(&to, &from)))
    }
}

/// A default stands in the table only while the column is added.
fn added(field: &Field, table: &str) -> Both {
    let (quoted, column) = (quote(table), quote(&field.column));
    let mut up = vec![format!("ALTER TABLE {quoted} ADD COLUMN {}", field.sql(true))];
    if field.default.is_some() && !field.kept_default {
        up.push(format!("ALTER TABLE {quoted} ALTER COLUMN {column} DROP DEFAULT"));
    }
    up.extend(field.beside(table));
    Both::of(up, vec![format!("ALTER TABLE {quoted} DROP COLUMN {column} CASCADE")])
}
