//! Tests of the layer `cli`.

mod schema;
mod failpoints;
mod journal;
