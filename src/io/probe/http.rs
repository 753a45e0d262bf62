//! A GET request, over the TLS that the database's connections use.

use std::io::Read as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ureq::Agent;
use ureq::config::Config;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector, Transport};

use super::{MOST, first_line};
use crate::domain::evidence::Value;

/// Further redirects are no answer: a login page is not the health.
const REDIRECTS: u32 = 3;

/// Returns the status and the first line of what `url` answers. Blocks for at most `limit`.
///
/// Any status is an answer; a refused connection, a broken one, one that took too long or
/// that does not speak HTTP is "cannot tell".
#[must_use]
pub fn get(url: &str, limit: Duration) -> Value {
    let read = || -> Result<Value, ureq::Error> {
        let mut response = agent(url, limit).get(url).call()?;
        let mut body = Vec::new();
        response.body_mut().as_reader().take(MOST as u64).read_to_end(&mut body)?;
        Ok(Value::Answer { status: response.status().as_u16(), text: first_line(&body) })
    };
    read().unwrap_or_else(|error| Value::unknown(words(&error, limit)))
}

/// Returns an error in words.
pub(in crate::io) fn words(error: &ureq::Error, limit: Duration) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("no answer within {} s", limit.as_secs_f64()),
        ureq::Error::TooManyRedirects => format!("more than {REDIRECTS} redirects"),
        error => error.to_string(),
    }
}

/// Tells whether a connection has stood, its TLS included: before that no byte of a request
/// leaves (ureq 3.5.1 ends the handshake while it connects).
#[derive(Clone, Debug, Default)]
pub(in crate::io) struct Reached(Arc<AtomicBool>);

impl Reached {
    /// Returns true once one has.
    pub(in crate::io) fn is_so(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl<In: Transport> Connector<In> for Reached {
    type Out = In;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<In>, ureq::Error> {
        self.0.fetch_or(chained.is_some(), Ordering::SeqCst);
        Ok(chained)
    }
}

/// Returns who sends one request that follows no redirect, and tells `reached` how far it came.
pub(in crate::io) fn once(
    url: &str,
    limit: Duration,
    connect: Duration,
    reached: Reached,
) -> Agent {
    let limits = Limits { redirects: 0, total: limit, connect: Some(connect) };
    let way = DefaultConnector::new().chain(reached);
    Agent::with_parts(config(url, &limits), way, DefaultResolver::default())
}

fn agent(url: &str, limit: Duration) -> Agent {
    config(url, &Limits { redirects: REDIRECTS, total: limit, connect: None }).new_agent()
}

struct Limits {
    redirects: u32,
    total: Duration,
    connect: Option<Duration>,
}

/// A new one for each request: what a new client would see is what is measured. No proxy:
/// its answer would be taken for the endpoint's.
fn config(url: &str, limits: &Limits) -> Config {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(limits.redirects)
        // Without any to follow, the redirect itself is the answer.
        .max_redirects_will_error(limits.redirects > 0)
        .timeout_global(Some(limits.total))
        .timeout_resolve(limits.connect)
        .timeout_connect(limits.connect)
        .proxy(None)
        .user_agent(concat!("lockkeeper/", env!("CARGO_PKG_VERSION")));
    // The roots are read from files, for those who need them.
    let config = if url.starts_with("https:") { config.tls_config(tls()) } else { config };
    config.build()
}

fn tls() -> TlsConfig {
    static ROOTS: OnceLock<Arc<Vec<Certificate<'static>>>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs().certs;
        Arc::new(found.iter().map(|one| Certificate::from_der(one.as_ref()).to_owned()).collect())
    });
    TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::Specific(roots.clone()))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build()
}
