//! Widgets: each a plain input struct and one free `render` into a buffer.
//!
//! No widget panics or writes outside its area, at any size down to nothing.
//! Text given to them is visible text: [`crate::domain::untrusted::Untrusted`]
//! is escaped before it gets here, or is asked for by its type.

pub mod code;
pub mod footer;
pub mod frame;
pub mod header;
pub mod help;
pub mod line;
pub mod message;
pub mod pager;
pub mod pairs;
pub mod small;
pub mod spark;
pub mod table;
pub mod tail;
pub mod tree;
