//! Pure values and rules: no tokio, sqlx, files, processes, clock, terminal or parser.

pub mod activity;
pub mod backoff;
pub mod change;
pub mod config;
pub mod connection;
pub mod counters;
pub mod evidence;
pub mod gate;
pub mod graph;
pub mod hazard;
pub mod identity;
pub mod journal;
pub mod locks;
pub mod loss;
pub mod outcome;
pub mod plan;
pub mod problem;
pub mod progress;
pub mod quantity;
pub mod reversal;
pub mod runbook;
pub mod signal;
pub mod snapshot;
pub mod trigger;
pub mod untrusted;
pub mod verdict;
