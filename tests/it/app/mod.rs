//! Tests of the layer `app`.
