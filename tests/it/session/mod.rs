//! Tests of the layer `session`.
