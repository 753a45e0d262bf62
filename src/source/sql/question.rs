//! Whether a query only reads: what a READ ONLY transaction does not stop.
//!
//! `pg_terminate_backend`, `set_config`, `pg_advisory_lock`, `dblink` and every function of
//! a user run in a READ ONLY transaction too. So a probe may call what is listed here, and
//! nothing else.

use squawk_syntax::ast::{AstNode, Stmt};
use squawk_syntax::{SourceFile, SyntaxKind as K, SyntaxNode, SyntaxToken};

use super::{expression, node};

/// Why a query is not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The parser does not understand it.
    #[error("it is not asked, because it cannot be parsed: {0}")]
    Syntax(String),
    /// It is none or several statements, or no SELECT.
    #[error("it is not asked: a probe is one SELECT")]
    NotOneSelect,
    /// It changes or locks rows.
    #[error("it is not asked: a probe neither changes nor locks anything")]
    Changes,
    /// It calls something of which nobody knows here that it only reads.
    #[error("it is not asked: {0}(…) is none of the functions that are known to only read")]
    Calls(String),
}

/// Functions and aggregates that only read, beside those that are common in migrations
/// ([`expression::is_stable`]). PostgreSQL documentation, chapter *Functions and Operators*.
const READS: &[&str] = &[
    "age",
    "any",
    "bit_and",
    "bit_or",
    "btrim",
    "cardinality",
    "ceiling",
    "char_length",
    "character_length",
    "clock_timestamp",
    "corr",
    "cume_dist",
    "dense_rank",
    "every",
    "first_value",
    "generate_series",
    "host",
    "inet_server_port",
    "json_agg",
    "json_array_length",
    "jsonb_agg",
    "jsonb_array_length",
    "jsonb_typeof",
    "lag",
    "last_value",
    "lead",
    "ln",
    "log",
    "ltrim",
    "mod",
    "mode",
    "ntile",
    "num_nonnulls",
    "num_nulls",
    "overlay",
    "percent_rank",
    "percentile_cont",
    "percentile_disc",
    "pg_backend_pid",
    "pg_current_wal_lsn",
    "pg_database_size",
    "pg_is_in_recovery",
    "pg_last_wal_replay_lsn",
    "pg_last_xact_replay_timestamp",
    "pg_postmaster_start_time",
    "pg_size_pretty",
    "pg_table_size",
    "pg_wal_lsn_diff",
    "position",
    "power",
    "rank",
    "row_number",
    "rtrim",
    "sign",
    "sqrt",
    "starts_with",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "to_regnamespace",
    "to_regtype",
    "translate",
    "trunc",
    "unnest",
    "variance",
    "width_bucket",
];

/// Words that stand before a parenthesis without calling anything, types included.
const SYNTAX: &[&str] = &[
    "all",
    "and",
    "array",
    "as",
    "between",
    "bit",
    "by",
    "case",
    "cast",
    "char",
    "character",
    "cube",
    "decimal",
    "distinct",
    "else",
    "except",
    "filter",
    "float",
    "from",
    "group",
    "having",
    "ilike",
    "in",
    "intersect",
    "interval",
    "join",
    "lateral",
    "like",
    "limit",
    "materialized",
    "not",
    "numeric",
    "offset",
    "on",
    "or",
    "over",
    "rollup",
    "row",
    "select",
    "sets",
    "similar",
    "some",
    "then",
    "time",
    "timestamp",
    "timestamptz",
    "to",
    "union",
    "using",
    "values",
    "varchar",
    "varying",
    "when",
    "where",
];

/// Returns the one SELECT that `sql` is, without what stands around it, if it only reads;
/// views and operators are believed.
///
/// The rule stands on words alone: whoever is called is named right before an opening
/// parenthesis, so every word there must be known. What the grammar makes of it is not
/// relied on, except for what changes rows.
///
/// # Errors
/// [`Refused`], with what stands against it.
pub fn only_reads(sql: &str) -> Result<String, Refused> {
    let parse = SourceFile::parse(sql);
    if let Some(error) = parse.errors().first() {
        return Err(Refused::Syntax(error.message().to_owned()));
    }
    let file = parse.tree();
    let query = only_select(file.syntax()).ok_or(Refused::NotOneSelect)?;
    if !expression::is_pure(&query) {
        return Err(Refused::Changes);
    }
    match calls(&query).into_iter().find(|word| !is_known(word)) {
        Some(word) => Err(Refused::Calls(word)),
        None => Ok(node::text(&query).trim_end_matches(';').trim_end().to_owned()),
    }
}

fn only_select(root: &SyntaxNode) -> Option<SyntaxNode> {
    let mut statements = root.children().filter(|node| Stmt::can_cast(node.kind()));
    let is_empty = |node: &SyntaxNode| node.kind() == K::EMPTY_STMT;
    let query = statements.next()?;
    let selects = matches!(query.kind(), K::SELECT | K::COMPOUND_SELECT | K::PAREN_SELECT);
    (selects && statements.all(|node| is_empty(&node))).then_some(query)
}

/// Returns every word right before an opening parenthesis, as it is written, with its
/// schema.
fn calls(query: &SyntaxNode) -> Vec<String> {
    let tokens: Vec<SyntaxToken> = query
        .descendants_with_tokens()
        .filter_map(squawk_syntax::SyntaxElement::into_token)
        .filter(|token| !token.kind().is_trivia())
        .collect();
    let opening = tokens.iter().enumerate().filter(|(_, token)| token.kind() == K::L_PAREN);
    opening.filter_map(|(at, _)| called(&tokens[..at])).collect()
}

/// Returns the dotted name at the end of `tokens`, if a word stands there.
fn called(tokens: &[SyntaxToken]) -> Option<String> {
    let (word, before) = tokens.split_last()?;
    if !is_word(word.text()) {
        return None;
    }
    Some(match before {
        [.., schema, dot] if dot.kind() == K::DOT => format!("{}.{}", schema.text(), word.text()),
        [dot] if dot.kind() == K::DOT => format!(".{}", word.text()),
        _ => word.text().to_owned(),
    })
}

/// Anything that could be a name: also quoted, and in whatever alphabet.
fn is_word(text: &str) -> bool {
    text.chars().all(|c| !c.is_ascii_punctuation() || "_$".contains(c)) || text.contains('"')
}

fn is_known(word: &str) -> bool {
    let word = word.to_lowercase();
    let name = word.strip_prefix("pg_catalog.").unwrap_or(&word);
    expression::is_stable(name) || READS.contains(&name) || SYNTAX.contains(&word.as_str())
}
