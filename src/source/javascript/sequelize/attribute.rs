//! Attributes: columns and their types
//! (<https://sequelize.org/docs/v6/other-topics/other-data-types/>).

use crate::source::syntax::Node;

use crate::domain::change::{Name, quote};

use super::super::chain::Chain;
use super::super::column::{self, Column};
use super::super::scope::Value;
use super::Operation;

impl<'t> Operation<'_, 't> {
    /// Reads `{ type, allowNull, … }`, or a type alone.
    pub(super) fn column(
        &self,
        table: &Name,
        name: String,
        node: Node<'t>,
    ) -> Result<Column, String> {
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

    pub(super) fn referenced(&self, node: Node<'t>) -> Result<(Name, String), String> {
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
        self.kind_within(table, column, node, DEPTH)
    }

    fn kind_within(
        &self,
        table: &Name,
        column: &mut Column,
        node: Node<'t>,
        depth: u32,
    ) -> Result<(), String> {
        let scope = &self.body.scope;
        let depth = depth.checked_sub(1).ok_or("its type is told when it runs")?;
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
            self.kind_within(table, column, *inner, depth)?;
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
}

/// So deep a type may be made of others: a name may stand for what is made of itself.
const DEPTH: u32 = 8;

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
