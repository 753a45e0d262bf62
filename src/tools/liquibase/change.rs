//! One change of XML as the SQL that Liquibase 4 makes of it for PostgreSQL.

use roxmltree::Node;

use crate::domain::change::{Name, quote};
use crate::tools::literal;

/// What a change is.
pub(super) enum Written {
    Known {
        up: Vec<String>,
        /// What takes it back by itself; `None`: Liquibase refuses.
        down: Option<Vec<String>>,
    },
    Unknown(String),
}

/// Returns how Liquibase calls a change when it has no inverse.
pub(super) fn class(node: Node) -> String {
    let name = node.tag_name().name();
    if name == "sql" {
        return "RawSQLChange".to_owned();
    }
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    format!("{}{}Change", first.into_iter().collect::<String>(), letters.as_str())
}

/// Returns the SQL of a change and of its inverse.
pub(super) fn write(node: Node) -> Written {
    let own = Own { node };
    let written = own.table_change().or_else(|| own.column_change()).or_else(|| own.rule_change());
    let name = node.tag_name().name();
    match written.or_else(|| own.other()) {
        Some((up, down)) => Written::Known { up, down },
        None => Written::Unknown(format!("{name} is a change that is not read here")),
    }
}

/// The way up, and what takes it back.
type Ways = (Vec<String>, Option<Vec<String>>);

#[expect(clippy::unnecessary_wraps, reason = "the shape in which ways are chosen")]
fn both(up: String, down: String) -> Option<Ways> {
    Some((vec![up], Some(vec![down])))
}

#[expect(clippy::unnecessary_wraps, reason = "the shape in which ways are chosen")]
fn only(up: String) -> Option<Ways> {
    Some((vec![up], None))
}

#[derive(Clone, Copy)]
struct Own<'a, 'i> {
    node: Node<'a, 'i>,
}

impl Own<'_, '_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.node.attribute(name)
    }

    fn quoted(&self, name: &str) -> Option<String> {
        self.get(name).map(quote)
    }

    fn named(&self, schema: &str, name: &str) -> Option<String> {
        let schema = self.get(schema).map(str::to_owned);
        Some(Name { schema, name: self.get(name)?.to_owned() }.quoted())
    }

    fn table(&self) -> Option<String> {
        self.named("schemaName", "tableName")
    }

    /// Returns a list of names that commas part.
    fn list(&self, name: &str) -> Option<String> {
        let names = self.get(name)?.split(',').map(|name| quote(name.trim()));
        Some(names.collect::<Vec<_>>().join(", "))
    }

    fn alter(&self, action: &str) -> Option<String> {
        Some(format!("ALTER TABLE {} {action}", self.table()?))
    }

    fn columns(&self) -> Vec<Node<'_, '_>> {
        let is_column = |node: &Node| node.is_element() && node.tag_name().name() == "column";
        self.node.children().filter(is_column).collect()
    }

    fn table_change(&self) -> Option<Ways> {
        let table = || self.table();
        match self.node.tag_name().name() {
            "createTable" => {
                let parts = self.columns().into_iter().map(column).collect::<Option<Vec<_>>>()?;
                let create = format!("CREATE TABLE {} ({})", table()?, parts.join(", "));
                both(create, format!("DROP TABLE {}", table()?))
            }
            "dropTable" => {
                let cascade =
                    if self.get("cascadeConstraints") == Some("true") { " CASCADE" } else { "" };
                only(format!("DROP TABLE {}{cascade}", table()?))
            }
            "renameTable" => {
                let old = self.named("schemaName", "oldTableName")?;
                let new = self.named("schemaName", "newTableName")?;
                let to = |from: &str, name: &str| {
                    Some(format!("ALTER TABLE {from} RENAME TO {}", self.quoted(name)?))
                };
                both(to(&old, "newTableName")?, to(&new, "oldTableName")?)
            }
            _ => None,
        }
    }

    fn column_change(&self) -> Option<Ways> {
        let name = || self.quoted("columnName");
        let of = |action: &str| self.alter(&format!("ALTER COLUMN {} {action}", name()?));
        match self.node.tag_name().name() {
            "addColumn" => {
                let columns = self.columns();
                let add = |node: &Node| self.alter(&format!("ADD COLUMN {}", column(*node)?));
                let drop = |node: &Node| {
                    self.alter(&format!("DROP COLUMN {}", quote(node.attribute("name")?)))
                };
                let up = columns.iter().map(add).collect::<Option<Vec<_>>>()?;
                Some((up, columns.iter().rev().map(drop).collect()))
            }
            "dropColumn" => {
                let mut names: Vec<String> =
                    self.get("columnName").map(quote).into_iter().collect();
                let columns = self.columns();
                names.extend(columns.iter().filter_map(|node| node.attribute("name").map(quote)));
                let drop = |name: &String| self.alter(&format!("DROP COLUMN {name}"));
                Some((names.iter().map(drop).collect::<Option<Vec<_>>>()?, None))
            }
            "renameColumn" => {
                let (old, new) = (self.quoted("oldColumnName")?, self.quoted("newColumnName")?);
                both(
                    self.alter(&format!("RENAME COLUMN {old} TO {new}"))?,
                    self.alter(&format!("RENAME COLUMN {new} TO {old}"))?,
                )
            }
            "modifyDataType" => {
                let kind = kind(self.get("newDataType")?)?;
                only(of(&format!("TYPE {kind} USING ({}::{kind})", name()?))?)
            }
            "addDefaultValue" => {
                let value = default(self.node)?;
                both(of(&format!("SET DEFAULT {value}"))?, of("DROP DEFAULT")?)
            }
            "dropDefaultValue" => only(of("DROP DEFAULT")?),
            // With a value for those that are NULL it is two statements.
            "addNotNullConstraint" if self.get("defaultNullValue").is_none() => {
                both(of("SET NOT NULL")?, of("DROP NOT NULL")?)
            }
            "dropNotNullConstraint" => both(of("DROP NOT NULL")?, of("SET NOT NULL")?),
            _ => None,
        }
    }

    fn rule_change(&self) -> Option<Ways> {
        let rule = || self.quoted("constraintName");
        let add = |what: &str| self.alter(&format!("ADD CONSTRAINT {} {what}", rule()?));
        let drop = || self.alter(&format!("DROP CONSTRAINT {}", rule()?));
        match self.node.tag_name().name() {
            "addUniqueConstraint" => {
                both(add(&format!("UNIQUE ({})", self.list("columnNames")?))?, drop()?)
            }
            "addPrimaryKey" => {
                both(add(&format!("PRIMARY KEY ({})", self.list("columnNames")?))?, drop()?)
            }
            "addForeignKeyConstraint" => self.foreign_key(),
            "dropUniqueConstraint" | "dropPrimaryKey" => only(drop()?),
            "dropForeignKeyConstraint" => {
                let table = self.named("baseTableSchemaName", "baseTableName")?;
                only(format!("ALTER TABLE {table} DROP CONSTRAINT {}", rule()?))
            }
            _ => None,
        }
    }

    fn foreign_key(&self) -> Option<Ways> {
        let table = self.named("baseTableSchemaName", "baseTableName")?;
        let to = self.named("referencedTableSchemaName", "referencedTableName")?;
        let name = self.quoted("constraintName")?;
        let action = |word: &str, name: &str| {
            self.get(name).map(|what| format!(" ON {word} {what}")).unwrap_or_default()
        };
        let (base, other) = (self.list("baseColumnNames")?, self.list("referencedColumnNames")?);
        let actions = action("DELETE", "onDelete") + &action("UPDATE", "onUpdate");
        let key = format!("FOREIGN KEY ({base}) REFERENCES {to} ({other}){actions}");
        both(
            format!("ALTER TABLE {table} ADD CONSTRAINT {name} {key}"),
            format!("ALTER TABLE {table} DROP CONSTRAINT {name}"),
        )
    }

    fn other(&self) -> Option<Ways> {
        match self.node.tag_name().name() {
            "createIndex" => {
                let name = self.quoted("indexName")?;
                let unique = if self.get("unique") == Some("true") { "UNIQUE " } else { "" };
                let columns = self.columns();
                let columns = columns.iter().map(|node| node.attribute("name").map(quote));
                let columns = columns.collect::<Option<Vec<_>>>()?.join(", ");
                let dropped = self.named("schemaName", "indexName")?;
                both(
                    format!("CREATE {unique}INDEX {name} ON {} ({columns})", self.table()?),
                    format!("DROP INDEX {dropped}"),
                )
            }
            "dropIndex" => only(format!("DROP INDEX {}", self.named("schemaName", "indexName")?)),
            "createSequence" => {
                let name = self.named("schemaName", "sequenceName")?;
                both(format!("CREATE SEQUENCE {name}"), format!("DROP SEQUENCE {name}"))
            }
            "dropSequence" => {
                only(format!("DROP SEQUENCE {}", self.named("schemaName", "sequenceName")?))
            }
            "sql" => only(self.node.text().unwrap_or_default().to_owned()),
            // It is taken back by nothing, which succeeds.
            "tagDatabase" | "empty" | "output" => Some((Vec::new(), Some(Vec::new()))),
            _ => None,
        }
    }
}

/// Returns a column as it is defined; `None`: something of it is not known.
fn column(node: Node) -> Option<String> {
    let mut sql = format!("{} {}", quote(node.attribute("name")?), kind(node.attribute("type")?)?);
    if node.attribute("autoIncrement") == Some("true") {
        sql.push_str(" GENERATED BY DEFAULT AS IDENTITY");
    }
    if node.attributes().any(|attribute| attribute.name().starts_with("defaultValue")) {
        sql = format!("{sql} DEFAULT {}", default(node)?);
    }
    let rules = node.children().find(|child| child.tag_name().name() == "constraints");
    let Some(rules) = rules else { return Some(sql) };
    for rule in rules.attributes() {
        match (rule.name(), rule.value()) {
            ("nullable", "false") => sql.push_str(" NOT NULL"),
            ("primaryKey", "true") => sql.push_str(" PRIMARY KEY"),
            ("unique", "true") => sql.push_str(" UNIQUE"),
            ("references", to) => sql = format!("{sql} REFERENCES {to}"),
            ("nullable" | "primaryKey" | "unique" | "deleteCascade", _) => {}
            (name, _) if name.ends_with("Name") => {}
            _ => return None,
        }
    }
    Some(sql)
}

fn default(node: Node) -> Option<String> {
    let value = |name: &str| node.attribute(name).map(str::to_owned);
    value("defaultValueNumeric")
        .or_else(|| value("defaultValueBoolean"))
        .or_else(|| value("defaultValueComputed"))
        .or_else(|| node.attribute("defaultValue").map(literal))
        .or_else(|| node.attribute("defaultValueDate").map(literal))
}

/// Returns the type that Liquibase makes of one for PostgreSQL; `None`: it is not known.
fn kind(text: &str) -> Option<String> {
    let lowered = text.trim().to_lowercase();
    let (name, size) = lowered
        .split_once('(')
        .map_or((lowered.as_str(), None), |(name, size)| (name.trim(), Some(format!("({size}"))));
    let name = match name {
        _ if name.contains(['.', '$']) => return None,
        "clob" | "longtext" | "mediumtext" => return Some("text".to_owned()),
        "blob" => return Some("oid".to_owned()),
        "datetime" => return Some("timestamp without time zone".to_owned()),
        "double" => return Some("double precision".to_owned()),
        "tinyint" => return Some("smallint".to_owned()),
        "nvarchar" | "java.sql.types.varchar" => "varchar",
        "currency" => return Some("decimal".to_owned()),
        name => name,
    };
    Some(format!("{name}{}", size.unwrap_or_default()))
}
