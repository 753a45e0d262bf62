//! Tests of the layer `tools`.

mod alembic;
mod sqlx;
