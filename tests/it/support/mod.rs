//! What the tests share: the throwaway server, provisioning, a pty.

pub mod pooler;
pub mod cases;
pub mod pty;
pub mod screen;
pub mod server;
mod until;

pub use until::until;
pub mod tcp;
pub mod until;
