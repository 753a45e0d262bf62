//! Tests of the layer `tools`.

mod alembic;
mod pg_dump;
mod sql_files;
mod sqlx;
