//! Connection strings of both forms.

use super::{Invalid, Params, conninfo, uri};

/// Schemes that tools write for PostgreSQL, besides libpq's two: `psql` and `pgsql` (Django),
/// `postgis` (Django's GIS back end).
const SCHEMES: &[&str] = &["postgresql", "postgres", "psql", "pgsql", "postgis"];

/// Parses a connection string: a URL (also with `SQLAlchemy`'s driver suffix, as in
/// `postgresql+asyncpg://`, or JDBC's prefix), or `keyword=value` pairs.
///
/// # Errors
/// [`Invalid`], which never repeats the string itself: it may hold a password.
///
/// ```
/// let params = lockkeeper::domain::connection::dsn::parse("postgresql+asyncpg://ann@db1/shop")?;
/// assert_eq!(params.get("dbname"), Some("shop"));
/// # Ok::<(), lockkeeper::domain::connection::Invalid>(())
/// ```
pub fn parse(text: &str) -> Result<Params, Invalid> {
    let text = text.trim();
    let text = text.strip_prefix("jdbc:").unwrap_or(text);
    let Some((scheme, rest)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme))
    else {
        return pairs(text);
    };
    let dialect = scheme.split('+').next().unwrap_or_default();
    if SCHEMES.contains(&dialect) {
        uri::parse(rest)
    } else {
        Err(Invalid::NotADsn(format!("a URL that begins with {dialect}://")))
    }
}

fn pairs(text: &str) -> Result<Params, Invalid> {
    if text.is_empty() {
        return Err(Invalid::NotADsn("an empty text".into()));
    }
    if !text.contains('=') {
        return Err(Invalid::NotADsn("a text without =".into()));
    }
    conninfo::parse(text)
}

/// Returns true if `word` can be a scheme, so that `host=a://b` is not taken for a URL.
fn is_scheme(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_'))
}
