//! The revision of a database, as the migration tool of the project here reads it.

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row as _};

use super::blocking::blocking;
use super::tree::Disk;
use crate::tools::{self, Rows, VersionQuery};

/// Returns the revisions of the version table of the tool of that word; `None` if they cannot be
/// read.
pub(super) async fn current(tool: &str, connection: &mut PgConnection) -> Option<Vec<String>> {
    let tool = tools::by_word(tool)?;
    let tree = Disk::new(".");
    let detected = blocking(|| tool.detect(&tree))?;
    let query = blocking(|| tool.version_query(&tree));
    let rows = rows(&query, connection).await.ok()?;
    let project = blocking(|| tool.load(&tree, &detected.directory, &rows));
    project.revision()
}

async fn rows(query: &VersionQuery, connection: &mut PgConnection) -> sqlx::Result<Rows> {
    let exists = sqlx::query_scalar::<_, bool>(AssertSqlSafe(query.exists.clone()));
    if !exists.fetch_one(&mut *connection).await? {
        return Ok(Rows::Absent);
    }
    let rows = sqlx::query(AssertSqlSafe(query.rows.clone())).fetch_all(connection).await?;
    let texts = |row: &PgRow| (0..row.len()).map(|at| row.try_get(at)).collect();
    Ok(Rows::Read(rows.iter().map(texts).collect::<sqlx::Result<_>>()?))
}
