//! Tests of the layer `panels`.
