//! What the tests share: the throwaway server, provisioning, a pty.

pub mod act;
pub mod alembic;
pub mod cases;
pub mod console;
pub mod dbmate;
pub mod django;
pub mod drive;
pub mod facts;
pub mod files;
pub mod liquibase;
pub mod moto;
pub mod node;
pub mod panel;
pub mod pooler;
pub mod proxy;
pub mod pty;
pub mod rehearsed;
pub mod scene;
pub mod screen;
pub mod server;
pub mod service;
pub mod tcp;
pub mod until;
pub mod versions;

pub use until::until;
