//! What belongs to the live database and is in no dump, given to the new one.

use sqlx::postgres::PgConnection;

use super::server::{self, execute, refused, words};
use super::{Failed, Job, say};
use crate::domain::restore::{Mark, State};
use crate::domain::untrusted::Untrusted;
use crate::io::failpoint;

/// Copies the properties in one transaction.
pub(super) async fn run(job: &Job) -> Result<String, Failed> {
    let mut connection = server::open(job).await?;
    let properties = server::properties(&mut connection, job.oid).await;
    let properties = properties.map_err(|error| refused(&error))?;
    let sql = properties.copy_to(&job.new);
    let mark = settled(job, &mut connection).await?;
    let done = copy(&mut connection, job, &sql, &mark).await;
    match done {
        Ok(()) => Ok(format!(
            "{} has the properties of {} ({} statements)",
            Untrusted::from(job.new.as_str()).one_line(),
            Untrusted::from(job.database.as_str()).one_line(),
            sql.len()
        )),
        Err(error) => Err(Failed::Running(format!("{}: nothing of it was kept", words(&error)))),
    }
}

/// Returns the mark of the new database, which must be loaded.
async fn settled(job: &Job, connection: &mut PgConnection) -> Result<Mark, Failed> {
    let oid = job.new_oid.unwrap_or_default();
    let comment = server::comment_of(connection, oid).await.map_err(|error| refused(&error))?;
    match comment.as_deref().and_then(Mark::read) {
        Some(Mark::New { of, name, backup, state }) if state >= State::Loaded && of == job.oid => {
            Ok(Mark::New { of, name, backup, state: State::Settled })
        }
        _ => Err(Failed::NotRun("the new database is not marked as loaded".to_owned())),
    }
}

async fn copy(
    connection: &mut PgConnection,
    job: &Job,
    sql: &[String],
    mark: &Mark,
) -> sqlx::Result<()> {
    execute(connection, "BEGIN").await?;
    for statement in sql {
        say(&Untrusted::from(statement.as_str()).one_line());
        execute(connection, statement).await?;
    }
    server::mark(connection, &job.new, mark).await?;
    failpoint::hit("restore.settle.done");
    execute(connection, "COMMIT").await?;
    failpoint::hit("restore.settle.committed");
    Ok(())
}
