//! Models: tables.

use std::collections::HashMap;

use crate::source::syntax::Node;

use crate::domain::change::quote;
use crate::source::python::{Args, children};

use super::super::field::{self, Field, Known};
use super::super::state::Model;
use super::{Both, Piece, Walk};

impl<'t> Walk<'t, '_> {
    pub(super) fn create_model(&mut self, args: &mut Args<'t>) -> Option<Both> {
        let name = self.text(args.take("name"))?;
        let list = args.take("fields").and_then(|node| self.scope.resolve(node))?;
        let options = args.take("options");
        let mut model = Model {
            table: self
                .option(options, "db_table")
                .unwrap_or_else(|| format!("{}_{}", self.app, name.to_lowercase())),
            fields: Vec::new(),
            named: HashMap::new(),
        };
        let mut more = false;
        for pair in children(list).filter(|node| node.kind() == "tuple") {
            let named = pair.named_child(0).and_then(|node| self.scope.string(node))?;
            match self.field(pair.named_child(1)?, &named) {
                Known::Column(field) => model.fields.push((named, Some(field))),
                Known::Table => more = true,
                Known::Unknown => model.fields.push((named, None)),
            }
        }
        let unmanaged = options.is_some_and(|node| {
            let text = self.module.of(node).replace([' ', '"', '\''], "");
            text.contains("managed:False") || text.contains("proxy:True")
        });
        let constrained = options.is_some_and(|node| {
            let text = self.module.of(node);
            ["indexes", "constraints", "unique_together"].iter().any(|word| text.contains(word))
        });
        let create = Self::created(&model);
        let drop = format!("DROP TABLE {} CASCADE", quote(&model.table));
        self.state.put(self.app, &name, model);
        if unmanaged {
            return Some(Both::default());
        }
        let mut both = match create {
            Some(create) => Both::of(create, vec![drop]),
            None => Both {
                up: vec![Piece::Unknown("one of its fields is of a type of its own".into())],
                down: vec![Piece::Sql(drop)],
            },
        };
        if more || constrained {
            both.up.push(Piece::Unknown(
                "it makes tables, indexes or constraints that are not read here".into(),
            ));
        }
        Some(both)
    }

    /// Returns a string among the options of a model.
    fn option(&self, options: Option<Node<'t>>, name: &str) -> Option<String> {
        let pairs = children(options?).filter(|node| node.kind() == "pair");
        let mut values = pairs.filter(|pair| {
            let key = pair.child_by_field_name("key").and_then(|key| self.scope.string(key));
            key.as_deref() == Some(name)
        });
        self.text(values.next()?.child_by_field_name("value"))
    }

    pub(super) fn field(&self, node: Node<'t>, name: &str) -> Known {
        field::read(&self.scope, self.module.text(), node, name, self.app, self.state)
    }

    pub(super) fn created(model: &Model) -> Option<Vec<String>> {
        let fields: Option<Vec<&Field>> = model.fields.iter().map(|(_, f)| f.as_ref()).collect();
        let fields = fields?;
        let columns: Vec<String> = fields.iter().map(|field| field.sql(false)).collect();
        let mut all =
            vec![format!("CREATE TABLE {} ({})", quote(&model.table), columns.join(", "))];
        all.extend(fields.iter().flat_map(|field| field.beside(&model.table)));
        Some(all)
    }

    pub(super) fn rename_model(&mut self, name: &str, args: &mut Args<'t>) -> Option<Both> {
        let (first, second) =
            if name == "RenameModel" { ("old_name", "new_name") } else { ("name", "table") };
        let old = self.text(args.take(first))?;
        let new = self.text(args.take(second))?;
        let mut model = self.state.take(self.app, &old)?;
        let before = model.table.clone();
        let usual = format!("{}_{}", self.app, old.to_lowercase());
        let kept = if name == "RenameModel" {
            if before == usual {
                model.table = format!("{}_{}", self.app, new.to_lowercase());
            }
            new
        } else {
            model.table = new;
            old
        };
        let after = model.table.clone();
        self.state.put(self.app, &kept, model);
        let rename = |from: &str, to: &str| {
            vec![format!("ALTER TABLE {} RENAME TO {}", quote(from), quote(to))]
        };
        Some(if before == after {
            Both::default()
        } else {
            Both::of(rename(&before, &after), rename(&after, &before))
        })
    }
}
