//! Tests of the layer `app`.

mod flow;
mod overlay;
mod picture;
