//! What the program of an act is given to find its database: in the environment, never in
//! its arguments.

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::config::Config;
use crate::domain::connection::{Place, Spec};
use crate::domain::plan::{Plan, Timeouts};
use crate::io::act::{Environment, Value};

/// What stays as it is in a URL, beside letters and digits: RFC 3986, 2.3.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns the names of [`variables`], for the plan.
#[must_use]
pub fn names(spec: &Spec, config: &Config) -> Vec<String> {
    let all = variables(spec, config, "", None);
    all.into_iter().map(|(name, _)| name).collect()
}

/// Tells the program of a backup in which run it is made.
pub const RUN: &str = "LOCKKEEPER_RUN";

/// Returns the variables for the program of a backup: the target and nothing of the
/// project, which may lead its own tool elsewhere.
#[must_use]
pub fn for_backup(spec: &Spec, application: &str, run: &str) -> Environment {
    let mut all = variables(spec, &Config::default(), application, None);
    // A pooler's console refuses even no options at all, where they are named.
    all.retain(|(name, value)| name != "PGOPTIONS" || !value.expose().is_empty());
    all.push((RUN.to_owned(), Value::Plain(run.to_owned())));
    all
}

/// Returns the variables for a proof of a backup, which reaches no target: where its scratch
/// server is registered.
#[must_use]
pub fn for_proof(state: &Path) -> Environment {
    let base = state.parent().unwrap_or(state).display().to_string();
    vec![("XDG_STATE_HOME".to_owned(), Value::Plain(base))]
}

/// Returns the variables for the program that sends a request: the secrets that its plan names,
/// from our own environment, and nothing of the target.
///
/// # Errors
/// Which one has no value that a header can hold.
pub fn for_request(plan: &Plan) -> Result<Environment, String> {
    let names = plan.command.iter().flat_map(|command| &command.env);
    names.map(|name| Ok((name.clone(), Value::Secret(secret(name)?)))).collect()
}

/// Returns the secret of that name in our own environment.
///
/// # Errors
/// If there is none, or none that a header can hold.
pub fn secret(name: &str) -> Result<SecretString, String> {
    let value = std::env::var(name).map_err(|_| {
        format!("{name} has no value: set it in the environment of lockkeeper, and begin again")
    })?;
    match value.is_empty() || value.chars().any(char::is_control) {
        true => Err(format!("{name} is empty, or holds a line break: no header can hold it")),
        false => Ok(SecretString::from(value)),
    }
}

/// Returns the variables for a rehearsal: the target, however it was found here, and where its
/// scratch server and its evidence are kept.
#[must_use]
pub fn for_rehearsal(spec: &Spec, application: &str, state: &Path) -> Environment {
    let mut all = variables(spec, &Config::default(), application, None);
    // One that the configuration alone names would be taken for it.
    all.push(("DATABASE_URL".to_owned(), Value::Secret(url(spec, "postgresql"))));
    all.extend(for_proof(state));
    all
}

/// Returns the variables for a program that works on `spec` under `application`; with
/// `timeouts`, exactly those are in force.
#[must_use]
pub fn variables(
    spec: &Spec,
    config: &Config,
    application: &str,
    timeouts: Option<Timeouts>,
) -> Environment {
    let plain = |name: &str, value: String| (name.to_owned(), Value::Plain(value));
    let mut all = vec![
        plain("PGHOST", spec.place.text().to_owned()),
        plain("PGPORT", spec.port.to_string()),
        plain("PGUSER", spec.user.clone()),
        plain("PGDATABASE", spec.database.clone()),
        plain("PGAPPNAME", application.to_owned()),
        plain("PGOPTIONS", options(spec, timeouts)),
    ];
    if matches!(spec.place, Place::Host(_)) {
        all.push(plain("PGSSLMODE", spec.tls.mode.word().to_owned()));
        let path = |path: &Path| path.display().to_string();
        all.extend(spec.tls.root.as_deref().map(|root| plain("PGSSLROOTCERT", path(root))));
        if let Some((certificate, key)) = &spec.tls.client {
            all.push(plain("PGSSLCERT", path(certificate)));
            all.push(plain("PGSSLKEY", path(key)));
        }
    }
    if let Some(password) = spec.password() {
        all.push(("PGPASSWORD".to_owned(), Value::Secret(password.clone())));
    }
    for (name, value) in &config.project.environment {
        let value = match scheme(value) {
            Some(scheme) if scheme == JDBC => {
                Value::Secret(jdbc(spec, application, &options(spec, timeouts)))
            }
            Some(scheme) => Value::Secret(url(spec, &scheme)),
            None => Value::Plain(value.clone()),
        };
        all.retain(|(given, _)| given != name);
        all.push((name.clone(), value));
    }
    all
}

/// Returns what must not be printed of what a program that works on `spec` is given.
#[must_use]
pub fn secrets(spec: &Spec, config: &Config) -> Vec<SecretString> {
    let given = variables(spec, config, "", None);
    // A password that a variable of the project replaces is still the server's.
    let password = spec.password().into_iter();
    password.chain(given.iter().filter_map(|(_, value)| value.secret())).cloned().collect()
}

/// Returns the target's settings with ours after them, so that ours hold. What is not to be
/// limited is set to 0: a role or a database may have a limit of its own.
fn options(spec: &Spec, timeouts: Option<Timeouts>) -> String {
    let limit = |name: &str, ms: Option<u64>| (name.to_owned(), ms.unwrap_or(0).to_string());
    let ours = timeouts.into_iter().flat_map(|timeouts| {
        [limit("lock_timeout", timeouts.lock_ms), limit("statement_timeout", timeouts.statement_ms)]
    });
    let settings = spec.settings.iter().cloned().chain(ours);
    let words = settings.map(|(name, value)| format!("-c {}", escaped(&format!("{name}={value}"))));
    words.collect::<Vec<_>>().join(" ")
}

/// Protects what would end a word: PostgreSQL splits at what `isspace` takes.
fn escaped(setting: &str) -> String {
    let ends_word = |c: char| c.is_ascii_whitespace() || c == '\u{b}' || c == '\\';
    setting.chars().fold(String::new(), |mut text, c| {
        text.extend(ends_word(c).then_some('\\'));
        text.push(c);
        text
    })
}

/// Returns the scheme for which `[project] environment` asks: `${target.url}`, or with the
/// driver that SQLAlchemy is to take, `${target.url+psycopg2}`, or for JDBC, `${target.url+jdbc}`.
fn scheme(value: &str) -> Option<String> {
    let driver = value.strip_prefix("${target.url")?.strip_suffix('}')?;
    let is_driver = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match driver.strip_prefix('+') {
        None if driver.is_empty() => Some("postgresql".to_owned()),
        Some(name) if is_driver(name) => Some(format!("postgresql+{name}")),
        _ => None,
    }
}

/// What [`scheme`] returns for `${target.url+jdbc}`.
const JDBC: &str = "postgresql+jdbc";

/// Returns true if the project asks for a URL of JDBC, whose driver opens no Unix socket.
#[must_use]
pub fn asks_for_jdbc(config: &Config) -> bool {
    config.project.environment.values().any(|value| scheme(value).as_deref() == Some(JDBC))
}

/// Returns the target as JDBC's driver takes it
/// (<https://jdbc.postgresql.org/documentation/use/>). It reads no variable of the environment,
/// so that what `PGAPPNAME` and `PGOPTIONS` say stands in it, too.
fn jdbc(spec: &Spec, application: &str, options: &str) -> SecretString {
    let escape = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
    let mut given = vec![("user", spec.user.clone())];
    given.extend(spec.password().map(|word| ("password", word.expose_secret().to_owned())));
    given.push(("ApplicationName", application.to_owned()));
    given.push(("options", options.to_owned()));
    let authority = match &spec.place {
        Place::Socket(directory) => {
            // With this library in its class path it opens the socket, and without it nothing:
            // another server may listen on this machine's port.
            let factory = "org.newsclub.net.unix.AFUNIXSocketFactory$FactoryArg";
            given.push(("socketFactory", factory.to_owned()));
            given.push(("socketFactoryArg", format!("{directory}/.s.PGSQL.{}", spec.port)));
            "localhost".to_owned()
        }
        Place::Host(host) => {
            let path = |path: &Path| path.display().to_string();
            given.push(("sslmode", spec.tls.mode.word().to_owned()));
            given.extend(spec.tls.root.as_deref().map(|root| ("sslrootcert", path(root))));
            if let Some((certificate, key)) = &spec.tls.client {
                given.extend([("sslcert", path(certificate)), ("sslkey", path(key))]);
            }
            bracketed(host, spec.port)
        }
    };
    given.retain(|(_, value)| !value.is_empty());
    let given = given.iter().map(|(name, value)| format!("{name}={}", escape(value)));
    let (database, given) = (escape(&spec.database), given.collect::<Vec<_>>().join("&"));
    SecretString::from(format!("jdbc:postgresql://{authority}/{database}?{given}"))
}

/// Returns host and port as they stand in a URL.
fn bracketed(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Returns the target as a URL. It may hold a password: it goes nowhere but into the
/// environment of the program.
fn url(spec: &Spec, scheme: &str) -> SecretString {
    let escape = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
    let password = spec
        .password()
        .map(|password| format!(":{}", escape(password.expose_secret())))
        .unwrap_or_default();
    let (host, query) = match &spec.place {
        Place::Socket(dir) => (String::new(), format!("?host={}&port={}", escape(dir), spec.port)),
        Place::Host(host) => {
            (bracketed(host, spec.port), format!("?sslmode={}", spec.tls.mode.word()))
        }
    };
    let (user, database) = (escape(&spec.user), escape(&spec.database));
    SecretString::from(format!("{scheme}://{user}{password}@{host}/{database}{query}"))
}
