//! Migration tools, one file each, pure: they read through `&dyn Tree`.

pub mod sqlx;
