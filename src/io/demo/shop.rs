//! Fills the shop's database: roles, applied migrations, data.

use std::path::Path;

use sqlx::PgConnection;
use sqlx::migrate::Migrator;
use sqlx::{ConnectOptions as _, Connection as _};

use super::{DATABASE, DEPLOYER, Error, Project, options};
use crate::io::cluster;

const ROLES: &str = include_str!("../../../assets/demo/roles.sql");
const DATA: &str = include_str!("../../../assets/demo/data.sql");
const FINISH: &str = include_str!("../../../assets/demo/finish.sql");

/// The migration after which the tables exist and are filled.
const TABLES: i64 = 2;
/// The last migration that is applied when the demo opens.
pub const APPLIED: i64 = 4;

/// Makes the shop on the fresh server in `directory`, by the migrations of `project`
/// through sqlx's own migrator, so that `_sqlx_migrations` is the real thing.
///
/// # Errors
/// When the server refuses a statement.
pub async fn populate(directory: &Path, project: &Project) -> Result<(), Error> {
    create_database(directory).await?;
    let mut deployer = connect(directory, DEPLOYER, DATABASE).await?;
    let migrator = Migrator::new(project.migrations()).await?;
    migrator.run_to(TABLES, &mut deployer).await?;
    sqlx::raw_sql(DATA).execute(&mut deployer).await?;
    migrator.run_to(APPLIED, &mut deployer).await?;
    // A session's end tells the statistics what it has written: told after ANALYZE it would
    // count twice.
    deployer.close().await?;
    let mut deployer = connect(directory, DEPLOYER, DATABASE).await?;
    sqlx::raw_sql(FINISH).execute(&mut deployer).await?;
    Ok(deployer.close().await?)
}

/// Runs each statement of its own: CREATE DATABASE refuses a transaction.
async fn create_database(directory: &Path) -> Result<(), Error> {
    let mut superuser = connect(directory, cluster::SUPERUSER, "postgres").await?;
    for statement in ROLES.split_inclusive(';') {
        sqlx::raw_sql(statement).execute(&mut superuser).await?;
    }
    Ok(superuser.close().await?)
}

async fn connect(directory: &Path, role: &str, database: &str) -> Result<PgConnection, Error> {
    Ok(options(directory, role, database).disable_statement_logging().connect().await?)
}
