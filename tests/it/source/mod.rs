//! Tests of the layer `source`.

mod alembic;
mod javascript;
mod python;
mod question;
mod sql;
mod squawk;
