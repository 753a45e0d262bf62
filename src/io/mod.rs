//! The outside: PostgreSQL, jobs, files, throwaway servers, the terminal.

pub mod act;
pub mod allowed;
pub mod backup;
mod blocking;
pub mod cluster;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod document;
pub mod driver;
pub mod failed;
pub mod failpoint;
pub mod host;
pub mod journal;
pub mod migrate;
pub mod paths;
pub mod perform;
pub mod pin;
pub mod poll;
pub mod postgres;
pub mod probe;
pub mod process;
pub mod runbook;
pub mod site;
pub mod store;
pub mod terminal;
pub mod tree;
