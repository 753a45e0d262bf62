//! The methods that name a column's type
//! (<https://knexjs.org/guide/schema-builder.html#column-types>).

use crate::source::syntax::Node;

use crate::domain::change::quote;

use super::super::body::Body;
use super::super::column::{self, Column};
use super::super::scope::Value;

/// Reads a column by the method that names its type; `None`: it is none.
pub(super) fn typed<'t>(
    body: &Body<'t>,
    method: &str,
    args: &[Node<'t>],
) -> Result<Option<Column>, String> {
    let number = |at: usize| match args.get(at).map(|arg| body.scope.value(*arg)) {
        Some(Value::Number(digits)) => Some(digits),
        _ => None,
    };
    let text = |at: usize| args.get(at).and_then(|arg| body.scope.string(*arg));
    let mut column = Column::default();
    column.kind = match method {
        "increments" | "bigIncrements" => {
            column.primary = true;
            column.not_null = Some(true);
            if method == "increments" { "serial" } else { "bigserial" }.to_owned()
        }
        "string" | "varchar" => format!("varchar({})", number(1).unwrap_or("255".into())),
        "decimal" => {
            let precision = number(1).unwrap_or("8".into());
            format!("decimal({precision}, {})", number(2).unwrap_or("2".into()))
        }
        "specificType" => text(1).ok_or("its type is told when it runs")?,
        "timestamp" | "datetime" | "dateTime" => time(body, args)?,
        "enu" | "enum" => {
            let labels = args.get(1).and_then(|arg| body.scope.strings(*arg));
            let labels = labels.filter(|_| args.len() == 2);
            let labels = labels.ok_or("its labels are listed when it runs")?;
            let labels: Vec<String> = labels.iter().map(|l| column::literal(l)).collect();
            let name = quote(&text(0).unwrap_or_default());
            column.check = Some(format!("{name} IN ({})", labels.join(", ")));
            "text".to_owned()
        }
        other => match plainly(other) {
            Some(kind) => kind.to_owned(),
            None => return Ok(None),
        },
    };
    let own =
        if method == "increments" || method == "bigIncrements" { Some("id".into()) } else { None };
    let name = if args.is_empty() { own } else { text(0) };
    column.name = name.ok_or("a column is named when it runs")?;
    Ok(Some(column))
}

fn time<'t>(body: &Body<'t>, args: &[Node<'t>]) -> Result<String, String> {
    let Some(options) = args.get(1) else { return Ok("timestamptz".to_owned()) };
    let field = |name: &str| body.scope.field(*options, name).map(|node| body.scope.value(node));
    let zone = match field("useTz") {
        Some(Value::Bool(false)) => "timestamp",
        None | Some(Value::Bool(true)) => "timestamptz",
        Some(_) => return Err("its type is told when it runs".to_owned()),
    };
    match (body.scope.fields(*options), field("precision")) {
        (None, _) => Err("its type is told when it runs".to_owned()),
        (Some(_), Some(Value::Number(digits))) => Ok(format!("{zone}({digits})")),
        (Some(_), _) => Ok(zone.to_owned()),
    }
}

fn plainly(method: &str) -> Option<&'static str> {
    Some(match method {
        "integer" | "int" | "mediumint" => "integer",
        "bigInteger" | "bigint" => "bigint",
        "smallint" | "tinyint" => "smallint",
        "text" => "text",
        "float" => "real",
        "double" => "double precision",
        "boolean" | "bool" => "boolean",
        "date" => "date",
        "time" => "time",
        "binary" => "bytea",
        "uuid" => "uuid",
        "json" => "json",
        "jsonb" => "jsonb",
        _ => return None,
    })
}
