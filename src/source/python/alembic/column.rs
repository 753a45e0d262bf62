//! `sa.Column`, its type and its default; `alter_column`.

use crate::source::syntax::Node;

use crate::domain::change::{self, Alter, Change, Name, Type, quote};
use crate::source::python::{Args, Literal, path};

use super::body::Body;
use super::constraint;
use super::operation::{Operation, Sql, Written, altered, literal};

/// A column as SQL.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    name: String,
    kind: String,
    default: Option<String>,
    generated: Option<String>,
    not_null: bool,
    primary_key: bool,
    unique: bool,
    index: bool,
    references: Option<(Name, String)>,
    /// Types that are created with it.
    pub creates: Vec<String>,
}

impl Column {
    /// Returns the column without what Alembic adds by statements of their own.
    pub(super) fn sql(&self) -> String {
        let mut sql = format!("{} {}", quote(&self.name), self.kind);
        sql.extend(self.default.iter().map(|default| format!(" DEFAULT {default}")));
        sql.extend(self.generated.iter().map(|rule| format!(" GENERATED {rule}")));
        if self.not_null {
            sql.push_str(" NOT NULL");
        }
        if self.primary_key {
            sql.push_str(" PRIMARY KEY");
        }
        sql
    }

    /// Returns what is added by [`Self::sql`], where no expression of SQL has to be read for it.
    pub(super) fn change(&self) -> Option<change::Column> {
        let default = match &self.default {
            None => change::Default::None,
            Some(value) if is_constant(value) => change::Default::Stable(value.clone()),
            Some(_) => return None,
        };
        let plain = self.generated.is_none() && !self.primary_key;
        plain.then(|| change::Column {
            name: self.name.clone(),
            kind: Type::parse(&self.kind),
            not_null: self.not_null,
            default,
            collation: None,
            generated: None,
            constraints: Vec::new(),
        })
    }

    /// Returns what [`Self::whole`] makes, where no expression of SQL has to be read for it.
    pub(super) fn whole_change(&self) -> Option<change::Column> {
        let plain = self.references.is_none() && (self.index || !self.unique);
        self.change().filter(|_| plain)
    }

    /// Returns the column as it stands in a new table.
    pub(super) fn whole(&self) -> String {
        let mut sql = self.sql();
        if self.unique && !self.index {
            sql.push_str(" UNIQUE");
        }
        if let Some((table, column)) = &self.references {
            sql = format!("{sql} REFERENCES {} ({})", table.quoted(), quote(column));
        }
        sql
    }

    /// Returns the statements beside it: its index and, for a table that exists, its constraints.
    pub(super) fn beside(&self, table: &Name, exists: bool) -> Vec<String> {
        let (quoted, own) = (table.quoted(), quote(&self.name));
        let mut all = Vec::new();
        if let Some((other, column)) = self.references.as_ref().filter(|_| exists) {
            all.push(format!(
                "ALTER TABLE {quoted} ADD FOREIGN KEY ({own}) REFERENCES {} ({})",
                other.quoted(),
                quote(column)
            ));
        }
        if self.index {
            let unique = if self.unique { "UNIQUE " } else { "" };
            let name = quote(&format!("ix_{}_{}", table.name, self.name));
            all.push(format!("CREATE {unique}INDEX {name} ON {quoted} ({own})"));
        } else if self.unique && exists {
            all.push(format!("ALTER TABLE {quoted} ADD UNIQUE ({own})"));
        }
        all
    }
}

/// Reads a column.
pub(super) fn read<'t>(body: &mut Body<'t>, node: Node<'t>) -> Result<Column, String> {
    let elsewhere = || "one of its columns is described elsewhere".to_owned();
    let call =
        body.scope.resolve(node).filter(|node| node.kind() == "call").ok_or_else(elsewhere)?;
    let function = call.child_by_field_name("function").ok_or_else(elsewhere)?;
    if path(function, body.module.text()).rsplit('.').next() != Some("Column") {
        return Err(elsewhere());
    }
    let mut args = Args::of(call, body.module.text());
    let unnamed = "one of its columns is named when it runs";
    let name = args.take("name").and_then(|node| body.scope.string(node)).ok_or(unnamed)?;
    let mut column = Column { name, ..Column::default() };
    for node in args.rest() {
        column.part(body, node)?;
    }
    if let Some(node) = args.named("type_") {
        column.kind = kind(body, node, &mut column.creates)?;
    }
    if let Some(node) = args.named("server_default") {
        column.default_of(body, node)?;
    }
    let flag = |name: &str| args.named(name).and_then(|node| body.scope.literal(node));
    column.primary_key = flag("primary_key") == Some(Literal::Bool(true));
    column.not_null = match flag("nullable") {
        Some(Literal::Bool(nullable)) => !nullable,
        _ if args.named("nullable").is_some() => {
            return Err(format!("whether {} may be NULL is decided when it runs", column.name));
        }
        _ => column.primary_key,
    };
    column.unique = flag("unique") == Some(Literal::Bool(true));
    column.index = flag("index") == Some(Literal::Bool(true));
    if column.kind.is_empty() {
        // A column that refers to another has that one's type.
        "integer".clone_into(&mut column.kind);
        body.is_partial();
    }
    Ok(column)
}

impl Column {
    /// Reads what stands in a column by place: its type, or what SQLAlchemy adds to it.
    fn part<'t>(&mut self, body: &mut Body<'t>, node: Node<'t>) -> Result<(), String> {
        let text = body.module.text();
        let resolved = body.scope.resolve(node).unwrap_or(node);
        let function = resolved.child_by_field_name("function");
        let called = function.filter(|_| resolved.kind() == "call").map(|f| path(f, text));
        let mut args = Args::of(resolved, text);
        match called.as_deref().and_then(|path| path.rsplit('.').next()) {
            Some("ForeignKey") => {
                let target = args.take("column").and_then(|node| body.scope.string(node));
                let target = target.as_deref().and_then(constraint::target);
                let why = || format!("what {} refers to is put together when it runs", self.name);
                self.references = Some(target.ok_or_else(why)?);
            }
            Some("Identity") => self.generated = Some("BY DEFAULT AS IDENTITY".to_owned()),
            Some("Computed") => {
                let expression = args.take("sqltext").and_then(|node| body.scope.string(node));
                let why = || format!("{} is computed by code", self.name);
                self.generated =
                    Some(format!("ALWAYS AS ({}) STORED", expression.ok_or_else(why)?));
            }
            Some("Sequence") => {
                let name = args.take("name").and_then(|node| body.scope.string(node));
                self.default = name.map(|name| format!("nextval({})", literal(&name)));
            }
            Some("CheckConstraint" | "FetchedValue") => body.is_partial(),
            _ => self.kind = kind(body, node, &mut self.creates)?,
        }
        Ok(())
    }

    fn default_of<'t>(&mut self, body: &Body<'t>, node: Node<'t>) -> Result<(), String> {
        if self::is_identity(body, node) {
            self.generated = Some("BY DEFAULT AS IDENTITY".to_owned());
            return Ok(());
        }
        let why = || format!("the default of {} is put together when it runs", self.name);
        self.default = default(body, node).map_err(|Dynamic| why())?;
        Ok(())
    }
}

fn is_identity<'t>(body: &Body<'t>, node: Node<'t>) -> bool {
    let node = body.scope.resolve(node).unwrap_or(node);
    let function = node.child_by_field_name("function").filter(|_| node.kind() == "call");
    function.is_some_and(|f| path(f, body.module.text()).ends_with("Identity"))
}

/// Returns a default as SQL; `None` inside for no default, an error if it cannot be told.
fn default<'t>(body: &Body<'t>, node: Node<'t>) -> Result<Option<String>, Dynamic> {
    let node = body.scope.resolve(node).ok_or(Dynamic)?;
    match body.scope.literal(node) {
        Some(Literal::None) => return Ok(None),
        // A call is `text("…")`: an expression, and no string.
        Some(Literal::Str(text)) if node.kind() != "call" => return Ok(Some(literal(&text))),
        Some(Literal::Str(text)) => return Ok(Some(text)),
        Some(Literal::Int(_) | Literal::Bool(_) | Literal::List(_)) => return Err(Dynamic),
        None => {}
    }
    let path = path(node, body.module.text());
    let words: Vec<&str> = path.trim_end_matches("()").split('.').collect();
    match words.as_slice() {
        [.., "true"] => Ok(Some("true".to_owned())),
        [.., "false"] => Ok(Some("false".to_owned())),
        [.., "null"] => Ok(None),
        [.., "func", name] if path.ends_with("()") => Ok(Some(format!("{name}()"))),
        _ => Err(Dynamic),
    }
}

/// Returns true for a default that is one value for all rows, as its text alone tells.
fn is_constant(value: &str) -> bool {
    let quoted = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let is_text = quoted.is_some_and(|text| !text.contains(['\'', '\\']));
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    is_text || is_number || matches!(value, "true" | "false")
}

/// Only running the code tells.
#[derive(Clone, Copy, Debug)]
struct Dynamic;

/// Returns a type as SQL. A type of the project's own is quoted under its own name: what it is
/// in PostgreSQL only its code tells.
fn kind<'t>(
    body: &mut Body<'t>,
    node: Node<'t>,
    creates: &mut Vec<String>,
) -> Result<String, String> {
    kind_within(body, node, creates, DEPTH)
}

/// So deep a type may be made of others: a name may stand for what is made of itself.
const DEPTH: u32 = 8;

fn kind_within<'t>(
    body: &mut Body<'t>,
    node: Node<'t>,
    creates: &mut Vec<String>,
    depth: u32,
) -> Result<String, String> {
    let text = body.module.text();
    let elsewhere = || "the type of a column is put together when it runs".to_owned();
    let depth = depth.checked_sub(1).ok_or_else(elsewhere)?;
    let node = body.scope.resolve(node).unwrap_or(node);
    let (named, call) = match node.kind() {
        "call" => (node.child_by_field_name("function").ok_or_else(elsewhere)?, Some(node)),
        "attribute" | "identifier" => (node, None),
        _ => return Err(elsewhere()),
    };
    let path = path(named, text);
    let name = path.rsplit('.').next().unwrap_or_default();
    let mut args = call.map(|call| Args::of(call, text)).unwrap_or_default();
    if name == "with_variant" {
        let variant = args.take("type_");
        let dialect = args.rest().into_iter().find_map(|node| body.scope.string(node));
        let inner = named.child_by_field_name("object");
        let chosen = if dialect.as_deref() == Some("postgresql") { variant } else { inner };
        return kind_within(body, chosen.ok_or_else(elsewhere)?, creates, depth);
    }
    if matches!(name, "ARRAY") {
        let inner = args.take("item_type").ok_or_else(elsewhere)?;
        return Ok(format!("{}[]", kind_within(body, inner, creates, depth)?));
    }
    if matches!(name, "Enum" | "ENUM") {
        return enumeration(body, &mut args, creates);
    }
    let number = |node: Option<Node<'t>>| match node.and_then(|node| body.scope.literal(node)) {
        Some(Literal::Int(number)) => Some(number),
        _ => None,
    };
    let is_on = |node: Option<Node<'t>>| {
        node.and_then(|node| body.scope.literal(node)) == Some(Literal::Bool(true))
    };
    let of = |word: &str, numbers: &[Option<i64>]| {
        let numbers: Vec<String> = numbers.iter().flatten().map(ToString::to_string).collect();
        if numbers.is_empty() { word.to_owned() } else { format!("{word}({})", numbers.join(", ")) }
    };
    let zoned =
        |word: &str, on: bool| format!("{word} {} TIME ZONE", if on { "WITH" } else { "WITHOUT" });
    Ok(match name {
        "String" | "Unicode" | "VARCHAR" | "AutoString" | "NVARCHAR" => {
            of("VARCHAR", &[number(args.take("length"))])
        }
        "CHAR" => of("CHAR", &[number(args.take("length"))]),
        "Text" | "UnicodeText" | "TEXT" => "TEXT".to_owned(),
        "Numeric" | "NUMERIC" | "DECIMAL" => {
            of("NUMERIC", &[number(args.take("precision")), number(args.take("scale"))])
        }
        "DateTime" | "TIMESTAMP" | "DATETIME" => zoned("TIMESTAMP", is_on(args.take("timezone"))),
        "Time" | "TIME" => zoned("TIME", is_on(args.take("timezone"))),
        "BIT" if is_on(args.named("varying")) => of("BIT VARYING", &[number(args.take("length"))]),
        "BIT" => of("BIT", &[number(args.take("length"))]),
        other => {
            let known = TYPES.iter().find(|(python, _)| *python == other);
            if known.is_none() {
                body.is_partial();
            }
            known.map_or_else(|| quote(other), |(_, sql)| (*sql).to_owned())
        }
    })
}

/// Returns what makes, or drops, the type that a call of `Enum` stands for; `None` if it stands
/// for something else, or is not written out.
pub(super) fn of_enum<'t>(body: &Body<'t>, call: Node<'t>, verb: &str) -> Option<String> {
    let function = call.child_by_field_name("function").filter(|_| call.kind() == "call")?;
    let text = body.module.text();
    let path = path(function, text);
    if !matches!(path.rsplit('.').next()?, "Enum" | "ENUM") {
        return None;
    }
    let written = Enumeration::of(body, &mut Args::of(call, text)).ok()?;
    match verb {
        "drop" => Some(format!("DROP TYPE {}", written.kind)),
        // `create_type=False` keeps tables from making it, not this.
        _ => written.create(),
    }
}

fn enumeration<'t>(
    body: &Body<'t>,
    args: &mut Args<'t>,
    creates: &mut Vec<String>,
) -> Result<String, String> {
    let written = Enumeration::of(body, args)?;
    let is = |name: &str, value| {
        let literal = args.named(name).and_then(|node| body.scope.literal(node));
        literal == Some(Literal::Bool(value))
    };
    if is("native_enum", false) {
        return Ok("VARCHAR".to_owned());
    }
    if !is("create_type", false) {
        creates.extend(written.create());
    }
    Ok(written.kind)
}

/// An enum as it is written.
struct Enumeration {
    /// Its name as SQL.
    kind: String,
    /// Its labels as literals, where they are written out.
    labels: Option<Vec<String>>,
}

impl Enumeration {
    fn of<'t>(body: &Body<'t>, args: &mut Args<'t>) -> Result<Self, String> {
        let name = args.named("name").and_then(|node| body.scope.string(node));
        let name = name.ok_or("the name of an enum is given elsewhere")?;
        let labels = args.rest().into_iter().map(|node| body.scope.string(node));
        let labels = labels.map(|label| Some(literal(&label?))).collect();
        let schema = args.named("schema").and_then(|node| body.scope.string(node));
        Ok(Self { kind: Name { schema, name }.quoted(), labels })
    }

    fn create(&self) -> Option<String> {
        let labels = self.labels.as_ref()?;
        Some(format!("CREATE TYPE {} AS ENUM ({})", self.kind, labels.join(", ")))
    }
}

/// Types of SQLAlchemy 2 and its dialect for PostgreSQL that need no more than their name.
const TYPES: &[(&str, &str)] = &[
    ("Integer", "INTEGER"),
    ("INTEGER", "INTEGER"),
    ("INT", "INTEGER"),
    ("BigInteger", "BIGINT"),
    ("BIGINT", "BIGINT"),
    ("SmallInteger", "SMALLINT"),
    ("SMALLINT", "SMALLINT"),
    ("Boolean", "BOOLEAN"),
    ("BOOLEAN", "BOOLEAN"),
    ("Float", "DOUBLE PRECISION"),
    ("FLOAT", "DOUBLE PRECISION"),
    ("Double", "DOUBLE PRECISION"),
    ("DOUBLE", "DOUBLE PRECISION"),
    ("DOUBLE_PRECISION", "DOUBLE PRECISION"),
    ("REAL", "REAL"),
    ("Date", "DATE"),
    ("DATE", "DATE"),
    ("Interval", "INTERVAL"),
    ("INTERVAL", "INTERVAL"),
    ("LargeBinary", "BYTEA"),
    ("PickleType", "BYTEA"),
    ("BYTEA", "BYTEA"),
    ("BLOB", "BYTEA"),
    ("JSON", "JSON"),
    ("JSONB", "JSONB"),
    ("Uuid", "UUID"),
    ("UUID", "UUID"),
    ("INET", "INET"),
    ("CIDR", "CIDR"),
    ("MACADDR", "MACADDR"),
    ("MACADDR8", "MACADDR8"),
    ("MONEY", "MONEY"),
    ("OID", "OID"),
    ("REGCLASS", "REGCLASS"),
    ("XML", "XML"),
    ("TSVECTOR", "TSVECTOR"),
    ("TSQUERY", "TSQUERY"),
    ("HSTORE", "HSTORE"),
    ("CITEXT", "CITEXT"),
    ("INT4RANGE", "INT4RANGE"),
    ("INT8RANGE", "INT8RANGE"),
    ("NUMRANGE", "NUMRANGE"),
    ("DATERANGE", "DATERANGE"),
    ("TSRANGE", "TSRANGE"),
    ("TSTZRANGE", "TSTZRANGE"),
    ("JSONPATH", "JSONPATH"),
];

/// `alter_column`, in the order in which Alembic sends it for PostgreSQL.
pub(super) fn alter(op: &mut Operation<'_, '_>) -> Sql {
    let table = op.table("table_name")?;
    let column = op.text("column_name")?;
    let own = quote(&column);
    let mut all: Vec<Written> = Vec::new();
    if let Some(node) = op.args.named("type_").filter(|node| node.kind() != "none") {
        let to = kind(op.body, node, &mut Vec::new())?;
        let using = op.args.named("postgresql_using").map(|node| op.body.scope.string(node));
        let using = match using {
            None => String::new(),
            Some(Some(expression)) => format!(" USING {expression}"),
            Some(None) => return Err("its USING is put together when it runs".to_owned()),
        };
        all.push(acted(&table, &column, &format!("TYPE {to}{using}"), None));
    }
    if let Some(node) = op.args.named("nullable") {
        match op.body.scope.literal(node) {
            Some(Literal::Bool(true)) => {
                let change = ("DROP NOT NULL", Alter::DropNotNull(column.clone()));
                all.push(acted(&table, &column, "DROP NOT NULL", Some(change)));
            }
            Some(Literal::Bool(false)) => {
                let change = ("SET NOT NULL", Alter::SetNotNull(column.clone()));
                all.push(acted(&table, &column, "SET NOT NULL", Some(change)));
            }
            Some(Literal::None) => {}
            _ => return Err("whether it may be NULL is decided when it runs".to_owned()),
        }
    }
    all.extend(altered_default(op, &table, &column)?);
    if let Some(node) = op.args.named("comment") {
        let text = op.body.scope.string(node).map_or_else(|| "NULL".to_owned(), |t| literal(&t));
        all.push(format!("COMMENT ON COLUMN {}.{own} IS {text}", table.quoted()).into());
    }
    if let Some(node) = op.args.named("new_column_name").filter(|node| node.kind() != "none") {
        let to = op.body.scope.string(node).ok_or("its new name is put together when it runs")?;
        let sql = format!("{own} TO {}", quote(&to));
        all.push(altered(&table, "RENAME COLUMN ", &sql, Some(Alter::RenameColumn(column, to))));
    }
    Ok(all)
}

/// Returns an `ALTER COLUMN` of one action, with its words and what it does where no
/// expression of SQL has to be read for it.
fn acted(table: &Name, column: &str, sql: &str, known: Option<(&str, Alter)>) -> Written {
    let sql = format!("ALTER TABLE {} ALTER COLUMN {} {sql}", table.quoted(), quote(column));
    let known = known.map(|(words, alter)| {
        let kind = format!("ALTER TABLE … ALTER COLUMN {words}");
        (kind, Change::Alter(table.clone(), alter))
    });
    Written { sql, known }
}

fn altered_default(
    op: &Operation<'_, '_>,
    table: &Name,
    column: &str,
) -> Result<Option<Written>, String> {
    let Some(node) = op.args.named("server_default") else { return Ok(None) };
    if op.body.scope.literal(node) == Some(Literal::Bool(false)) {
        return Ok(None);
    }
    if is_identity(op.body, node) {
        return Ok(Some(acted(table, column, "ADD GENERATED BY DEFAULT AS IDENTITY", None)));
    }
    let default = default(op.body, node)
        .map_err(|Dynamic| "its default is put together when it runs".to_owned())?;
    Ok(Some(if let Some(value) = default {
        acted(table, column, &format!("SET DEFAULT {value}"), None)
    } else {
        let change = ("DROP DEFAULT", Alter::DropDefault(column.to_owned()));
        acted(table, column, "DROP DEFAULT", Some(change))
    }))
}
