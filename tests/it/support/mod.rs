//! What the tests share: the throwaway server, provisioning, a pty.

pub mod server;
mod until;

pub use until::until;
