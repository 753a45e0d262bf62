//! The claim: whoever makes this file decides whether the program ever starts.

use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

use super::job::{Job, optional, parse, write_new};
use crate::io::journal::file::sync_directory;
use crate::io::process::Identity;

/// Who claimed a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The job's process, which then starts the program.
    Act,
    /// Somebody who resolves a crash: the program will never start.
    Resolver,
}

/// What the file `claim` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Who made it.
    pub by: By,
    /// The process that made it.
    pub process: Identity,
}

/// Takes the claim, and returns false if somebody had it before.
///
/// The file is written and synced under another name and then linked: a link fails
/// if the name exists, as `O_EXCL` does, and the claim is never seen without content.
/// It is on the disk before this returns, so a power cut cannot make a started program
/// look as if it had never been claimed.
pub(super) fn take(job: &Job, by: By) -> io::Result<bool> {
    let process = Identity::own();
    let draft = job.dir().join(format!("claim.{}.{}", process.pid, process.started));
    optional(fs::remove_file(&draft))?;
    write_new(&draft, &serde_json::to_vec(&Claim { by, process })?)?;
    let linked = fs::hard_link(&draft, job.claim());
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        other => other.and_then(|()| sync_directory(job.dir())).map(|()| true),
    }
}

/// Returns the claim, if there is one.
pub(super) fn read(job: &Job) -> io::Result<Option<Claim>> {
    optional(parse(&job.claim()))
}
