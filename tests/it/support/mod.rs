//! What the tests share: the throwaway server, provisioning, a pty.

pub mod pooler;
pub mod server;
pub mod tcp;
pub mod until;
