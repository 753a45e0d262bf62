//! The hidden child that sends one HTTP request, once: no redirect is followed, no proxy asked,
//! nothing sent again. Exit codes: 0 answered as expected, 1 answered otherwise, 2 nothing was
//! sent, 3 sent and not answered.

use std::ffi::OsString;
use std::io::Read as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret as _, SecretString};
use ureq::http::{self, Request, Response};
use ureq::{Agent, Body, Error};

use super::child::{self, Failed, say};
use super::driver::environment;
use super::journal::Secrets;
use super::probe::http::{Reached, once, words};
use crate::domain::untrusted::Untrusted;
use crate::session::options;
use crate::session::sending::{Hidden, Job};

/// At most so many bytes of an answer are printed.
const MOST: usize = 8 * 1024;
/// At most so long it may take to connect, however long the answer may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Runs the child's command line; its secrets are in the environment.
#[must_use]
pub fn main(args: &[OsString]) -> ExitCode {
    let job = options::words(args).and_then(|words| Job::parse(&words));
    child::run(job, async |job| send(job, &secrets(job)?))
}

/// Returns the values of the variables that the job names.
fn secrets(job: &Job) -> Result<Vec<SecretString>, Failed> {
    let value = |one: &Hidden| environment::secret(&one.env).map_err(Failed::NotRun);
    job.secrets.iter().map(value).collect()
}

fn send(job: &Job, secrets: &[SecretString]) -> Result<String, Failed> {
    let mut known = Secrets::default();
    for one in secrets {
        known.add(one);
    }
    let limit = Duration::from_millis(job.limit_ms);
    let reached = Reached::default();
    let agent = once(&job.url, limit, CONNECT.min(limit), reached.clone());
    let began = Instant::now();
    let answered = match &job.body {
        Some(body) => built(job, secrets, body.clone()).and_then(|one| run(&agent, one)),
        None => built(job, secrets, ()).and_then(|one| run(&agent, one)),
    };
    let mut response =
        answered.map_err(|error| failed(&known.redact(&words(&error, limit)), &reached))?;
    let took = began.elapsed().as_secs_f64();
    let status = response.status();
    let to = response.headers().get(http::header::LOCATION);
    let to = to.map(|to| known.redact(&String::from_utf8_lossy(to.as_bytes())));
    let longest = secrets.iter().map(|one| one.expose_secret().len()).max().unwrap_or(0);
    // Each byte of one takes three in an address.
    let text = body(&mut response, &known, longest * 3);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        say(&Untrusted::from(line).one_line());
    }
    let said = format!("answered {status} after {took:.3} s");
    if job.expects(status.as_u16()) {
        return Ok(said);
    }
    let leads = to.filter(|_| status.is_redirection()).map(|to| {
        let to = Untrusted::new(to).one_line();
        format!(", which leads to {to} and was not followed")
    });
    let leads = leads.unwrap_or_default();
    Err(Failed::Running(format!("{said}{leads}; expected was {}", job.expected())))
}

fn built<B>(job: &Job, secrets: &[SecretString], body: B) -> Result<Request<B>, Error> {
    let mut request = Request::builder().method(job.method.as_str()).uri(&job.url);
    for (name, value) in &job.headers {
        request = request.header(name, value);
    }
    for (Hidden { header, prefix, .. }, secret) in job.secrets.iter().zip(secrets) {
        request = request.header(header, format!("{prefix}{}", secret.expose_secret()));
    }
    request.body(body).map_err(Error::Http)
}

fn run(agent: &Agent, request: Request<impl ureq::AsSendBody>) -> Result<Response<Body>, Error> {
    agent.run(request)
}

/// Returns the beginning of the answer's body, its secrets masked. That it breaks off changes
/// nothing: the status has told what became of the request.
fn body(response: &mut Response<Body>, known: &Secrets, longest: usize) -> String {
    let most = MOST + longest;
    let mut bytes = Vec::new();
    drop(response.body_mut().as_reader().take(most as u64).read_to_end(&mut bytes));
    let text = known.redact(&String::from_utf8_lossy(&bytes));
    // Where it was cut, the beginning of a secret may be its end.
    let cut = if bytes.len() == most { longest } else { 0 };
    text.chars().take(text.chars().count().saturating_sub(cut)).collect()
}

/// Before a connection has stood no byte of the request has left this machine; everything else
/// counts as sent.
fn failed(why: &str, reached: &Reached) -> Failed {
    if !reached.is_so() {
        return Failed::NotRun(format!("nothing was sent: {why}"));
    }
    Failed::Unheard(format!(
        "it was sent, and no answer was read: {why}; ask the service whether it has arrived"
    ))
}
