//! The hidden child that sends one HTTP request, once: no redirect is followed, no proxy asked,
//! nothing sent again. Exit codes: 0 answered as expected, 1 answered otherwise, 2 nothing was
//! sent, 3 sent and not answered.

use std::ffi::OsString;
use std::io::Read as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ureq::http::{self, Request, Response};
use ureq::{Agent, Body, Error, Timeout};

use super::child::{self, Failed, say};
use super::probe::http::{once, words};
use crate::domain::secret::MASK;
use crate::domain::untrusted::Untrusted;
use crate::session::options;
use crate::session::sending::{Hidden, Job};

/// At most so many bytes of an answer are printed.
const MOST: u64 = 8 * 1024;
/// At most so long it may take to connect, however long the answer may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Runs the child's command line; its secrets are in the environment.
#[must_use]
pub fn main(args: &[OsString]) -> ExitCode {
    let job = options::words(args).and_then(|words| Job::parse(&words));
    child::run(job, async |job| send(job, &secrets(job)?))
}

/// Returns the values of the variables that the job names.
fn secrets(job: &Job) -> Result<Vec<String>, Failed> {
    let value = |Hidden { env, .. }: &Hidden| {
        std::env::var(env).map_err(|_| Failed::NotRun(format!("{env} has no value")))
    };
    job.secrets.iter().map(value).collect()
}

fn send(job: &Job, secrets: &[String]) -> Result<String, Failed> {
    let limit = Duration::from_millis(job.limit_ms);
    let agent = once(&job.url, limit, CONNECT.min(limit));
    let masked = |text: String| {
        secrets.iter().filter(|one| !one.is_empty()).fold(text, |t, one| t.replace(one, MASK))
    };
    let began = Instant::now();
    let answered = match &job.body {
        Some(body) => built(job, secrets, body.clone()).and_then(|one| run(&agent, one)),
        None => built(job, secrets, ()).and_then(|one| run(&agent, one)),
    };
    let mut response = answered.map_err(|error| failed(&error, limit, &masked))?;
    let took = began.elapsed().as_secs_f64();
    let status = response.status();
    let to = response.headers().get(http::header::LOCATION).map(|to| format!("{to:?}"));
    for line in body(&mut response).lines().filter(|line| !line.trim().is_empty()) {
        say(&Untrusted::from(masked(line.to_owned()).as_str()).one_line());
    }
    let said = format!("answered {status} after {took:.3} s");
    if job.expects(status.as_u16()) {
        return Ok(said);
    }
    let leads = to.filter(|_| status.is_redirection());
    let leads = leads.map(|to| format!(", which leads to {to} and was not followed"));
    let leads = leads.unwrap_or_default();
    Err(Failed::Running(masked(format!("{said}{leads}; expected was {}", job.expected()))))
}

fn built<B>(job: &Job, secrets: &[String], body: B) -> Result<Request<B>, Error> {
    let mut request = Request::builder().method(job.method.as_str()).uri(&job.url);
    for (name, value) in &job.headers {
        request = request.header(name, value);
    }
    for (Hidden { header, prefix, .. }, secret) in job.secrets.iter().zip(secrets) {
        request = request.header(header, format!("{prefix}{secret}"));
    }
    request.body(body).map_err(Error::Http)
}

fn run(agent: &Agent, request: Request<impl ureq::AsSendBody>) -> Result<Response<Body>, Error> {
    agent.run(request)
}

/// Returns the beginning of the answer's body. That it breaks off changes nothing: the status
/// has told what became of the request.
fn body(response: &mut Response<Body>) -> String {
    let mut bytes = Vec::new();
    drop(response.body_mut().as_reader().take(MOST).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn failed(error: &Error, limit: Duration, masked: &dyn Fn(String) -> String) -> Failed {
    let why = masked(words(error, limit));
    if is_unsent(error) {
        return Failed::NotRun(format!("nothing was sent: {why}"));
    }
    Failed::Unheard(format!(
        "it was sent, and no answer was read: {why}; ask the service whether it has arrived"
    ))
}

/// Returns true if it is certain that no byte of the request has left this machine: everything
/// else counts as sent.
fn is_unsent(error: &Error) -> bool {
    use std::io::ErrorKind;
    match error {
        Error::BadUri(_)
        | Error::Http(_)
        | Error::HostNotFound
        | Error::ConnectionFailed
        | Error::Tls(_)
        | Error::Rustls(_)
        | Error::TlsRequired
        | Error::Timeout(Timeout::Resolve | Timeout::Connect) => true,
        Error::Io(error) => {
            let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            // What a handshake says: a request follows it only once it has succeeded.
            let refused = matches!(
                of_tls,
                Some(rustls::Error::InvalidCertificate(_) | rustls::Error::InvalidMessage(_))
            );
            let unreached = matches!(
                error.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
                    | ErrorKind::AddrNotAvailable
            );
            refused || unreached
        }
        _ => false,
    }
}
