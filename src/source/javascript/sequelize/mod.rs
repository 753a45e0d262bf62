//! `queryInterface.…`: each as the SQL that Sequelize 6 makes of it for PostgreSQL
//! (<https://sequelize.org/api/v6/class/src/dialects/abstract/query-interface.js~queryinterface>).

mod attribute;

use crate::source::syntax::Node;

use crate::domain::change::{Name, quote};

use super::body::{Body, Role, Sql, is_passage};
use super::chain::{Chain, Step};
use super::children;
use super::column::{self, Column};
use super::given::Given;
use super::scope::Scope;
use super::table::{self, Index, alter, list};

/// Adds what a call of the interface does.
pub(super) fn call<'t>(body: &mut Body<'t>, node: Node<'t>, chain: &Chain<'t>) {
    let steps: Vec<&Step<'t>> = chain.steps.iter().skip_while(|step| is_passage(step)).collect();
    let [step] = steps.as_slice() else {
        body.unknown(node, format!("{}() is nothing that is known", chain.path()));
        return;
    };
    let Some(args) = &step.args else { return };
    let operation = Operation { body, args };
    match step.name.as_str() {
        "transaction" => operation.transaction(node),
        "query" | "rawQuery" => {
            let inside = operation.is_inside();
            body.sends_text(node, args.first(), inside);
        }
        "describeTable"
        | "showAllTables"
        | "showIndex"
        | "tableExists"
        | "showConstraint"
        | "getForeignKeyReferencesForTable"
        | "select"
        | "rawSelect" => body.reads(node),
        "literal" | "fn" | "col" | "escape" | "quoteIdentifier" | "quoteTable" => {}
        name => {
            let written = operation.write(name);
            let inside = Operation { body, args }.is_inside();
            body.sends(node, written, inside);
        }
    }
}

struct Operation<'b, 't> {
    body: &'b mut Body<'t>,
    args: &'b [Node<'t>],
}

impl<'t> Given<'t> for Operation<'_, 't> {
    fn scope(&self) -> &Scope<'t> {
        &self.body.scope
    }

    fn args(&self) -> &[Node<'t>] {
        self.args
    }
}

impl<'t> Operation<'_, 't> {
    /// `sequelize.transaction(async (t) => …)`.
    fn transaction(self, node: Node<'t>) {
        self.body.begins();
        let callback = self.args.last().copied();
        let walked = callback.is_some_and(|one| self.body.callback(one, Some(Role::Transaction)));
        if !walked {
            self.body.unknown(node, "what runs in it is made when it runs".to_owned());
        }
    }

    /// Returns true if the call is given a transaction.
    fn is_inside(&self) -> bool {
        self.args.iter().any(|arg| {
            let fields = self.body.scope.fields(*arg).unwrap_or_default();
            fields.iter().any(|(name, _)| name == "transaction")
        })
    }

    fn write(self, name: &str) -> Sql {
        match name {
            "createTable" => self.create_table(),
            "dropTable" => {
                let table = self.table(0)?;
                let cascade = if self.flag(1, "cascade")? { " CASCADE" } else { "" };
                Ok(vec![format!("DROP TABLE IF EXISTS {}{cascade}", table.quoted())])
            }
            "renameTable" => {
                let (old, new) = (self.table(0)?, self.table(1)?);
                Ok(vec![alter(&old, &format!("RENAME TO {}", quote(&new.name)))])
            }
            "addColumn" => {
                let (table, name) = (self.table(0)?, self.text(1)?);
                let column = self.column(&table, name, self.argument(2)?)?;
                let exists = if self.flag(3, "ifNotExists")? { "IF NOT EXISTS " } else { "" };
                Ok(table::add_column(&table, exists, &column))
            }
            "removeColumn" => {
                let (table, name) = (self.table(0)?, self.text(1)?);
                let exists = if self.flag(2, "ifExists")? { "IF EXISTS " } else { "" };
                Ok(vec![alter(&table, &format!("DROP COLUMN {exists}{}", quote(&name)))])
            }
            "changeColumn" => self.change_column(),
            "renameColumn" => {
                let (table, old, new) = (self.table(0)?, self.text(1)?, self.text(2)?);
                let action = format!("RENAME COLUMN {} TO {}", quote(&old), quote(&new));
                Ok(vec![alter(&table, &action)])
            }
            "addIndex" => self.add_index(),
            "removeIndex" => self.remove_index(),
            "addConstraint" => self.add_constraint(),
            "removeConstraint" => {
                let (table, name) = (self.table(0)?, self.text(1)?);
                Ok(vec![alter(&table, &format!("DROP CONSTRAINT {}", quote(&name)))])
            }
            "bulkInsert" => {
                let table = self.table(0)?;
                let rows = self.body.scope.resolve(self.argument(1)?);
                let rows = rows.filter(|rows| rows.kind() == "array");
                let count = rows.map_or("some".to_owned(), |r| children(r).count().to_string());
                Ok(vec![format!(
                    "INSERT INTO {} DEFAULT VALUES /* {count} rows */",
                    table.quoted()
                )])
            }
            "bulkDelete" => {
                let table = self.table(0)?;
                let filter = column::condition(self.body, self.args.get(1).copied());
                let filter = filter.ok_or("which rows it deletes is told when it runs")?;
                Ok(vec![format!("DELETE FROM {}{filter}", table.quoted())])
            }
            "bulkUpdate" => {
                let table = self.table(0)?;
                let values = column::assignments(self.body, self.args.get(1).copied());
                let filter = column::condition(self.body, self.args.get(2).copied());
                let (values, filter) =
                    values.zip(filter).ok_or("what it updates is told when it runs")?;
                Ok(vec![format!("UPDATE {} SET {values}{filter}", table.quoted())])
            }
            "createSchema" => {
                Ok(vec![format!("CREATE SCHEMA IF NOT EXISTS {}", quote(&self.text(0)?))])
            }
            "dropSchema" => {
                Ok(vec![format!("DROP SCHEMA IF EXISTS {} CASCADE", quote(&self.text(0)?))])
            }
            other => Err(format!("{other}() is no operation that is known")),
        }
    }

    fn create_table(self) -> Sql {
        let mut table = self.table(0)?;
        if let Some(schema) = self.option(2, "schema") {
            let schema = self.body.scope.string(schema);
            table.schema = Some(schema.ok_or("its schema is named when it runs")?);
        }
        let attributes = self.argument(1)?;
        let fields = self.body.scope.fields(attributes);
        let fields = fields.ok_or("its columns are listed when it runs")?;
        if self.body.scope.has_spread(attributes) {
            self.body.is_partial();
        }
        let columns: Result<Vec<Column>, String> =
            fields.into_iter().map(|(name, node)| self.column(&table, name, node)).collect();
        if self.option(2, "uniqueKeys").is_some() {
            self.body.is_partial();
        }
        Ok(table::create(&table, "IF NOT EXISTS ", &columns?, &[]))
    }

    /// Each attribute is set anew, also those that are not given.
    fn change_column(self) -> Sql {
        let (table, name) = (self.table(0)?, self.text(1)?);
        let column = self.column(&table, name, self.argument(2)?)?;
        if !column.before.is_empty() {
            return Err("how an enumeration is changed is told when it runs".to_owned());
        }
        let own = quote(&column.name);
        let null = if column.not_null == Some(true) { "SET" } else { "DROP" };
        let mut all = vec![alter(&table, &format!("ALTER COLUMN {own} {null} NOT NULL"))];
        all.push(match &column.default {
            Some(default) => alter(&table, &format!("ALTER COLUMN {own} SET DEFAULT {default}")),
            None => alter(&table, &format!("ALTER COLUMN {own} DROP DEFAULT")),
        });
        if column.unique {
            all.push(alter(&table, &format!("ADD UNIQUE ({own})")));
        }
        if let Some(references) = &column.references {
            all.push(alter(&table, &format!("ADD FOREIGN KEY ({own}) REFERENCES {references}")));
        }
        all.push(alter(&table, &format!("ALTER COLUMN {own} TYPE {}", column.kind)));
        Ok(all)
    }

    fn add_index(self) -> Sql {
        let table = self.table(0)?;
        let is_list =
            self.body.scope.resolve(self.argument(1)?).is_some_and(|n| n.kind() == "array");
        let (fields, at) = match is_list {
            true => (self.argument(1)?, 2),
            false => (self.option(1, "fields").ok_or("its fields are listed when it runs")?, 1),
        };
        let fields = self.fields(fields)?;
        let name = self.text_option(at, "name")?.or(self.text_option(at, "indexName")?);
        let name = name.unwrap_or_else(|| index_name(&table, &fields));
        let kind = self.text_option(at, "type")?.unwrap_or_default().to_uppercase();
        let mut filter = None;
        if let Some(node) = self.option(at, "where") {
            let text = column::condition(self.body, Some(node));
            let text = text.ok_or("which rows it covers is told when it runs")?;
            filter = text.strip_prefix(" WHERE ").map(str::to_owned);
        }
        let index = Index {
            name: Some(name),
            columns: fields.iter().map(|field| quote(field)).collect(),
            unique: self.flag(at, "unique")? || kind == "UNIQUE",
            concurrently: self.flag(at, "concurrently")?,
            method: self.text_option(at, "using")?,
            filter,
            ..Index::default()
        };
        Ok(vec![index.create(&table)])
    }

    fn remove_index(self) -> Sql {
        let table = self.table(0)?;
        let named = self.argument(1)?;
        let name = match self.body.scope.string(named) {
            Some(name) => name,
            None => index_name(&table, &self.fields(named)?),
        };
        let concurrently = self.flag(2, "concurrently")?;
        let index = Index { name: Some(name), concurrently, ..Index::default() };
        Ok(index.drop(&table, "IF EXISTS ").into_iter().collect())
    }

    /// `addConstraint(table, { fields, type, … })`, or with the fields before the options.
    fn add_constraint(self) -> Sql {
        let table = self.table(0)?;
        let is_list =
            self.body.scope.resolve(self.argument(1)?).is_some_and(|n| n.kind() == "array");
        let at = if is_list { 2 } else { 1 };
        let fields = match is_list {
            true => Some(self.argument(1)?),
            false => self.option(1, "fields"),
        };
        let fields = self.fields(fields.ok_or("its fields are listed when it runs")?)?;
        let kind = self.text_option(at, "type")?.unwrap_or_default().to_lowercase();
        let given = self.text_option(at, "name")?;
        let name = |suffix: &str| {
            let own = || format!("{}_{}_{suffix}", table.name, fields.join("_"));
            quote(&given.clone().unwrap_or_else(own))
        };
        let columns = list(&fields);
        let rule = match kind.as_str() {
            "unique" => format!("{} UNIQUE ({columns})", name("uk")),
            "primary key" => format!("{} PRIMARY KEY ({columns})", name("pk")),
            "foreign key" => {
                let node = self.option(at, "references").ok_or("it references nothing")?;
                let (to, other) = self.referenced(node)?;
                let own = name(&format!("{}_fk", to.name));
                let actions = column::actions(
                    self.text_option(at, "onDelete")?,
                    self.text_option(at, "onUpdate")?,
                );
                let to = to.quoted();
                format!("{own} FOREIGN KEY ({columns}) REFERENCES {to} ({other}){actions}")
            }
            "check" => {
                let filter = column::condition(self.body, self.option(at, "where"));
                let filter = filter.filter(|filter| !filter.is_empty());
                let filter = filter.ok_or("what it checks is told when it runs")?;
                let filter = filter.strip_prefix(" WHERE ").unwrap_or(&filter);
                format!("{} CHECK ({filter})", name("ck"))
            }
            _ => return Err("its type is no constraint that is known".to_owned()),
        };
        Ok(vec![alter(&table, &format!("ADD CONSTRAINT {rule}"))])
    }

    fn fields(&self, node: Node<'t>) -> Result<Vec<String>, String> {
        let why = || "its fields are listed when it runs".to_owned();
        let list = self.body.scope.resolve(node).ok_or_else(why)?;
        if list.kind() != "array" {
            return self.body.scope.strings(list).ok_or_else(why);
        }
        let field = |item: Node<'t>| {
            let scope = &self.body.scope;
            scope.string(item).or_else(|| scope.string(scope.field(item, "name")?))
        };
        children(list).map(field).collect::<Option<Vec<_>>>().ok_or_else(why)
    }

    fn table(&self, at: usize) -> Result<Name, String> {
        self.name(self.argument(at)?)
    }

    /// Reads a table's name, or `{ schema, tableName }`.
    fn name(&self, node: Node<'t>) -> Result<Name, String> {
        let scope = &self.body.scope;
        if let Some(name) = scope.string(node) {
            return Ok(Name::new(name));
        }
        let why = || "its table is named when it runs".to_owned();
        let name = scope.field(node, "tableName").and_then(|node| scope.string(node));
        let schema = match scope.field(node, "schema") {
            Some(schema) => Some(scope.string(schema).ok_or_else(why)?),
            None => None,
        };
        Ok(Name { schema, name: name.ok_or_else(why)? })
    }
}

/// Returns the name that an index gets of itself: `nameIndex` of Sequelize 6.37.8 with
/// `underscore` of inflection 1.13.4, which parts every capital (`userID` → `user_i_d`).
fn index_name(table: &Name, fields: &[String]) -> String {
    let plain = format!("{}_{}", table.name, fields.join("_"));
    let underscored = |part: &str| {
        let mut name = String::new();
        for c in part.chars() {
            if c.is_ascii_uppercase() {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
        }
        name.strip_prefix('_').map_or(name.clone(), str::to_owned)
    };
    plain.split("::").map(underscored).collect::<Vec<_>>().join("/")
}
