//! Tests of the layer `domain`.

mod config;
mod dsn;
mod hazard;
mod identity;
mod reversal;
mod evidence;
mod gate;
mod runbook;
mod signal;
mod trigger;
mod activity;
mod age;
mod locks;
mod progress;
mod verdict;
