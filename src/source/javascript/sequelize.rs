//! `queryInterface.…`: each as the SQL that Sequelize 6 makes of it for PostgreSQL
//! (<https://sequelize.org/api/v6/class/src/dialects/abstract/query-interface.js~queryinterface>).

use tree_sitter::Node;

use crate::domain::change::{Name, quote};

use super::body::{Body, Role, Sql, is_passage};
use super::chain::{Chain, Step};
use super::children;
use super::column::{self, Column};
use super::scope::Value;
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
        let name = name.unwrap_or_else(|| format!("{}_{}", table.name, fields.join("_")));
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
            None => format!("{}_{}", table.name, self.fields(named)?.join("_")),
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

    /// Reads `{ type, allowNull, … }`, or a type alone.
    fn column(&self, table: &Name, name: String, node: Node<'t>) -> Result<Column, String> {
        let scope = &self.body.scope;
        let mut column = Column { name, ..Column::default() };
        let Some(fields) = scope.fields(node) else {
            self.kind(table, &mut column, node)?;
            return Ok(column);
        };
        if scope.has_spread(node) {
            return Err(format!("{} is described when it runs", column.name));
        }
        let kind = scope.field(node, "type").ok_or("it has no type")?;
        self.kind(table, &mut column, kind)?;
        let mut actions = (None, None);
        for (field, value) in fields {
            let is_on = || match scope.value(value) {
                Value::Bool(on) => Ok(on),
                Value::Null => Ok(false),
                Value::Str(_) => Ok(true),
                _ if scope.fields(value).is_some() => Ok(true),
                _ => Err(format!("{field} is decided when it runs")),
            };
            match field.as_str() {
                "allowNull" => column.not_null = Some(!is_on()?),
                "primaryKey" => column.primary = is_on()?,
                "unique" => column.unique = is_on()?,
                "autoIncrement" if is_on()? => column.kind = serial(&column.kind),
                "autoIncrementIdentity" => column.identity = is_on()?,
                "defaultValue" => column.default = self.default(value)?,
                "references" => {
                    let (to, other) = self.referenced(value)?;
                    column.references = Some(format!("{} ({other})", to.quoted()));
                }
                "onDelete" => actions.0 = scope.string(value),
                "onUpdate" => actions.1 = scope.string(value),
                _ => {}
            }
        }
        let actions = column::actions(actions.0, actions.1);
        column.references = column.references.map(|to| to + &actions);
        Ok(column)
    }

    /// What Sequelize itself fills in (`UUIDV4`, `NOW`) is no default of the table.
    fn default(&self, node: Node<'t>) -> Result<Option<String>, String> {
        let chain = Chain::of(self.body.module, node);
        let last = chain.steps.last().map(|step| step.name.as_str());
        if matches!(last, Some("UUIDV4" | "UUIDV1" | "NOW")) {
            return Ok(None);
        }
        let text = column::expression(self.body, node);
        text.map(Some).ok_or_else(|| "its default is put together when it runs".to_owned())
    }

    fn referenced(&self, node: Node<'t>) -> Result<(Name, String), String> {
        let scope = &self.body.scope;
        let why = || "what it references is told when it runs".to_owned();
        let model = scope.field(node, "model").or_else(|| scope.field(node, "table"));
        let table = self.name(model.ok_or_else(why)?)?;
        let field = scope.field(node, "key").or_else(|| scope.field(node, "field"));
        let key = match field {
            Some(field) => scope.string(field).ok_or_else(why)?,
            None => "id".to_owned(),
        };
        Ok((table, quote(&key)))
    }

    /// <https://sequelize.org/docs/v6/other-topics/other-data-types/>
    fn kind(&self, table: &Name, column: &mut Column, node: Node<'t>) -> Result<(), String> {
        let scope = &self.body.scope;
        if let Some(text) = scope.string(node) {
            column.kind = text;
            return Ok(());
        }
        let node = scope.resolve(node).unwrap_or(node);
        let chain = Chain::of(self.body.module, node);
        let step =
            chain.steps.iter().rfind(|step| step.name != "BINARY" && step.name != "UNSIGNED");
        let step = step.ok_or("its type is told when it runs")?;
        let args = step.args.as_deref().unwrap_or_default();
        let number = |at: usize| match args.get(at).map(|arg| scope.value(*arg)) {
            Some(Value::Number(digits)) => Some(digits),
            _ => None,
        };
        if step.name == "ENUM" {
            let labels = args.iter().map(|arg| scope.strings(*arg)).collect::<Option<Vec<_>>>();
            let labels = labels.ok_or("its labels are listed when it runs")?.concat();
            let name = Name {
                schema: table.schema.clone(),
                name: format!("enum_{}_{}", table.name, column.name),
            };
            let labels: Vec<String> = labels.iter().map(|label| column::literal(label)).collect();
            let create = format!("CREATE TYPE {} AS ENUM ({})", name.quoted(), labels.join(", "));
            column.before.push(create);
            column.kind = name.quoted();
            return Ok(());
        }
        if step.name == "ARRAY" {
            let inner = args.first().ok_or("its type is told when it runs")?;
            self.kind(table, column, *inner)?;
            column.kind.push_str("[]");
            return Ok(());
        }
        if !args.is_empty() && number(0).is_none() && step.name != "TEXT" {
            return Err("its type is told when it runs".to_owned());
        }
        column.kind = kind(&step.name, number(0).as_deref(), number(1).as_deref())
            .ok_or_else(|| format!("{} is no type that is known", step.name))?;
        Ok(())
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

    fn argument(&self, at: usize) -> Result<Node<'t>, String> {
        self.args.get(at).copied().ok_or_else(|| "it is given too little".to_owned())
    }

    fn text(&self, at: usize) -> Result<String, String> {
        let text = self.body.scope.string(self.argument(at)?);
        text.ok_or_else(|| "what it names is put together when it runs".to_owned())
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

    fn option(&self, at: usize, name: &str) -> Option<Node<'t>> {
        self.args.get(at).and_then(|options| self.body.scope.field(*options, name))
    }

    fn text_option(&self, at: usize, name: &str) -> Result<Option<String>, String> {
        let Some(node) = self.option(at, name) else { return Ok(None) };
        let text = self.body.scope.string(node);
        text.map(Some).ok_or_else(|| format!("{name} is put together when it runs"))
    }

    fn flag(&self, at: usize, name: &str) -> Result<bool, String> {
        match self.option(at, name).map(|node| self.body.scope.value(node)) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(on)) => Ok(on),
            Some(_) => Err(format!("{name} is decided when it runs")),
        }
    }
}

/// Returns the type that counts by itself.
fn serial(kind: &str) -> String {
    match kind {
        "bigint" => "bigserial",
        "smallint" => "smallserial",
        _ => "serial",
    }
    .to_owned()
}

fn kind(name: &str, first: Option<&str>, second: Option<&str>) -> Option<String> {
    let sized = |word: &str, default: &str| format!("{word}({})", first.unwrap_or(default));
    Some(match name {
        "STRING" => sized("varchar", "255"),
        "CHAR" => sized("char", "255"),
        "DECIMAL" | "NUMERIC" => match (first, second) {
            (Some(precision), Some(scale)) => format!("numeric({precision},{scale})"),
            (Some(precision), None) => format!("numeric({precision})"),
            _ => "numeric".to_owned(),
        },
        "DATE" => match first {
            Some(digits) => format!("timestamp({digits}) with time zone"),
            None => "timestamp with time zone".to_owned(),
        },
        plain => plainly(plain)?.to_owned(),
    })
}

fn plainly(name: &str) -> Option<&'static str> {
    Some(match name {
        "TEXT" => "text",
        "CITEXT" => "citext",
        "INTEGER" | "MEDIUMINT" => "integer",
        "BIGINT" => "bigint",
        "SMALLINT" | "TINYINT" => "smallint",
        "FLOAT" | "DOUBLE" => "double precision",
        "REAL" => "real",
        "BOOLEAN" => "boolean",
        "DATEONLY" => "date",
        "TIME" => "time",
        "UUID" => "uuid",
        "JSON" => "json",
        "JSONB" => "jsonb",
        "BLOB" => "bytea",
        "HSTORE" => "hstore",
        "INET" => "inet",
        "CIDR" => "cidr",
        "MACADDR" => "macaddr",
        "TSVECTOR" => "tsvector",
        _ => return None,
    })
}
