//! Screen state over the session and the facts.

pub mod overlay;
