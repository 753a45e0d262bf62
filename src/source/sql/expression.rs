//! What an expression calls: the volatility of defaults, and whether a query only reads.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::domain::change::Default;

use super::node::{self, text};

/// Functions of PostgreSQL that give one answer within a statement
/// (`provolatile` is not `v`) and are common in migrations.
const STABLE: &[&str] = &[
    "abs",
    "age",
    "array_agg",
    "array_length",
    "avg",
    "bool_and",
    "bool_or",
    "ceil",
    "coalesce",
    "col_description",
    "concat",
    "concat_ws",
    "count",
    "current_database",
    "current_schema",
    "current_setting",
    "date_part",
    "date_trunc",
    "decode",
    "encode",
    "exists",
    "extract",
    "floor",
    "format",
    "format_type",
    "greatest",
    "has_column_privilege",
    "has_schema_privilege",
    "has_table_privilege",
    "initcap",
    "json_build_object",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_set",
    "least",
    "left",
    "length",
    "lower",
    "make_date",
    "make_interval",
    "max",
    "md5",
    "min",
    "now",
    "nullif",
    "octet_length",
    "pg_get_constraintdef",
    "pg_get_indexdef",
    "pg_get_serial_sequence",
    "pg_get_viewdef",
    "pg_relation_size",
    "pg_total_relation_size",
    "regexp_replace",
    "repeat",
    "replace",
    "right",
    "round",
    "row_to_json",
    "split_part",
    "statement_timestamp",
    "string_agg",
    "strpos",
    "substr",
    "substring",
    "sum",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_regclass",
    "to_timestamp",
    "transaction_timestamp",
    "trim",
    "upper",
    "version",
];

/// Functions of PostgreSQL and its common extensions that answer anew for each row.
const VOLATILE: &[&str] = &[
    "clock_timestamp",
    "currval",
    "gen_random_bytes",
    "gen_random_uuid",
    "lastval",
    "nextval",
    "random",
    "random_normal",
    "setseed",
    "timeofday",
    "txid_current",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
    "uuidv4",
    "uuidv7",
];

/// Returns the names of the functions called anywhere below, folded, without schema.
pub(super) fn calls(node: &SyntaxNode) -> Vec<String> {
    node.descendants()
        .filter(|inner| inner.kind() == SyntaxKind::CALL_EXPR)
        .map(|call| {
            let written = text(&call);
            let head = written.split('(').next().unwrap_or_default().trim().to_lowercase();
            head.rsplit('.').next().unwrap_or_default().trim_matches('"').to_owned()
        })
        .collect()
}

/// Returns true for a function that gives one answer within a statement.
pub(super) fn is_stable(name: &str) -> bool {
    STABLE.contains(&name)
}

/// Returns what the default means for the rows that exist.
pub(super) fn default(expression: &SyntaxNode) -> Default {
    let written = text(expression);
    let calls = calls(expression);
    if written.eq_ignore_ascii_case("null") {
        Default::None
    } else if calls.iter().any(|call| VOLATILE.contains(&call.as_str())) {
        Default::Volatile(written)
    } else if calls.iter().all(|call| is_stable(call)) {
        Default::Stable(written)
    } else {
        Default::Unknown(written)
    }
}

/// Returns a function that a query calls and of which nobody knows here what it does.
pub(super) fn opaque_call(query: &SyntaxNode) -> Option<String> {
    let known = |call: &String| {
        is_stable(call)
            || (VOLATILE.contains(&call.as_str()) && call != "nextval" && call != "setseed")
    };
    calls(query).into_iter().find(|call| !known(call))
}

/// Returns `setval` or `nextval` if a query calls that, and beside it only what reads.
pub(super) fn counts(calls: &[String]) -> Option<String> {
    let counts = |call: &&String| *call == "setval" || *call == "nextval";
    let rest = calls.iter().filter(|call| !counts(call));
    let called = calls.iter().find(counts)?;
    rest.clone().all(|call| is_stable(call)).then(|| called.clone())
}

/// Returns true if a query changes or locks rows: a data-modifying `WITH`, `FOR UPDATE`.
pub(super) fn is_pure(query: &SyntaxNode) -> bool {
    !query.descendants().any(|inner| {
        matches!(
            inner.kind(),
            SyntaxKind::INSERT
                | SyntaxKind::UPDATE
                | SyntaxKind::DELETE
                | SyntaxKind::MERGE
                | SyntaxKind::LOCKING_CLAUSE
        )
    })
}

/// Returns the text of a string literal below, without its quotes.
pub(super) fn string(node: &SyntaxNode) -> Option<String> {
    use squawk_syntax::ast::{AstNode, Literal};
    node::below(node, SyntaxKind::LITERAL).and_then(Literal::cast)?.string_value()
}
