//! Tests of the layer `io`.

mod cluster;
mod config;
mod connect;
mod control;
mod document;
mod lease;
mod prove;
mod runbook;
mod target;
