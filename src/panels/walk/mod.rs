//! The walk of a runbook as two panels show it: its keys, what they mean, and what is said of
//! the current step.

pub mod answers;
pub mod keys;
pub mod lines;
pub mod moves;
pub mod page;
