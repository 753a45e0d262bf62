//! Tests of the layer `domain`.

mod dsn;
mod hazard;
mod identity;
mod reversal;
mod signal;
