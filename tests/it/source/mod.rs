//! Tests of the layer `source`.

mod sql;
