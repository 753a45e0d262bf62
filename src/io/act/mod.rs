//! Running the program of an act so that no death of the console changes what happens.
//!
//! The program is started by `lockkeeper __act JOBDIR`, a process in its own session.
//! They speak through the files of the job's directory alone:
//!
//! | file | written by | holds |
//! |---|---|---|
//! | `job.json` | console | what to run; no secrets |
//! | `claim` | the job's process, or who resolves a crash | who decides; made once |
//! | `program` | the job's process | the program's pid, start and boot |
//! | `out` | the program | stdout and stderr: the file itself, never a pipe |
//! | `exit.json` | the job's process | how it ended; synced, then renamed |
//! | `act.log` | the job's process | why it could not begin |

mod adopt;
mod child;
mod claim;
mod exit;
mod follow;
mod job;
mod launch;
mod stop;
mod tail;
mod watched;

pub use adopt::adopt;
pub use child::run;
pub use follow::{Followed, follow};
pub use job::{Job, Spec};
pub(super) use launch::inherited;
pub use launch::{Environment, Value, inherits, launch, this_program};
pub use stop::Stop;
pub use tail::{Batch, LINE, Tail, WINDOW};
pub use watched::{Printed, Watched, prints};
