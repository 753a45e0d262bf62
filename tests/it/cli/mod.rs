//! Tests of the layer `cli`.

mod schema;
