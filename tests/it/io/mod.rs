//! Tests of the layer `io`.

mod cluster;
mod connect;
mod control;
mod document;
mod lease;
mod prove;
mod target;
mod terminal;
