//! Dropping what a restore has left over, and nothing else.

use super::server::{self, execute, refused, words};
use super::{Failed, Job};
use crate::domain::restore::quoted;
use crate::domain::untrusted::Untrusted;
use crate::io::failpoint;

/// Drops the database, if it is one that a restore has left over.
pub(super) async fn run(job: &Job) -> Result<String, Failed> {
    let mut connection = server::open(job).await?;
    let world = server::world(&mut connection, job.oid, &job.database).await;
    let world = world.map_err(|error| refused(&error))?;
    let is_left = |oid: u32| world.left_over().any(|left| left.oid == oid && left.name == job.new);
    let shown = Untrusted::from(job.new.as_str()).one_line();
    if !job.new_oid.is_some_and(is_left) {
        return Err(Failed::NotRun(format!("{shown} is nothing that a restore has left over")));
    }
    failpoint::hit("restore.drop.begun");
    match execute(&mut connection, &format!("DROP DATABASE {}", quoted(&job.new))).await {
        Ok(()) => Ok(format!("{shown} is gone")),
        Err(error) => Err(Failed::Running(words(&error))),
    }
}
