//! PostgreSQL: targets, connections, the monitor, control and lease.

pub mod monitor;
mod names;
mod rows;
pub mod snapshot;
mod surroundings;
