//! The one integration binary; its modules mirror the layers.

mod app;
mod cli;
mod domain;
mod io;
mod layers;
mod panels;
mod session;
mod source;
mod support;
mod tools;
mod ui;
