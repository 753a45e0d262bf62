//! Tests of the layer `tools`.

mod alembic;
mod node;
mod pg_dump;
mod sqlx;
