//! Tests of the layer `domain`.

mod dsn;
mod identity;
mod signal;
