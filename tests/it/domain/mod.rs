//! Tests of the layer `domain`.

mod dsn;
mod identity;
mod journal;
mod plan;
mod resolve;
mod signal;
