//! Opening one connection, for one purpose, in bounded time.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, Row as _};
use tokio::time::timeout;

use super::explain::ConnectError;
use super::fault::Fault;
use crate::domain::connection::tls::Mode;
use crate::domain::connection::{Place, Spec};

/// What a connection is for; it decides its name on the server and its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Watches: reads only, and gives up rather than wait.
    Monitor,
    /// Signals backends and looks after them.
    Control,
    /// Holds the lease.
    Lease,
    /// Reads now and then what a plan stands on: the version table, the schema.
    Reader,
    /// Runs what the operator confirmed.
    Work,
}

impl Purpose {
    /// Returns its `application_name`.
    #[must_use]
    pub fn application(self) -> &'static str {
        match self {
            Self::Monitor => "lockkeeper/monitor",
            Self::Control => "lockkeeper/control",
            Self::Lease => "lockkeeper/lease",
            Self::Reader => "lockkeeper/reader",
            Self::Work => "lockkeeper/work",
        }
    }

    /// Returns the settings that the session starts with (all known to 13–18).
    fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Monitor => &[
                ("statement_timeout", "2s"),
                ("lock_timeout", "200ms"),
                ("default_transaction_read_only", "on"),
                ("idle_in_transaction_session_timeout", "5s"),
                ("jit", "off"),
                // Names come out qualified, and nobody's schema shadows a function.
                ("search_path", "pg_catalog"),
                ("tcp_keepalives_idle", "30"),
                ("tcp_keepalives_interval", "5"),
                ("tcp_keepalives_count", "3"),
            ],
            Self::Control => &[
                ("statement_timeout", "5s"),
                ("lock_timeout", "200ms"),
                ("default_transaction_read_only", "on"),
                ("idle_in_transaction_session_timeout", "5s"),
                ("jit", "off"),
                ("search_path", "pg_catalog"),
            ],
            // The search path is the role's own: tools look their tables up through it.
            Self::Reader => &[
                ("statement_timeout", "5s"),
                ("lock_timeout", "200ms"),
                ("default_transaction_read_only", "on"),
                ("idle_in_transaction_session_timeout", "5s"),
                ("jit", "off"),
            ],
            // The server must notice soon that a holder is gone, so that another can take over.
            Self::Lease => &[
                ("statement_timeout", "5s"),
                ("lock_timeout", "200ms"),
                ("default_transaction_read_only", "on"),
                ("search_path", "pg_catalog"),
                ("tcp_keepalives_idle", "3"),
                ("tcp_keepalives_interval", "1"),
                ("tcp_keepalives_count", "3"),
            ],
            Self::Work => &[],
        }
    }
}

/// The name of the marker setting. A pooler that starts server connections of its own either
/// refuses it or loses it, so a session that knows its value was started by our own packet.
const MARKER: &str = "lockkeeper.session";

/// Opens a connection that is proved to be direct: a pooler between is refused, because a
/// session's settings, advisory locks and prepared statements mean nothing behind one.
///
/// # Errors
/// [`ConnectError`] with what happened, to what, and what to do.
pub async fn connect(spec: &Spec, purpose: Purpose) -> Result<PgConnection, ConnectError> {
    match timeout(spec.timeout, open(spec, purpose)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(fault)) => Err(ConnectError::new(spec, fault)),
        Err(_) => Err(ConnectError::new(spec, Fault::TimedOut(spec.timeout))),
    }
}

/// Opens a connection to the console of a pooler, which takes no settings and only simple queries.
///
/// # Errors
/// [`ConnectError`] with what happened, to what, and what to do.
pub async fn connect_pooler(spec: &Spec) -> Result<PgConnection, ConnectError> {
    // It refuses start-up parameters that it does not know, an empty list of settings too.
    let options = bare(spec, Purpose::Control).extra_float_digits(None);
    match timeout(spec.timeout, PgConnection::connect_with(&options)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(ConnectError::new(spec, Fault::from_sqlx(&error, spec))),
        Err(_) => Err(ConnectError::new(spec, Fault::TimedOut(spec.timeout))),
    }
}

async fn open(spec: &Spec, purpose: Purpose) -> Result<PgConnection, Fault> {
    let marker = random_word();
    let options = options(spec, purpose).options([(MARKER, &marker)]);
    let mut connection = PgConnection::connect_with(&options)
        .await
        .map_err(|error| Fault::from_sqlx(&error, spec))?;
    let proved = prove_direct(&mut connection, &marker).await;
    if !proved.map_err(|error| Fault::from_sqlx(&error, spec))? {
        return Err(Fault::Pooler);
    }
    if purpose == Purpose::Work {
        watch_client(&mut connection).await;
    }
    Ok(connection)
}

/// Asks for the marker, and keeps the server from ending an idle session of ours
/// (`idle_session_timeout` came with 14).
async fn prove_direct(connection: &mut PgConnection, marker: &str) -> sqlx::Result<bool> {
    let lasting = connection.server_version_num().is_some_and(|version| version >= 140_000);
    let sql = if lasting {
        "SELECT current_setting('lockkeeper.session', true)::text, \
                set_config('idle_session_timeout', '0', false)::text"
    } else {
        "SELECT current_setting('lockkeeper.session', true)::text"
    };
    // The simple protocol: one round trip, where a prepared statement takes two.
    let row = sqlx::raw_sql(sql).fetch_one(connection).await?;
    Ok(row.try_get::<Option<String>, _>(0)?.as_deref() == Some(marker))
}

/// Makes the server end our statement soon after we are gone (14+, where the platform can).
pub(in crate::io) async fn watch_client(connection: &mut PgConnection) {
    if connection.server_version_num().is_some_and(|version| version >= 140_000) {
        let sql = "SELECT set_config('client_connection_check_interval', '500ms', false)::text";
        // Platforms without the means refuse any value but 0: the work goes on without.
        let _ = sqlx::raw_sql(sql).execute(connection).await;
    }
}

/// Returns the driver's options; never by way of a URL, which it cannot build for sockets.
///
/// The driver's constructor reads the `PG*` variables of the process; whatever it took from
/// there is either set here or the same as in the [`Spec`].
fn options(spec: &Spec, purpose: Purpose) -> PgConnectOptions {
    bare(spec, purpose)
        .options(spec.settings.iter().map(|(name, value)| (name, value)))
        .options(purpose.settings().iter().copied())
}

/// Returns the same without any setting of the session.
fn bare(spec: &Spec, purpose: Purpose) -> PgConnectOptions {
    let mut options = PgConnectOptions::new_without_pgpass()
        .port(spec.port)
        .username(&spec.user)
        .database(&spec.database)
        .password(spec.password().map_or("", |password| password.expose_secret()))
        .application_name(purpose.application())
        .ssl_mode(mode(spec.tls.mode))
        .disable_statement_logging();
    options = match &spec.place {
        Place::Socket(directory) => options.socket(directory),
        Place::Host(host) => options.host(host),
    };
    options = match &spec.tls.root {
        Some(path) => options.ssl_root_cert(path),
        // Not "none" but "no more": takes back what the driver read from PGSSLROOTCERT.
        None => options.ssl_root_cert_from_pem(Vec::new()),
    };
    match &spec.tls.client {
        Some((certificate, key)) => options.ssl_client_cert(certificate).ssl_client_key(key),
        None => options,
    }
}

fn mode(mode: Mode) -> PgSslMode {
    match mode {
        Mode::Disable => PgSslMode::Disable,
        Mode::Allow | Mode::Prefer => PgSslMode::Prefer,
        Mode::Require => PgSslMode::Require,
        Mode::VerifyCa => PgSslMode::VerifyCa,
        Mode::VerifyFull => PgSslMode::VerifyFull,
    }
}

/// Returns 16 hexadecimal digits that nobody foresees and that do not repeat.
pub(super) fn random_word() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// Runs `work` for at most `limit`; `None` when it took longer.
///
/// The query may still run on the server: a connection on which this happened is no longer
/// in step and must be dropped.
pub(super) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    timeout(limit, work).await.ok()
}
