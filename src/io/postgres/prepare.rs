//! Whether a server would take a statement: parsed and analysed there, and never run.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqlSafeStr as _};
use tokio::time::timeout;

use super::reader::{Error, GRACE, Reader};

/// What the server says of a parameter whose type only its value would tell.
const UNDETERMINED: &str = "42P18";
/// How long the server may take for it.
const LIMIT: Duration = Duration::from_secs(5);

impl Reader {
    /// Returns why the server refuses a statement, if it does: it is prepared in a READ ONLY
    /// transaction that is rolled back, and not run.
    ///
    /// # Errors
    /// When the server cannot be asked, or does not answer.
    pub async fn prepares(&mut self, statement: &str) -> Result<Option<String>, Error> {
        let connection = self.connection().await?;
        // The server gives up first, so that the connection stays in step.
        let read = timeout(LIMIT + GRACE, prepared(connection, statement)).await;
        self.kept(read, LIMIT)
    }
}

async fn prepared(connection: &mut PgConnection, statement: &str) -> Result<Option<String>, Error> {
    let mut transaction = connection.begin_with("BEGIN TRANSACTION READ ONLY").await?;
    let limit = format!("SET LOCAL statement_timeout = {}", LIMIT.as_millis());
    sqlx::query(AssertSqlSafe(limit)).execute(&mut *transaction).await?;
    // Whoever waits for a lock here stands in the queue before the users of the table.
    sqlx::query("SET LOCAL lock_timeout = '100ms'").execute(&mut *transaction).await?;
    let asked = AssertSqlSafe(statement.to_owned()).into_sql_str();
    let prepared = (&mut *transaction).prepare(asked).await;
    transaction.rollback().await?;
    match prepared {
        Ok(_) => Ok(None),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(UNDETERMINED) => {
            Ok(None)
        }
        Err(sqlx::Error::Database(error)) => Ok(Some(error.message().to_owned())),
        Err(error) => Err(error.into()),
    }
}
