//! Tests of the layer `io`.

mod cluster;
