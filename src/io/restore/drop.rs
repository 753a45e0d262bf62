//! Dropping what a restore has left over, and nothing else.

use sqlx::postgres::PgConnection;

use super::server::{self, execute, refused, words};
use super::{Failed, Job};
use crate::domain::restore::{Mark, quoted};
use crate::domain::untrusted::Untrusted;
use crate::io::failpoint;

/// Drops the database, if it is one that a restore has left over.
pub(super) async fn run(job: &Job) -> Result<String, Failed> {
    let mut connection = server::open(job).await?;
    let world = server::world(&mut connection, job.oid, &job.database).await;
    let world = world.map_err(|error| refused(&error))?;
    let mut left = world.left_over();
    let left = left.find(|left| Some(left.oid) == job.new_oid && left.name == job.new);
    let shown = Untrusted::from(job.new.as_str()).one_line();
    let Some(left) = left else {
        return Err(Failed::NotRun(format!("{shown} is nothing that a restore has left over")));
    };
    give_up(&mut connection, &left.name, left.oid).await.map_err(|error| refused(&error))?;
    failpoint::hit("restore.drop.begun");
    match execute(&mut connection, &format!("DROP DATABASE {}", quoted(&job.new))).await {
        Ok(()) => Ok(format!("{shown} is gone")),
        Err(error) => Err(Failed::Running(words(&error))),
    }
}

/// Prepares a connection and a new database for a DROP, which waits for a checkpoint. One that is
/// cut off leaves a database to which nobody can connect, and whose name can be changed: so it
/// has no limit, and nothing in the database counts as loaded from now on. Servers before 13.12,
/// 14.9 and 15.4 do not tell such a database from a whole one.
pub(super) async fn give_up(
    connection: &mut PgConnection,
    name: &str,
    oid: u32,
) -> sqlx::Result<()> {
    execute(connection, "SET statement_timeout = 0").await?;
    let comment = server::comment_of(connection, oid).await?;
    let Some(mark) = comment.as_deref().and_then(Mark::read) else { return Ok(()) };
    server::mark(connection, name, &mark.given_up()).await
}
