//! Tests of the layer `domain`.

mod activity;
mod age;
mod backup;
mod backup_name;
mod config;
mod coverage;
mod dsn;
mod evidence;
mod finding;
mod fingerprint;
mod gate;
mod hazard;
mod identity;
mod journal;
mod locks;
mod plan;
mod progress;
mod resolve;
mod restore;
mod reversal;
mod runbook;
mod runbook_lint;
mod signal;
mod tables;
mod trigger;
mod verdict;
