//! What the callback says of the table itself: its constraints, its indexes, what it drops.

use crate::source::syntax::Node;

use crate::domain::change::quote;

use super::super::body::Body;
use super::super::chain::Step;
use super::super::scope::Value;
use super::super::table::{Index, alter, list};
use super::builder::{Builder, references};

/// A call in the callback of a table.
pub(super) struct Rule<'a, 't> {
    pub body: &'a Body<'t>,
    pub name: &'a str,
    pub args: &'a [Node<'t>],
    /// What is called of what it returns.
    pub rest: &'a [Step<'t>],
}

fn why() -> String {
    "what it names is listed when it runs".to_owned()
}

impl Builder<'_> {
    /// Takes what is said of the table; false if it is a column.
    pub(super) fn of_table(&mut self, rule: &Rule) -> Result<bool, String> {
        match rule.name {
            "dropColumn" | "dropColumns" | "renameColumn" | "setNullable" | "dropNullable"
            | "dropTimestamps" => self.changes(rule)?,
            "index" => self.index(rule)?,
            "unique" | "primary" | "foreign" => self.demands(rule)?,
            "dropIndex" | "dropUnique" | "dropForeign" | "dropPrimary" => self.drops(rule)?,
            "timestamps" => self.timestamps(rule.body, rule.args)?,
            "comment" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn changes(&mut self, rule: &Rule) -> Result<(), String> {
        let actions = match rule.name {
            "dropColumn" | "dropColumns" => {
                let all = rule.args.iter().map(|arg| rule.body.scope.strings(*arg));
                let all = all.collect::<Option<Vec<_>>>().ok_or_else(why)?.concat();
                all.iter().map(|name| format!("DROP COLUMN {}", quote(name))).collect()
            }
            "renameColumn" => {
                let (old, new) = (rule.names(0)?.concat(), rule.names(1)?.concat());
                vec![format!("RENAME COLUMN {} TO {}", quote(&old), quote(&new))]
            }
            "dropTimestamps" => {
                vec!["DROP COLUMN created_at".to_owned(), "DROP COLUMN updated_at".to_owned()]
            }
            name => {
                let word = if name == "setNullable" { "DROP" } else { "SET" };
                let column = quote(&rule.names(0)?.concat());
                vec![format!("ALTER COLUMN {column} {word} NOT NULL")]
            }
        };
        self.after.extend(actions.iter().map(|action| alter(self.table, action)));
        Ok(())
    }

    fn index(&mut self, rule: &Rule) -> Result<(), String> {
        let columns = rule.names(0)?;
        let name = rule.given(1)?.unwrap_or_else(|| self.own(&columns, "index"));
        let columns = columns.iter().map(|column| quote(column)).collect();
        let index = Index { name: Some(name), columns, ..Index::default() };
        if rule.args.len() > 2 {
            return Err("how its index is built is told when it runs".to_owned());
        }
        self.after.push(index.create(self.table));
        Ok(())
    }

    fn demands(&mut self, rule: &Rule) -> Result<(), String> {
        let columns = rule.names(0)?;
        let given = rule.given(1)?;
        let listed = list(&columns);
        let (name, what) = match rule.name {
            "unique" => (self.own(&columns, "unique"), format!("UNIQUE ({listed})")),
            "primary" => (self.primary_key(), format!("PRIMARY KEY ({listed})")),
            _ => {
                let to = references(rule.body, rule.rest)?.ok_or_else(why)?;
                let what = format!("FOREIGN KEY ({listed}) REFERENCES {to}");
                (self.own(&columns, "foreign"), what)
            }
        };
        self.rules.push(format!("CONSTRAINT {} {what}", quote(&given.unwrap_or(name))));
        Ok(())
    }

    fn drops(&mut self, rule: &Rule) -> Result<(), String> {
        let own = |suffix: &str| -> Result<String, String> {
            match rule.given(1)? {
                Some(name) => Ok(name),
                None => Ok(self.own(&rule.names(0)?, suffix)),
            }
        };
        let name = match rule.name {
            "dropIndex" => {
                let index = Index { name: Some(own("index")?), ..Index::default() };
                self.after.extend(index.drop(self.table, ""));
                return Ok(());
            }
            "dropUnique" => own("unique")?,
            "dropForeign" => own("foreign")?,
            _ => rule.given(0)?.unwrap_or_else(|| self.primary_key()),
        };
        self.after.push(alter(self.table, &format!("DROP CONSTRAINT {}", quote(&name))));
        Ok(())
    }

    /// Returns the name that Knex gives by itself.
    fn own(&self, names: &[String], suffix: &str) -> String {
        format!("{}_{}_{suffix}", self.table.name, names.join("_")).to_lowercase()
    }

    fn primary_key(&self) -> String {
        format!("{}_pkey", self.table.name)
    }
}

impl Rule<'_, '_> {
    fn names(&self, at: usize) -> Result<Vec<String>, String> {
        self.args.get(at).and_then(|arg| self.body.scope.strings(*arg)).ok_or_else(why)
    }

    /// Returns the name that is given; the last argument may be an object with one.
    fn given(&self, at: usize) -> Result<Option<String>, String> {
        let Some(arg) = self.args.get(at) else { return Ok(None) };
        match (self.body.scope.value(*arg), self.body.scope.fields(*arg)) {
            (Value::Str(name), _) => Ok(Some(name)),
            (Value::Null, _) => Ok(None),
            (_, Some(fields)) => {
                let field = fields.iter().find(|(key, _)| key == "indexName");
                field.map(|(_, value)| self.body.scope.string(*value).ok_or_else(why)).transpose()
            }
            _ => Err(why()),
        }
    }
}
