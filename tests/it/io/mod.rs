//! Tests of the layer `io`.

mod document;
