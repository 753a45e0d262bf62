//! The run: walking, confirming and gating as one pure machine.

pub mod acting;
pub mod checks;
pub mod confirm;
pub mod effect;
pub mod facts;
pub mod machine;
pub mod making;
pub mod mending;
pub mod news;
pub mod options;
pub mod pick;
pub mod preview;
pub mod probe;
pub mod procedure;
pub mod proving;
pub mod recovery;
pub mod rehearsing;
pub mod restore;
pub mod salvaging;
pub mod sending;
pub mod staging;
pub mod tables;
pub mod tending;
pub mod vitals;
pub mod walk;
