//! The parts of a table that have no text of their own to be compared by: indexes, constraints,
//! types, defaults, NOT NULL, comments.

use crate::domain::change::{
    Alter, Change, Column, Constraint, Generated, Index, Name, Object, Retype, Rule, Thing, Type,
    quote, written,
};

/// How something is defined, piece by piece; a piece that is not known is [`NOT_KNOWN`].
pub(super) type Shape = Vec<String>;

pub(super) const NOT_KNOWN: &str = "?";

/// What begins the shape of a foreign key; its columns, the other table and the columns there
/// follow.
pub(super) const FOREIGN_KEY: &str = "foreign key";

/// What a change does to one part.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub object: Object,
    /// What it is from then on; `None`: it is gone.
    pub left: Option<Shape>,
    /// True if the change fails unless the part stood before.
    pub stood: bool,
    /// True if the part may have stood before.
    pub may_have_stood: bool,
    /// True if what depends on it goes as well.
    pub cascade: bool,
}

impl Part {
    fn made(object: Object, shape: Shape) -> Self {
        let left = Some(shape);
        Self { object, left, stood: false, may_have_stood: false, cascade: false }
    }

    /// What is set or taken away, whatever it was before.
    fn set(object: Object, left: Option<Shape>) -> Self {
        Self { object, left, stood: false, may_have_stood: true, cascade: false }
    }

    fn dropped(object: Object, if_exists: bool, cascade: bool) -> Self {
        Self { object, left: None, stood: !if_exists, may_have_stood: true, cascade }
    }
}

/// Returns true for a change that [`of`] knows a part of.
pub(super) fn is_of(change: &Change) -> bool {
    match change {
        Change::CreateIndex(_) | Change::DropIndex(_) | Change::Comment(_) => true,
        Change::Alter(_, action) => matches!(
            action,
            Alter::AddConstraint(_)
                | Alter::DropConstraint(_)
                | Alter::Type(_)
                | Alter::SetDefault(..)
                | Alter::DropDefault(_)
                | Alter::SetNotNull(_)
                | Alter::DropNotNull(_)
        ),
        _ => false,
    }
}

/// Returns what a change does to the parts of a table that it does not make itself.
pub(super) fn of(change: &Change) -> Vec<Part> {
    match change {
        Change::CreateIndex(index) => created(index).into_iter().collect(),
        Change::DropIndex(index) => {
            let object = object(Thing::Index, index.name.clone(), None);
            vec![Part::dropped(object, index.if_exists, index.cascade)]
        }
        Change::Comment(comment) => {
            let object = match &comment.column {
                Some(column) => of_column(Thing::ColumnComment, &comment.table, column),
                None => object(Thing::TableComment, comment.table.clone(), None),
            };
            vec![Part::set(object, comment.text.clone().map(|text| vec![text]))]
        }
        Change::Alter(table, action) => altered(table, action),
        _ => Vec::new(),
    }
}

fn altered(table: &Name, action: &Alter) -> Vec<Part> {
    let set = |thing, column: &str, left| vec![Part::set(of_column(thing, table, column), left)];
    match action {
        Alter::AddConstraint(constraint) => constrained(table, constraint),
        Alter::DropConstraint(dropped) => {
            let object = constraint(table, dropped.name.clone());
            vec![Part::dropped(object, dropped.if_exists, dropped.cascade)]
        }
        Alter::Type(Retype { column, to, collation, .. }) => {
            let left = Some(kind(to, collation.as_deref()));
            let of = of_column(Thing::ColumnType, table, column);
            vec![Part { stood: true, ..Part::set(of, left) }]
        }
        Alter::SetDefault(column, expression) => {
            set(Thing::ColumnDefault, column, default(expression))
        }
        Alter::DropDefault(column) => set(Thing::ColumnDefault, column, None),
        Alter::SetNotNull(column) => set(Thing::NotNull, column, Some(Vec::new())),
        Alter::DropNotNull(column) => set(Thing::NotNull, column, None),
        _ => Vec::new(),
    }
}

/// Returns the parts that a new column has.
pub(super) fn of_new(table: &Name, column: &Column) -> Vec<Part> {
    let made = |thing, shape| Part::made(of_column(thing, table, &column.name), shape);
    let mut parts = vec![made(Thing::ColumnType, kind(&column.kind, column.collation.as_deref()))];
    let expression = column.default.expression();
    if column.kind.is_serial() || column.generated.is_some() {
        parts.push(made(Thing::ColumnDefault, vec![NOT_KNOWN.to_owned()]));
    } else if let Some(shape) = expression.and_then(default) {
        parts.push(made(Thing::ColumnDefault, shape));
    }
    let is_identity = column.generated == Some(Generated::Identity);
    if column.not_null || column.kind.is_serial() || is_identity {
        parts.push(made(Thing::NotNull, Vec::new()));
    }
    parts
}

/// Returns the parts that a constraint is or makes: a primary key's columns are NOT NULL.
pub(super) fn constrained(table: &Name, rule: &Constraint) -> Vec<Part> {
    let demanded: &[String] = match &rule.rule {
        Rule::PrimaryKey(columns) => columns,
        Rule::NotNull(column) => std::slice::from_ref(column),
        _ => &[],
    };
    let demand =
        |column: &String| Part::set(of_column(Thing::NotNull, table, column), Some(Vec::new()));
    let mut parts: Vec<Part> = demanded.iter().map(demand).collect();
    if let Some((name, shape)) = rule.name_on(table).zip(shape(rule)) {
        parts.push(Part::made(constraint(table, name), shape));
    }
    parts
}

fn created(index: &Index) -> Option<Part> {
    let name = index.name.clone()?;
    let unique = if index.unique { "unique" } else { "" };
    let object = object(Thing::Index, name, Some(index.table.clone()));
    let made = Part::made(object, vec![unique.to_owned(), index.text.clone()]);
    Some(Part { may_have_stood: index.if_not_exists, ..made })
}

/// Returns the shape of a constraint; none of NOT NULL, which is a part of its column.
fn shape(constraint: &Constraint) -> Option<Shape> {
    let not_known = || NOT_KNOWN.to_owned();
    let listed = |columns: &[String]| {
        let columns: Vec<String> = columns.iter().map(|column| quote(column)).collect();
        columns.join(" , ")
    };
    let mut shape = match &constraint.rule {
        Rule::Check(expression) => vec!["check".to_owned(), written::laid_out(expression)],
        Rule::NotNull(_) => return None,
        Rule::Unique(columns) => vec!["unique".to_owned(), listed(columns)],
        Rule::PrimaryKey(columns) => vec!["primary key".to_owned(), listed(columns)],
        Rule::UniqueUsing(_) => vec!["unique".to_owned(), not_known()],
        Rule::PrimaryKeyUsing(_) => vec!["primary key".to_owned(), not_known()],
        Rule::ForeignKey(columns, other, theirs) => {
            let theirs = if theirs.is_empty() { not_known() } else { listed(theirs) };
            vec![FOREIGN_KEY.to_owned(), listed(columns), other.quoted(), theirs]
        }
        Rule::Exclude if constraint.rest.is_empty() => vec!["exclude".to_owned(), not_known()],
        Rule::Exclude => vec!["exclude".to_owned()],
    };
    shape.push(constraint.rest.clone());
    shape.push(if constraint.not_valid { "not valid" } else { "" }.to_owned());
    Some(shape)
}

fn kind(kind: &Type, collation: Option<&str>) -> Shape {
    let name = match kind.name.as_str() {
        "serial" | "serial4" => "integer",
        "bigserial" | "serial8" => "bigint",
        "smallserial" | "serial2" => "smallint",
        other => other,
    };
    let kind = Type { name: name.to_owned(), ..kind.clone() };
    vec![kind.to_string(), collation.unwrap_or("default").to_owned()]
}

/// Returns the shape of a default; none of NULL, which is as no default. The server reads
/// `'0'` for a number as it reads `0`, and a text with the cast to its own type as without.
fn default(expression: &str) -> Option<Shape> {
    let said = written::laid_out(expression);
    let bare = match said.split_once(" : : ") {
        Some((text, kind)) if is_text(text) && !kind.contains('\'') => text,
        _ => said.as_str(),
    };
    let inner = bare.trim_matches('\'');
    let is_plain = is_text(bare)
        && (matches!(inner, "true" | "false")
            || (!inner.is_empty() && inner.bytes().all(|byte| byte.is_ascii_digit())));
    let bare = if is_plain { inner } else { bare };
    (bare != "null").then(|| vec![bare.to_owned()])
}

fn is_text(said: &str) -> bool {
    let inner = said.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    inner.is_some_and(|inner| !inner.replace("''", "").contains('\''))
}

pub(super) fn constraint(table: &Name, name: String) -> Object {
    object(Thing::Constraint, Name::new(name), Some(table.clone()))
}

fn of_column(thing: Thing, table: &Name, column: &str) -> Object {
    object(thing, Name::new(column), Some(table.clone()))
}

fn object(thing: Thing, name: Name, on: Option<Name>) -> Object {
    Object { thing, name, arguments: None, on }
}

/// Whether two definitions are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Same {
    Yes,
    /// Something of one of them is not known.
    Unclear,
    No,
}

/// Compares two shapes.
pub(super) fn compare(before: &[String], after: &[String]) -> Same {
    if before.len() != after.len() {
        return Same::No;
    }
    let pair = |(before, after): (&String, &String)| {
        let ends = |long: &str, short: &str| {
            long.strip_suffix(short).is_some_and(|schema| schema.ends_with('.'))
        };
        match () {
            () if before == NOT_KNOWN || after == NOT_KNOWN => Same::Unclear,
            () if before == after => Same::Yes,
            // In which schema a bare name lies is not known.
            () if ends(before, after) || ends(after, before) => Same::Unclear,
            () => Same::No,
        }
    };
    before.iter().zip(after).map(pair).max().unwrap_or(Same::Yes)
}
