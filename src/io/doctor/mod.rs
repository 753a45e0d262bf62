//! What `doctor` looks at: programs, files, the target, the terminal. Everything is read,
//! nothing is changed, and each look is bounded in time.

mod files;
mod probes;
mod programs;
mod target;
mod terminal;

pub use files::{configuration, placeholders, runbooks, state, tool, triggers};
pub use probes::probes;
pub use programs::programs;
pub use target::{Reached, reach, target};
pub use terminal::terminal;
