//! Tests of the layer `panels`.

mod activity;
mod locks;
mod watch;
