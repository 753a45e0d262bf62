//! Tests of the layer `io`.

mod act;
mod cluster;
mod connect;
mod control;
mod document;
mod journal;
mod lease;
mod prove;
mod target;
