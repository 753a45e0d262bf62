//! Tests of the layer `io`.

mod act;
mod acting;
mod alembic;
mod cluster;
mod config;
mod connect;
mod control;
mod demo;
mod document;
mod driver;
mod environment;
mod faults;
mod forest;
mod intents;
mod journal;
mod lease;
mod migrate;
mod paths;
mod poll;
mod prove;
mod runbook;
mod snapshot;
mod target;
mod terminal;
