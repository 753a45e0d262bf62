//! Tests of the layer `domain`.

mod config;
mod dsn;
mod evidence;
mod gate;
mod identity;
mod runbook;
mod signal;
mod trigger;
