//! What the tests share: the throwaway server, provisioning, a pty.

pub mod act;
pub mod server;
