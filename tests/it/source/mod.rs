//! Tests of the layer `source`.

mod question;
mod sql;
mod squawk;
