//! Tests of the layer `io`.
