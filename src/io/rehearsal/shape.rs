//! The schema of a copy as it reads.

use std::collections::BTreeMap;

use sqlx::Row as _;
use sqlx::postgres::PgConnection;

use crate::domain::fingerprint::{Part, Schema, keeps_books};
use crate::domain::rehearsal::Shape;

const SHAPE: &str = include_str!("../../../assets/sql/rehearsal/shape.sql");

/// Reads the schema, but for the tables in which the tool keeps its `books`.
pub(super) async fn shape(
    connection: &mut PgConnection,
    books: &str,
) -> Result<Shape, sqlx::Error> {
    let mut parts = Vec::new();
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in sqlx::query(SHAPE).fetch_all(connection).await? {
        let part = Part {
            kind: row.try_get(0)?,
            space: row.try_get(1)?,
            owner: row.try_get(2)?,
            name: row.try_get(3)?,
        };
        if keeps_books(&part.owner, books) {
            continue;
        }
        if row.try_get::<i32, _>(5)? > 0 {
            let relation = format!("{}.{}", part.space, part.owner);
            columns.entry(relation).or_default().push(part.name.clone());
        }
        parts.push((part, row.try_get(4)?));
    }
    Ok(Shape { schema: Schema::new(parts), columns })
}
