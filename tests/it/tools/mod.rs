//! Tests of the layer `tools`.

mod alembic;
mod catalogs;
mod command;
mod django;
mod expected;
mod liquibase;
mod node;
mod past;
mod pg_dump;
mod sql_files;
mod sqlx;
