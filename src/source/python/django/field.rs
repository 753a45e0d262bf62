//! A field of a model, and its column.

use crate::source::syntax::Node;

use crate::domain::change::quote;
use crate::source::python::{Args, Literal, Scope, path};

use super::state::State;

/// A field with a column.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent options of a field")]
pub(super) struct Field {
    pub column: String,
    pub kind: String,
    pub null: bool,
    pub primary_key: bool,
    pub unique: bool,
    pub index: bool,
    pub identity: bool,
    /// What rows that exist are given, as SQL.
    pub default: Option<String>,
    /// `db_default`, which stays in the table.
    pub kept_default: bool,
    /// The table and column that it refers to.
    pub references: Option<(String, String)>,
    /// The check of a field that takes no negative numbers.
    pub positive: bool,
}

/// What a field is to the database.
pub(super) enum Known {
    Column(Field),
    /// A table of its own: many to many.
    Table,
    /// Nobody knows.
    Unknown,
}

/// Reads a field.
pub(super) fn read<'t>(
    scope: &Scope<'t>,
    text: &'t str,
    node: Node<'t>,
    name: &str,
    app: &str,
    state: &State,
) -> Known {
    let Some(call) = scope.resolve(node).filter(|node| node.kind() == "call") else {
        return Known::Unknown;
    };
    let args = Args::of(call, text);
    let Some(function) = call.child_by_field_name("function") else { return Known::Unknown };
    let path = path(function, text);
    let class = path.rsplit('.').next().unwrap_or_default();
    if class == "ManyToManyField" {
        return Known::Table;
    }
    let flag = |name: &str| {
        args.named(name).and_then(|node| scope.literal(node)) == Some(Literal::Bool(true))
    };
    let mut field = Field {
        column: name.to_owned(),
        kind: String::new(),
        null: flag("null"),
        primary_key: flag("primary_key"),
        unique: flag("unique"),
        index: flag("db_index") || class == "SlugField",
        identity: class.ends_with("AutoField"),
        default: None,
        kept_default: args.named("db_default").is_some(),
        references: None,
        positive: class.starts_with("Positive"),
    };
    if matches!(class, "ForeignKey" | "OneToOneField") {
        let to = args.clone().take("to").and_then(|node| scope.string(node));
        // The user model that the settings name is looked up when it runs.
        let (table, column, kind) = match to {
            Some(to) => state.key(app, &to),
            None => ("auth_user".to_owned(), "id".to_owned(), "integer".to_owned()),
        };
        field.column = format!("{name}_id");
        field.kind = kind;
        field.unique |= class == "OneToOneField";
        field.index = args.named("db_index").is_none_or(|_| flag("db_index")) && !field.unique;
        field.references = Some((table, column));
    } else {
        let Some(kind) = kind(class, scope, &args) else { return Known::Unknown };
        field.kind = kind;
    }
    if let Some(column) = args.named("db_column").and_then(|node| scope.string(node)) {
        field.column = column;
    }
    field.default = default(class, scope, &args, text, &field);
    Known::Column(field)
}

/// <https://github.com/django/django/blob/5.2/django/db/backends/postgresql/base.py>
fn kind<'t>(class: &str, scope: &Scope<'t>, args: &Args<'t>) -> Option<String> {
    let number = |name: &str| match args.named(name).map(|node| scope.literal(node)) {
        Some(Some(Literal::Int(number))) => Some(number),
        _ => None,
    };
    let length = |usual: i64| format!("varchar({})", number("max_length").unwrap_or(usual));
    Some(match class {
        "AutoField" | "IntegerField" | "PositiveIntegerField" => "integer".into(),
        "BigAutoField" | "BigIntegerField" | "PositiveBigIntegerField" => "bigint".into(),
        "SmallAutoField" | "SmallIntegerField" | "PositiveSmallIntegerField" => "smallint".into(),
        "CharField" if args.named("max_length").is_none() => "varchar".into(),
        "CharField" => format!("varchar({})", number("max_length")?),
        "EmailField" => length(254),
        "URLField" => length(200),
        "SlugField" => length(50),
        "FileField" | "ImageField" | "FilePathField" => length(100),
        "TextField" => "text".into(),
        "BooleanField" | "NullBooleanField" => "boolean".into(),
        "DateField" => "date".into(),
        "DateTimeField" => "timestamp with time zone".into(),
        "TimeField" => "time".into(),
        "DurationField" => "interval".into(),
        "DecimalField" => {
            format!("numeric({}, {})", number("max_digits")?, number("decimal_places")?)
        }
        "FloatField" => "double precision".into(),
        "UUIDField" => "uuid".into(),
        "JSONField" => "jsonb".into(),
        "BinaryField" => "bytea".into(),
        "GenericIPAddressField" | "IPAddressField" => "inet".into(),
        _ => return None,
    })
}

/// Django computes a default once and writes it into every row that exists.
fn default<'t>(
    class: &str,
    scope: &Scope<'t>,
    args: &Args<'t>,
    text: &str,
    field: &Field,
) -> Option<String> {
    let given = args.named("default").or_else(|| args.named("db_default"));
    let flag = |name: &str| {
        args.named(name).and_then(|node| scope.literal(node)) == Some(Literal::Bool(true))
    };
    match given {
        Some(node) => Some(match scope.literal(node) {
            Some(Literal::Str(text)) => quoted(&text),
            Some(Literal::Int(number)) => number.to_string(),
            Some(Literal::Bool(on)) => on.to_string(),
            Some(Literal::None) => return None,
            _ => quoted(&format!("what {} gives", &text[node.byte_range()])),
        }),
        None if flag("auto_now") || flag("auto_now_add") => Some("now()".into()),
        None if !field.null && flag("blank") && is_text(class) => Some("''".into()),
        None => None,
    }
}

fn is_text(class: &str) -> bool {
    matches!(
        class,
        "CharField" | "TextField" | "EmailField" | "URLField" | "SlugField" | "FileField"
    )
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Field {
    /// Returns the column as it stands in a new table or behind `ADD COLUMN`.
    pub(super) fn sql(&self, with_default: bool) -> String {
        let mut sql = format!("{} {}", quote(&self.column), self.kind);
        if let Some(default) = self.default.as_ref().filter(|_| with_default || self.kept_default) {
            sql.push_str(" DEFAULT ");
            sql.push_str(default);
        }
        sql.push_str(if self.null { " NULL" } else { " NOT NULL" });
        if self.primary_key {
            sql.push_str(" PRIMARY KEY");
        } else if self.unique {
            sql.push_str(" UNIQUE");
        }
        if self.identity {
            sql.push_str(" GENERATED BY DEFAULT AS IDENTITY");
        }
        if self.positive {
            sql = format!("{sql} CHECK ({} >= 0)", quote(&self.column));
        }
        sql
    }

    /// Returns the statements behind it: its reference and its index.
    pub(super) fn beside(&self, table: &str) -> Vec<String> {
        let (quoted, column) = (quote(table), quote(&self.column));
        let mut all = Vec::new();
        if let Some((to, key)) = &self.references {
            all.push(format!(
                "ALTER TABLE {quoted} ADD FOREIGN KEY ({column}) REFERENCES {} ({}) DEFERRABLE INITIALLY DEFERRED",
                quote(to),
                quote(key)
            ));
        }
        if self.index && !self.unique && !self.primary_key {
            all.push(format!("CREATE INDEX ON {quoted} ({column})"));
        }
        all
    }

    /// Returns what makes this field of a table into another one.
    pub(super) fn towards(&self, other: &Self, table: &str) -> Vec<String> {
        let (table, column) = (quote(table), quote(&other.column));
        let alter = |what: &str| format!("ALTER TABLE {table} ALTER COLUMN {column} {what}");
        let mut all = Vec::new();
        if self.column != other.column {
            all.push(format!(
                "ALTER TABLE {table} RENAME COLUMN {} TO {column}",
                quote(&self.column)
            ));
        }
        if self.kind != other.kind {
            let text = |kind: &str| kind.starts_with("varchar") || kind == "text";
            let using = if text(&self.kind) && text(&other.kind) {
                String::new()
            } else {
                format!(" USING {column}::{}", other.kind)
            };
            all.push(alter(&format!("TYPE {}{using}", other.kind)));
        }
        if self.null && !other.null {
            if let Some(default) = &other.default {
                all.push(format!("UPDATE {table} SET {column} = {default} WHERE {column} IS NULL"));
            }
            all.push(alter("SET NOT NULL"));
        } else if !self.null && other.null {
            all.push(alter("DROP NOT NULL"));
        }
        if !self.unique && other.unique {
            all.push(format!("ALTER TABLE {table} ADD UNIQUE ({column})"));
        }
        if !self.index && other.index {
            all.push(format!("CREATE INDEX ON {table} ({column})"));
        }
        all
    }

    /// Returns what of a change has no SQL here: the name of what is dropped is Django's own.
    pub(super) fn obscure(&self, other: &Self) -> Option<&'static str> {
        match () {
            () if self.unique && !other.unique => Some("it drops a unique constraint"),
            () if self.index && !other.index => Some("it drops an index"),
            () if self.references != other.references => Some("it changes what it refers to"),
            () if self.primary_key != other.primary_key => Some("it changes the primary key"),
            () if self.identity != other.identity => Some("it changes how the key is made"),
            () => None,
        }
    }
}
