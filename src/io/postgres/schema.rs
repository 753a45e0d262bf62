//! The schema as the catalogs tell it, as far as that cannot wait for anybody's lock.

use std::collections::HashMap;

use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::nodes;
use super::reader::{Error, Reader, part};
use crate::domain::change::{Name, Type, quote};
use crate::domain::fingerprint::Schema;
use crate::domain::hazard::{
    Catalog, Check, ColumnFact, Domain, ForeignKey, Indexed, Kind, Reads, Relation,
};

const RELATIONS: &str = include_str!("../../../assets/sql/relations.sql");
const COLUMNS: &str = include_str!("../../../assets/sql/columns.sql");
const CHECKS: &str = include_str!("../../../assets/sql/checks.sql");
const FOREIGN_KEYS: &str = include_str!("../../../assets/sql/foreign_keys.sql");
const PRIMARY_KEYS: &str = include_str!("../../../assets/sql/primary_keys.sql");
const INHERITANCE: &str = include_str!("../../../assets/sql/inheritance.sql");
const DEPENDANTS: &str = include_str!("../../../assets/sql/dependants.sql");
const TYPES: &str = include_str!("../../../assets/sql/types.sql");
const OUTLINE: &str = include_str!("../../../assets/sql/rehearsal/outline.sql");
const SEARCH_PATH: &str = include_str!("../../../assets/sql/search_path.sql");

impl Reader {
    /// Reads the schema. The text of checks, of views and of bounds would wait for a table's
    /// lock and is left out; of a check it is told which columns it proves to be no NULL.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn catalog(&mut self, version_num: u32) -> Result<Catalog, Error> {
        let mut relations = Relations::default();
        for row in self.rows(sqlx::query(RELATIONS)).await? {
            relations.0.insert(row.try_get(0)?, relation(&row)?);
        }
        for row in self.rows(sqlx::query(COLUMNS)).await? {
            relations.give(&row, column(&row)?, |relation| &mut relation.columns)?;
        }
        for row in self.rows(sqlx::query(CHECKS)).await? {
            relations.give(&row, check(&row)?, |relation| &mut relation.checks)?;
        }
        for row in self.rows(sqlx::query(FOREIGN_KEYS)).await? {
            relations.give(&row, foreign_key(&row)?, |relation| &mut relation.foreign_keys)?;
        }
        for row in self.rows(sqlx::query(PRIMARY_KEYS)).await? {
            if let Some(relation) = relations.0.get_mut(&row.try_get(0)?) {
                relation.primary_key = row.try_get(1)?;
            }
        }
        for row in self.rows(sqlx::query(INHERITANCE)).await? {
            relations.give(&row, name(&row, 1)?, |relation| &mut relation.parents)?;
        }
        for row in self.rows(sqlx::query(DEPENDANTS)).await? {
            let reads = Reads { relation: name(&row, 1)?, columns: row.try_get(3)? };
            relations.give(&row, reads, |relation| &mut relation.reads)?;
        }
        let mut catalog = Catalog {
            version_num: Some(version_num),
            complete: true,
            relations: relations.sorted().into_iter().collect(),
            search_path: self.search_path().await?,
            ..Catalog::default()
        };
        for row in self.rows(sqlx::query(TYPES)).await? {
            kind(&row, &mut catalog)?;
        }
        Ok(catalog)
    }

    /// Reads the schema in outline: comparable between servers, and without asking for any
    /// table's lock.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn outline(&mut self) -> Result<Schema, Error> {
        let rows = self.rows(sqlx::query(OUTLINE)).await?;
        Ok(Schema::new(rows.iter().map(part).collect::<Result<Vec<_>, _>>()?))
    }

    async fn search_path(&mut self) -> Result<Vec<String>, Error> {
        let rows = self.rows(sqlx::query(SEARCH_PATH)).await?;
        Ok(rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or_default())
    }
}

/// The relations by their oid.
#[derive(Default)]
struct Relations(HashMap<i64, Relation>);

impl Relations {
    /// Adds a part to the relation whose oid is the row's first column.
    fn give<T>(
        &mut self,
        row: &PgRow,
        part: T,
        list: impl Fn(&mut Relation) -> &mut Vec<T>,
    ) -> Result<(), sqlx::Error> {
        if let Some(relation) = self.0.get_mut(&row.try_get(0)?) {
            list(relation).push(part);
        }
        Ok(())
    }

    fn sorted(self) -> Vec<Relation> {
        let mut relations: Vec<Relation> = self.0.into_values().collect();
        relations.sort_by_key(|relation| relation.name.quoted());
        relations
    }
}

fn name(row: &PgRow, at: usize) -> Result<Name, sqlx::Error> {
    let (schema, name): (String, String) = (row.try_get(at)?, row.try_get(at + 1)?);
    Ok(Name::within(schema, name))
}

fn count(row: &PgRow, at: usize) -> Result<Option<u64>, sqlx::Error> {
    let count: Option<i64> = row.try_get(at)?;
    Ok(count.and_then(|count| u64::try_from(count).ok()))
}

fn relation(row: &PgRow) -> Result<Relation, sqlx::Error> {
    let default: (Option<String>, Option<String>) = (row.try_get(7)?, row.try_get(8)?);
    let kind: String = row.try_get(9)?;
    let (of, columns): (Vec<String>, Vec<String>) = (row.try_get(13)?, row.try_get(14)?);
    let indexed = of.into_iter().zip(columns);
    Ok(Relation {
        kind: match kind.as_str() {
            "v" => Kind::View,
            "m" => Kind::MaterializedView,
            _ => Kind::Table,
        },
        rows: count(row, 3)?,
        bytes: count(row, 4)?,
        partitioned: row.try_get(5)?,
        indexes: row.try_get(6)?,
        default_partition: default
            .0
            .zip(default.1)
            .map(|(schema, name)| Name::within(schema, name)),
        partition: row.try_get(10)?,
        unlogged: row.try_get(11)?,
        computed: row.try_get(12)?,
        indexed: indexed.into_iter().map(|(index, column)| Indexed { index, column }).collect(),
        ..Relation::named(name(row, 1)?)
    })
}

fn column(row: &PgRow) -> Result<ColumnFact, sqlx::Error> {
    let kind: String = row.try_get(2)?;
    Ok(ColumnFact {
        name: row.try_get(1)?,
        kind: Type::parse(&kind),
        not_null: row.try_get(3)?,
        collation: row.try_get(4)?,
    })
}

fn check(row: &PgRow) -> Result<Check, sqlx::Error> {
    let tree: Option<String> = row.try_get(3)?;
    let (numbers, names): (Vec<i32>, Vec<String>) = (row.try_get(4)?, row.try_get(5)?);
    let proven = nodes::not_null(tree.as_deref().unwrap_or_default());
    let proven = numbers.iter().zip(&names).filter(|(number, _)| proven.contains(number));
    let parts: Vec<String> =
        proven.map(|(_, name)| format!("{} IS NOT NULL", quote(name))).collect();
    let expression = if parts.is_empty() { "?".to_owned() } else { parts.join(" AND ") };
    Ok(Check { name: row.try_get(1)?, expression, valid: row.try_get(2)? })
}

fn foreign_key(row: &PgRow) -> Result<ForeignKey, sqlx::Error> {
    Ok(ForeignKey {
        name: row.try_get(1)?,
        columns: row.try_get(2)?,
        references: name(row, 3)?,
        referenced: row.try_get(5)?,
        valid: row.try_get(6)?,
    })
}

fn kind(row: &PgRow, catalog: &mut Catalog) -> Result<(), sqlx::Error> {
    let name = name(row, 0)?;
    if row.try_get(2)? {
        catalog.enums.push(name);
        return Ok(());
    }
    let base: Option<String> = row.try_get(3)?;
    catalog.domains.push(Domain {
        name,
        base: base.as_deref().map(Type::parse),
        constrained: row.try_get(4)?,
    });
    Ok(())
}
