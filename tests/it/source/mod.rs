//! Tests of the layer `source`.

mod alembic;
mod javascript;
mod question;
mod sql;
mod squawk;
