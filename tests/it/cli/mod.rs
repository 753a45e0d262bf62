//! Tests of the layer `cli`.

mod bad_input;
mod change;
mod console;
mod failpoints;
mod journal;
mod lint;
mod lk;
mod plain;
mod resume;
mod runbook;
mod schema;
