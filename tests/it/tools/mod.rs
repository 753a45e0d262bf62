//! Tests of the layer `tools`.

mod sqlx;
