//! Heavyweight locks: who holds what, who waits for whom, and what to end first.
//!
//! [`Row`]s of `pg_locks` become a [`Graph`] (the edges of `pg_blocking_pids`, rebuilt
//! in the client because asking the server for them costs 80 ms at 800 waiters), which
//! is [`Condensed`] (cycles become one) and told as a [`Forest`].

mod answers;
mod bits;
mod condensed;
mod forest;
mod graph;
mod mode;
mod names;
mod node;
mod object;
mod queue;
mod row;
mod search;
mod tree;

pub use answers::{Answers, Reported};
pub use condensed::Condensed;
pub use forest::{Forest, Telling};
pub use graph::{Graph, Wait};
pub use mode::{Mode, Modes};
pub use names::Names;
pub use node::{Edge, EdgeKind, Id, Kind, Node, Wants};
pub use object::Object;
pub use queue::{Blockers, Queue, Waiter};
pub use row::{Groups, Holder, Row};
