//! PostgreSQL: targets, connections, the monitor, control and lease.
