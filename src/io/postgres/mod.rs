//! PostgreSQL: targets, connections, the monitor, control and lease.

pub mod connect;
pub mod control;
mod count;
mod explain;
mod fault;
mod files;
pub mod identity;
pub mod lease;
pub mod login;
pub mod monitor;
mod names;
mod nodes;
mod prepare;
pub mod prove;
pub mod reader;
mod rows;
mod schema;
pub mod snapshot;
mod surroundings;
pub mod target;

pub use connect::{Purpose, connect, connect_pooler};
pub use control::Control;
pub use explain::{ConnectError, connect_error, is_lost, query_error};
pub use fault::Fault;
pub use lease::Lease;
pub use target::Target;
