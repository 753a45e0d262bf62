//! Tests of the layer `source`.

mod alembic;
mod question;
mod sql;
mod squawk;
