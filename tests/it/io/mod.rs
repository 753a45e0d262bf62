//! Tests of the layer `io`.

mod cluster;
mod config;
mod connect;
mod control;
mod demo;
mod document;
mod intents;
mod lease;
mod migrate;
mod paths;
mod prove;
mod runbook;
mod target;
mod terminal;
