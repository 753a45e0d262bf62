//! Names of relations, as PostgreSQL folds them.

use std::fmt;

use super::written::{self, Token};

/// The name of a relation, folded and without quotes, with its schema if one was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The schema, if the source named one.
    pub schema: Option<String>,
    /// The name itself.
    pub name: String,
}

impl Name {
    /// Returns a name without schema.
    pub fn new(name: impl Into<String>) -> Self {
        Self { schema: None, name: name.into() }
    }

    /// Returns a name in a schema.
    pub fn within(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: Some(schema.into()), name: name.into() }
    }

    /// Returns the name that `text` writes as SQL, folded: `app."Kind"`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        // Built-in types are asked for by the thousand.
        if text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b' ')) {
            return Self::new(text.replace(' ', ""));
        }
        let mut parts = vec![String::new()];
        for (_, token) in written::tokens(text) {
            match token {
                Token::Sign('.') => parts.push(String::new()),
                token => parts.last_mut().into_iter().for_each(|part| {
                    part.push_str(token.name().unwrap_or_default());
                }),
            }
        }
        let name = parts.pop().unwrap_or_default();
        Self { schema: parts.pop(), name }
    }

    /// Returns the name as SQL, with quotes where PostgreSQL needs them.
    #[must_use]
    pub fn quoted(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quote(schema), quote(&self.name)),
            None => quote(&self.name),
        }
    }

    /// Returns true if both may mean the same relation: a name without schema
    /// may lie in any.
    #[must_use]
    pub fn may_be(&self, other: &Self) -> bool {
        let same_schema = match (&self.schema, &other.schema) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        same_schema && self.name == other.name
    }

    /// Returns this name's schema with another name, as `ALTER … RENAME TO` makes it.
    #[must_use]
    pub fn renamed(&self, name: &str) -> Self {
        Self { schema: self.schema.clone(), name: name.to_owned() }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Returns an identifier as SQL: quoted unless PostgreSQL would read it as it is.
///
/// The words are those that cannot be a table's or column's name bare:
/// <https://www.postgresql.org/docs/current/sql-keywords-appendix.html>.
#[must_use]
pub fn quote(identifier: &str) -> String {
    let plain = !identifier.is_empty()
        && identifier.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
        && !identifier.starts_with(|c: char| c.is_ascii_digit())
        && RESERVED.binary_search(&identifier).is_err();
    if plain { identifier.to_owned() } else { format!("\"{}\"", identifier.replace('"', "\"\"")) }
}

/// Reserved words, sorted.
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "merge_action",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];
