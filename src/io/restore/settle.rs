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
    server::is_whole(&mut connection, &job.new, job.new_oid.unwrap_or_default()).await?;
    copy(&mut connection, job, &sql, &mark).await?;
    Ok(format!(
        "{} has the properties of {} ({} statements)",
        Untrusted::from(job.new.as_str()).one_line(),
        Untrusted::from(job.database.as_str()).one_line(),
        sql.len()
    ))
}

fn undone(error: &sqlx::Error) -> Failed {
    Failed::Running(format!("{}: nothing of it was kept", words(error)))
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
) -> Result<(), Failed> {
    let failed = |error: sqlx::Error| undone(&error);
    execute(connection, "BEGIN").await.map_err(failed)?;
    for statement in sql {
        say(&Untrusted::from(statement.as_str()).one_line());
        execute(connection, statement).await.map_err(failed)?;
    }
    server::mark(connection, &job.new, mark).await.map_err(failed)?;
    failpoint::hit("restore.settle.done");
    let committed = execute(connection, "COMMIT").await;
    committed.map_err(|error| Failed::commit(error, "it has its properties", failed))?;
    failpoint::hit("restore.settle.committed");
    Ok(())
}
