//! Tests of the layer `tools`.

mod pg_dump;
mod alembic;
mod sqlx;
