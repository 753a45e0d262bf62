//! Compiles the text of migrations to the domain's one intermediate form.

pub mod javascript;
pub mod python;
pub mod runbook;
pub mod sql;
mod syntax;
