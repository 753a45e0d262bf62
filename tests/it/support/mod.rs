//! What the tests share: the throwaway server, provisioning, a pty.

pub mod cases;
pub mod facts;
pub mod panel;
pub mod pooler;
pub mod pty;
pub mod screen;
pub mod server;
pub mod tcp;
pub mod until;

pub use until::until;
