//! What the tests share: the throwaway server, provisioning, a pty.

pub mod cases;
pub mod server;
