//! What belongs to a database and is in no dump of it.

use super::{literal, quoted};

/// How a database is made, and what is set for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    /// Its owner.
    pub owner: String,
    /// The encoding's name.
    pub encoding: String,
    /// `LC_COLLATE`.
    pub collate: String,
    /// `LC_CTYPE`.
    pub ctype: String,
    /// `datlocprovider` of 15 and later: `c`, `i` or `b`.
    pub provider: Option<String>,
    /// The locale of ICU or of the built-in provider.
    pub locale: Option<String>,
    /// ICU's rules (16 and later).
    pub rules: Option<String>,
    /// The tablespace.
    pub tablespace: String,
    /// `datconnlimit`; -1: none.
    pub connections: i32,
    /// `datistemplate`.
    pub is_template: bool,
    /// Its comment.
    pub comment: Option<String>,
    /// Who may do what there; `None`: what is so by default.
    pub grants: Option<Vec<Grant>>,
    /// ALTER DATABASE SET, and ALTER ROLE IN DATABASE SET.
    pub settings: Vec<Setting>,
}

/// One privilege on a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The role; `None`: PUBLIC.
    pub role: Option<String>,
    /// `CONNECT`, `CREATE`, `TEMPORARY`.
    pub privilege: String,
    /// WITH GRANT OPTION.
    pub grantable: bool,
}

/// One setting of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The role that it is for; `None`: all.
    pub role: Option<String>,
    /// `NAME=VALUE`, as `pg_db_role_setting` has it.
    pub text: String,
}

/// Settings that are lists of quoted names: their value is kept as it would be typed
/// (`variable_is_guc_list_quote` of PostgreSQL's `dumputils.c`).
const LISTS: [&str; 6] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

impl Properties {
    /// Returns the statement that makes an empty database of the same kind.
    #[must_use]
    pub fn create(&self, name: &str) -> String {
        let mut sql = format!(
            "CREATE DATABASE {} TEMPLATE template0 OWNER {} ENCODING {} LC_COLLATE {} LC_CTYPE {}",
            quoted(name),
            quoted(&self.owner),
            literal(&self.encoding),
            literal(&self.collate),
            literal(&self.ctype)
        );
        match (self.provider.as_deref(), &self.locale) {
            (Some("i"), Some(locale)) => {
                sql += " LOCALE_PROVIDER icu ICU_LOCALE ";
                sql += &literal(locale);
                if let Some(rules) = &self.rules {
                    sql += " ICU_RULES ";
                    sql += &literal(rules);
                }
            }
            (Some("b"), Some(locale)) => {
                sql += " LOCALE_PROVIDER builtin BUILTIN_LOCALE ";
                sql += &literal(locale);
            }
            // Where it is not named, the template's is taken, which may be another one.
            (Some("c"), _) => sql += " LOCALE_PROVIDER libc",
            _ => {}
        }
        // Named explicitly, even this one asks for a right on it that few roles have.
        if self.tablespace != "pg_default" {
            sql += " TABLESPACE ";
            sql += &quoted(&self.tablespace);
        }
        sql
    }

    /// Returns the statements that give the database `name` the same properties; its comment is
    /// given by the swap.
    #[must_use]
    pub fn copy_to(&self, name: &str) -> Vec<String> {
        let name = quoted(name);
        let mut sql = vec![format!("ALTER DATABASE {name} CONNECTION LIMIT {}", self.connections)];
        if self.is_template {
            sql.push(format!("ALTER DATABASE {name} IS_TEMPLATE true"));
        }
        if let Some(grants) = &self.grants {
            sql.push(format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC"));
            sql.push(format!("REVOKE ALL ON DATABASE {name} FROM {}", quoted(&self.owner)));
            sql.extend(grants.iter().map(|grant| grant.sql(&name)));
        }
        sql.extend(self.settings.iter().filter_map(|setting| setting.sql(&name)));
        sql
    }
}

impl Grant {
    fn sql(&self, database: &str) -> String {
        let role = self.role.as_deref().map_or_else(|| "PUBLIC".to_owned(), quoted);
        let option = if self.grantable { " WITH GRANT OPTION" } else { "" };
        format!("GRANT {} ON DATABASE {database} TO {role}{option}", self.privilege)
    }
}

impl Setting {
    fn sql(&self, database: &str) -> Option<String> {
        let (name, value) = self.text.split_once('=')?;
        let whose = match &self.role {
            Some(role) => format!("ALTER ROLE {} IN DATABASE {database}", quoted(role)),
            None => format!("ALTER DATABASE {database}"),
        };
        let value = match LISTS.contains(&name.to_ascii_lowercase().as_str()) {
            true => names(value).iter().map(|one| literal(one)).collect::<Vec<_>>().join(", "),
            false => literal(value),
        };
        // A name may have a prefix of its extension: each part is one identifier.
        let name = name.split('.').map(quoted).collect::<Vec<_>>().join(".");
        let value = if value.is_empty() { literal("") } else { value };
        Some(format!("{whose} SET {name} TO {value}"))
    }
}

/// Splits a list of names as the server keeps it: `"$user", public`.
fn names(list: &str) -> Vec<String> {
    let (mut all, mut one, mut inside) = (Vec::new(), String::new(), false);
    let mut chars = list.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if inside && chars.peek() == Some(&'"') => {
                chars.next();
                one.push('"');
            }
            '"' => inside = !inside,
            ',' if !inside => all.push(std::mem::take(&mut one)),
            c if c.is_whitespace() && !inside => {}
            c => one.push(c),
        }
    }
    if !one.is_empty() || !all.is_empty() {
        all.push(one);
    }
    all
}
