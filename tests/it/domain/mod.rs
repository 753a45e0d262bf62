//! Tests of the layer `domain`.

mod activity;
mod age;
mod config;
mod dsn;
mod evidence;
mod gate;
mod hazard;
mod identity;
mod locks;
mod progress;
mod reversal;
mod runbook;
mod signal;
mod trigger;
mod verdict;
