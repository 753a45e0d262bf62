//! What an HTTP act sends, with the values of this moment of the run.

use crate::domain::plan::sha256_hex;
use crate::domain::runbook::{Endpoint, Header};
use crate::session::sending::{Hidden, Job, LIMIT};

use super::Walk;
use super::enter::resolve;

/// Returns the request of a step.
pub(super) fn job(step: &str, endpoint: &Endpoint, walk: &Walk) -> Result<Job, String> {
    let body = endpoint.body.as_ref().map(|word| resolve(word, walk)).transpose()?;
    let mut job = Job {
        method: endpoint.method.word().to_owned(),
        url: endpoint.url.clone(),
        body,
        statuses: endpoint.status.clone(),
        limit_ms: endpoint
            .timeout
            .map_or(LIMIT, |limit| u64::try_from(limit.duration().as_millis()).unwrap_or(u64::MAX)),
        ..Job::default()
    };
    for (name, header) in &endpoint.headers {
        match header {
            Header::Shown(word) => job.headers.push((name.clone(), resolve(word, walk)?)),
            Header::Secret(secret) => job.secrets.push(Hidden {
                header: name.clone(),
                env: secret.env.clone(),
                prefix: secret.prefix.clone(),
            }),
        }
    }
    if let Some(header) = &endpoint.idempotency_key {
        job.headers.push((header.clone(), key(step, &job, walk)));
    }
    Ok(job)
}

/// Returns the key of a request: the same however often this one step is tried until it ends,
/// also after the run was resumed, and for whoever approves it before; another one when the way
/// leads to the step again.
fn key(step: &str, job: &Job, walk: &Walk) -> String {
    let run = walk.run.as_deref().unwrap_or_default();
    let round = walk.rounds.get(step).copied().unwrap_or(0);
    let body = job.body.as_deref().unwrap_or_default();
    let of = [run, step, &round.to_string(), &job.method, &job.url, body].join("\n");
    sha256_hex(of.as_bytes())[..32].to_owned()
}
