//! The connection keywords that libpq knows (PostgreSQL 13–18), and what becomes of each.

use super::Invalid;

/// What lockkeeper does with a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// Honoured.
    Used,
    /// Without effect on what lockkeeper promises: accepted and left out.
    Ignored,
    /// Would weaken or change the connection silently if left out: refused, with the reason.
    Refused(&'static str),
}

/// One keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyword {
    /// Its name in connection strings and service files.
    pub name: &'static str,
    /// The variable that gives its default.
    pub variable: Option<&'static str>,
    /// What becomes of it.
    pub treatment: Treatment,
}

const fn used(name: &'static str, variable: &'static str) -> Keyword {
    Keyword { name, variable: Some(variable), treatment: Treatment::Used }
}

const fn ignored(name: &'static str) -> Keyword {
    Keyword { name, variable: None, treatment: Treatment::Ignored }
}

const fn refused(name: &'static str, variable: Option<&'static str>, why: &'static str) -> Keyword {
    Keyword { name, variable, treatment: Treatment::Refused(why) }
}

/// Every keyword, in the order of libpq's documentation.
pub const ALL: &[Keyword] = &[
    used("host", "PGHOST"),
    used("hostaddr", "PGHOSTADDR"),
    used("port", "PGPORT"),
    used("dbname", "PGDATABASE"),
    used("user", "PGUSER"),
    used("password", "PGPASSWORD"),
    used("passfile", "PGPASSFILE"),
    refused("require_auth", Some("PGREQUIREAUTH"), "its driver takes what the server asks for"),
    used("channel_binding", "PGCHANNELBINDING"),
    used("connect_timeout", "PGCONNECT_TIMEOUT"),
    ignored("client_encoding"),
    used("options", "PGOPTIONS"),
    ignored("application_name"),
    ignored("fallback_application_name"),
    ignored("keepalives"),
    ignored("keepalives_idle"),
    ignored("keepalives_interval"),
    ignored("keepalives_count"),
    ignored("tcp_user_timeout"),
    refused("replication", None, "it opens no replication connections"),
    ignored("gssencmode"),
    used("sslmode", "PGSSLMODE"),
    refused("sslnegotiation", Some("PGSSLNEGOTIATION"), "its driver asks for TLS in the old way"),
    ignored("sslcompression"),
    used("sslcert", "PGSSLCERT"),
    used("sslkey", "PGSSLKEY"),
    refused("sslpassword", None, "its driver reads unencrypted keys only"),
    refused("sslcertmode", Some("PGSSLCERTMODE"), "name sslcert and sslkey, or leave them out"),
    used("sslrootcert", "PGSSLROOTCERT"),
    refused("sslcrl", Some("PGSSLCRL"), "its driver reads no revocation lists"),
    refused("sslcrldir", Some("PGSSLCRLDIR"), "its driver reads no revocation lists"),
    ignored("sslsni"),
    ignored("sslkeylogfile"),
    refused("requirepeer", Some("PGREQUIREPEER"), "its driver cannot ask who owns the socket"),
    ignored("ssl_min_protocol_version"),
    ignored("ssl_max_protocol_version"),
    ignored("min_protocol_version"),
    ignored("max_protocol_version"),
    ignored("krbsrvname"),
    ignored("gsslib"),
    ignored("gssdelegation"),
    used("service", "PGSERVICE"),
    used("servicefile", "PGSERVICEFILE"),
    used("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ignored("load_balance_hosts"),
];

/// Parameters that other drivers and tools write into `DATABASE_URL` and libpq does not know
/// (Prisma, SQLAlchemy with asyncpg, pgx, JDBC, node-postgres): about their own pools and
/// caches, so they are left out with a note.
const FOREIGN: &[&str] = &[
    "schema",
    "search_path",
    "currentSchema",
    "connection_limit",
    "pool_timeout",
    "pool_size",
    "max_overflow",
    "pgbouncer",
    "socket_timeout",
    "statement_cache_size",
    "prepared_statement_cache_size",
    "async_fallback",
    "command_timeout",
    "default_query_exec_mode",
    "pool_max_conns",
    "pool_min_conns",
    "uselibpqcompat",
    "ApplicationName",
];

/// What a name in a connection string turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A keyword to keep.
    Used(&'static str),
    /// One to leave out.
    Ignored,
    /// One of another driver or tool: to leave out, with a note.
    Foreign,
}

/// Looks a keyword up.
///
/// # Errors
/// [`Invalid::UnknownKeyword`] with the nearest name, [`Invalid::Unsupported`] for a known
/// keyword that cannot be honoured.
pub fn find(name: &str) -> Result<Found, Invalid> {
    if let Some(keyword) = ALL.iter().find(|keyword| keyword.name == name) {
        return match keyword.treatment {
            Treatment::Used => Ok(Found::Used(keyword.name)),
            Treatment::Ignored => Ok(Found::Ignored),
            Treatment::Refused(why) => Err(Invalid::Unsupported { keyword: keyword.name, why }),
        };
    }
    if FOREIGN.contains(&name) || name.starts_with("x-") {
        return Ok(Found::Foreign);
    }
    Err(Invalid::UnknownKeyword { keyword: name.to_owned(), suggestion: nearest(name) })
}

/// Returns the keyword that `name` is probably a misspelling of.
fn nearest(name: &str) -> Option<&'static str> {
    let synonym = match name {
        "database" | "db" => Some("dbname"),
        "username" => Some("user"),
        "hostname" => Some("host"),
        "pass" | "passwd" => Some("password"),
        _ => None,
    };
    synonym.or_else(|| {
        ALL.iter()
            .map(|keyword| (strsim::damerau_levenshtein(name, keyword.name), keyword.name))
            .filter(|(distance, _)| *distance <= 2.max(name.len() / 3))
            .min()
            .map(|(_, near)| near)
    })
}
