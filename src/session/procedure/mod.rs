//! Procedures: pure functions from outcomes to the next act.

pub mod up_to;
