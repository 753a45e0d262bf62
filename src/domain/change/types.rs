//! Data types, in PostgreSQL's own spelling.

use std::fmt;

use super::written;

/// A data type as written, folded to PostgreSQL's own name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Type {
    /// The name, e.g. `character varying`, without modifiers; in quotes where it needs them.
    pub name: String,
    /// The modifiers, e.g. `[10, 2]`.
    pub modifiers: Vec<i64>,
    /// True for an array of it.
    pub array: bool,
}

impl Type {
    /// Returns the type that `text` names, as `format_type` would spell it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let folded = written::folded(text.trim());
        let array = folded.ends_with(']') || folded.ends_with(" array");
        let base = folded.split('[').next().unwrap_or_default().trim_end_matches(" array");
        let (head, modifiers, tail) = split_modifiers(base);
        let written = format!("{head} {tail}");
        let words = written.split_whitespace().collect::<Vec<_>>().join(" ");
        let name = canonical(words.trim_start_matches("pg_catalog."));
        let modifiers = if modifiers.is_empty() { implied(&words) } else { modifiers };
        Self { name, modifiers, array }
    }

    /// Returns true if every value of this type is one of `wider`, whether or not
    /// it is stored in the same way.
    #[must_use]
    pub fn fits(&self, wider: &Self) -> bool {
        if self.array || wider.array {
            return self == wider;
        }
        let integers = ["smallint", "integer", "bigint", "numeric"];
        let rank = |kind: &Self| integers.iter().position(|name| *name == kind.name);
        match (self.name.as_str(), wider.name.as_str()) {
            ("character varying", "character varying") | ("bit varying", "bit varying") => {
                self.not_longer(wider)
            }
            ("numeric", "numeric") => self.same_scale(wider),
            (a, b) if a == b => self.not_longer(wider),
            ("character varying" | "uuid" | "boolean", "text") => true,
            ("text", "character varying") => wider.modifiers.is_empty(),
            (_, "numeric") if !wider.modifiers.is_empty() => false,
            _ => rank(self).zip(rank(wider)).is_some_and(|(narrow, wide)| narrow < wide),
        }
    }

    /// Returns true if the other's length or precision is not below this one's.
    #[must_use]
    pub fn not_longer(&self, other: &Self) -> bool {
        match (self.modifiers.first(), other.modifiers.first()) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(other)) => other >= own,
        }
    }

    /// Returns true if the other has the same scale and no smaller precision.
    #[must_use]
    pub fn same_scale(&self, other: &Self) -> bool {
        let scale = |kind: &Self| kind.modifiers.get(1).copied().unwrap_or(0);
        self.not_longer(other) && (other.modifiers.is_empty() || scale(self) == scale(other))
    }

    /// Returns true for `timestamp` with or without time zone.
    #[must_use]
    pub fn is_timestamp(&self) -> bool {
        self.name.starts_with("timestamp ")
    }

    /// Returns true for `serial` and its kin: a sequence as default.
    #[must_use]
    pub fn is_serial(&self) -> bool {
        matches!(
            self.name.as_str(),
            "serial" | "bigserial" | "smallserial" | "serial2" | "serial4" | "serial8"
        )
    }

    /// Returns true if the type is one of PostgreSQL's own, so that it cannot be
    /// a domain with a constraint.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        BUILT_IN.contains(&self.name.as_str()) || self.is_serial()
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.modifiers.is_empty() {
            let words: Vec<String> = self.modifiers.iter().map(ToString::to_string).collect();
            write!(f, "({})", words.join(","))?;
        }
        if self.array { f.write_str("[]") } else { Ok(()) }
    }
}

/// Splits `timestamp(3) with time zone` into what precedes, stands in and follows the parentheses.
fn split_modifiers(text: &str) -> (&str, Vec<i64>, &str) {
    let Some((head, rest)) = text.split_once('(') else { return (text, Vec::new(), "") };
    let (inside, tail) = rest.split_once(')').unwrap_or((rest, ""));
    (head.trim(), inside.split(',').filter_map(|n| n.trim().parse().ok()).collect(), tail.trim())
}

/// `character` alone means one character: <https://www.postgresql.org/docs/current/datatype-character.html>.
fn implied(words: &str) -> Vec<i64> {
    if matches!(words, "char" | "character") { vec![1] } else { Vec::new() }
}

/// Returns PostgreSQL's own name for an alias.
fn canonical(words: &str) -> String {
    match words {
        "int" | "int4" => "integer",
        "int8" => "bigint",
        "int2" => "smallint",
        "varchar" | "char varying" | "nchar varying" | "national character varying" => {
            "character varying"
        }
        "char" | "bpchar" | "nchar" => "character",
        "decimal" | "dec" => "numeric",
        "float4" => "real",
        "float8" | "float" => "double precision",
        "bool" => "boolean",
        "varbit" => "bit varying",
        "timestamptz" | "timestamp with time zone" => "timestamp with time zone",
        "timestamp" | "timestamp without time zone" => "timestamp without time zone",
        "timetz" | "time with time zone" => "time with time zone",
        "time" | "time without time zone" => "time without time zone",
        other => other,
    }
    .to_owned()
}

/// The types that a migration of everyday names and that are no domain.
const BUILT_IN: &[&str] = &[
    "bigint",
    "bit",
    "bit varying",
    "boolean",
    "box",
    "bytea",
    "character",
    "character varying",
    "cidr",
    "circle",
    "date",
    "daterange",
    "double precision",
    "inet",
    "int4range",
    "int8range",
    "integer",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numeric",
    "numrange",
    "oid",
    "path",
    "pg_lsn",
    "point",
    "polygon",
    "real",
    "regclass",
    "smallint",
    "text",
    "time with time zone",
    "time without time zone",
    "timestamp with time zone",
    "timestamp without time zone",
    "tsquery",
    "tsrange",
    "tstzrange",
    "tsvector",
    "uuid",
    "xml",
];
