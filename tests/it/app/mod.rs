//! Tests of the layer `app`.

mod overlay;
mod picture;
