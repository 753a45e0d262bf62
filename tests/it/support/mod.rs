//! What the tests share: the throwaway server, provisioning, a pty.

pub mod pty;
pub mod screen;
pub mod server;
