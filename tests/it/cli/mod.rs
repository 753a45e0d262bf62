//! Tests of the layer `cli`.

mod failpoints;
mod journal;
mod schema;
