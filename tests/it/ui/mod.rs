//! Tests of the layer `ui`.

mod bindings;
mod picture;
pub mod sample;
mod screens;
mod table;
mod text;
mod widgets;
