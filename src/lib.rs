//! lockkeeper: the operator's console for PostgreSQL schema migrations.
//!
//! The layers, each importing only from those to its left; `tests/it/layers.rs`
//! holds the code to it:
//!
//! ```text
//! domain < source < tools < session < { io | ui < panels < app } < cli
//! ```
//!
//! * [`domain`]: pure values and rules. No tokio, sqlx, files, clock or terminal.
//! * [`source`]: compiles SQL text to the domain's [`domain::change::Change`].
//! * [`tools`]: one file per migration tool, reading through `&dyn Tree`.
//! * [`session`]: the run as one pure machine, `update(Event) -> Vec<Effect>`.
//! * [`io`]: PostgreSQL, act jobs, journal files, throwaway servers.
//! * [`ui`], [`panels`], [`app`]: theme and widgets, vertical slices, screen state.
//! * [`cli`]: one thin file per command.
#![forbid(unsafe_code)]

pub mod app;
pub mod cli;
pub mod domain;
pub mod io;
pub mod panels;
pub mod session;
pub mod source;
pub mod tools;
pub mod ui;
