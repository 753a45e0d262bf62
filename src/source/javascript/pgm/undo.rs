//! The inverse that the tool infers where there is no `down`.

use crate::source::syntax::Node;

use crate::domain::change::quote;

use super::super::body::Sql;
use super::super::given::Given;
use super::super::table::alter;
use super::Operation;

impl<'t> Operation<'_, 't> {
    /// Returns what the tool itself infers; nothing: it would refuse.
    pub(super) fn undo(self, name: &str) -> Sql {
        match name {
            "createTable" => Ok(vec![format!("DROP TABLE {}", self.table(0)?.quoted())]),
            "renameTable" => {
                let (old, new) = (self.table(0)?, self.table(1)?);
                Ok(vec![alter(&new, &format!("RENAME TO {}", quote(&old.name)))])
            }
            "addColumns" | "addColumn" => {
                let names = self.body.scope.fields(self.argument(1)?);
                let names = names.ok_or("its columns are listed when it runs")?;
                let drop = |(name, _): &(String, Node<'t>)| format!("DROP COLUMN {}", quote(name));
                let actions: Vec<String> = names.iter().map(drop).collect();
                Ok(vec![alter(&self.table(0)?, &actions.join(", "))])
            }
            "renameColumn" | "renameConstraint" => {
                let what = if name == "renameColumn" { "COLUMN" } else { "CONSTRAINT" };
                let (table, old, new) = (self.table(0)?, self.text(1)?, self.text(2)?);
                let action = format!("RENAME {what} {} TO {}", quote(&new), quote(&old));
                Ok(vec![alter(&table, &action)])
            }
            "addConstraint" | "createConstraint" => {
                let action = format!("DROP CONSTRAINT {}", quote(&self.text(1)?));
                Ok(vec![alter(&self.table(0)?, &action)])
            }
            "createIndex" | "addIndex" => {
                let table = self.table(0)?;
                Ok(self.index(&table)?.drop(&table, "").into_iter().collect())
            }
            "createExtension" | "addExtension" => {
                Ok(self.names(0)?.iter().map(|n| format!("DROP EXTENSION {}", quote(n))).collect())
            }
            "createSchema" => Ok(vec![format!("DROP SCHEMA {}", quote(&self.text(0)?))]),
            "createType" | "addType" => Ok(vec![format!("DROP TYPE {}", self.table(0)?.quoted())]),
            // The tool has no inverse of these: "Impossible to automatically infer down migration".
            "sql" | "dropTable" | "dropColumns" | "dropColumn" | "alterColumn"
            | "dropConstraint" | "dropIndex" | "dropExtension" | "dropSchema" | "dropType"
            | "addTypeValue" => Ok(Vec::new()),
            other => Err(format!("what undoes {other}() is told when it runs")),
        }
    }
}
