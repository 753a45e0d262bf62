//! Rows of single tables, brought back out of a backup: what the target's catalog says of a
//! table, what differs from what is staged, and the hidden child that stages.

mod look;
mod stage;

pub use look::{compare, find, look, staged};
pub use stage::main;
