//! The run: walking, confirming and gating as one pure machine.

pub mod confirm;
pub mod facts;
pub mod machine;
pub mod procedure;
pub mod run;
pub mod walk;
