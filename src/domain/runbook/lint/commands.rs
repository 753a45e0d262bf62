//! Commands that are known to do something else than what they are written for, with the form
//! that does it. Each was measured on PostgreSQL 15 with the tools of 15 to 18.

use super::super::Runbook;
use super::Finding;

/// A command that is known to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// A short name of it.
    pub name: &'static str,
    /// What happens.
    pub happens: &'static str,
    /// What is done in its place.
    pub instead: &'static str,
}

/// Returns the commands and the SQL that are known to be wrong.
pub(super) fn findings(book: &Runbook) -> Vec<Finding> {
    let lines = book.command_lines();
    let lines = lines
        .iter()
        .filter_map(|(place, line)| Some((place.clone(), of_line(line)?, Some(line.clone()))));
    let sql = book.sql();
    let sql = sql.iter().filter_map(|one| Some((one.place.clone(), of_sql(one.sql)?, None)));
    lines
        .chain(sql)
        .map(|(place, known, near)| {
            let what = format!("{}: {}", known.name, known.happens);
            let finding = Finding::bad("known_wrong", place, what);
            Finding { near, ..finding.meaning(Some(known.instead.to_owned())) }
        })
        .collect()
}

/// A command line, taken apart.
struct Line<'a> {
    text: &'a str,
    words: Vec<&'a str>,
}

impl<'a> Line<'a> {
    fn of(text: &'a str) -> Self {
        let trimmed = |word: &'a str| word.trim_matches(['"', '\'', ';', '(', ')']);
        Self { text, words: text.split_whitespace().map(trimmed).collect() }
    }

    /// It runs this program: at its beginning, behind a pipe, or behind what stands before.
    fn runs(&self, program: &str) -> bool {
        let prefixed = ["$", "&&", "|", ";", "-T", "db", "poetry", "run", "exec", "sudo"];
        self.words.iter().enumerate().any(|(at, word)| {
            let before = at.checked_sub(1).map(|at| self.words[at]);
            *word == program && before.is_none_or(|it| prefixed.contains(&it) || it.contains('='))
        })
    }

    fn has(&self, word: &str) -> bool {
        self.words.contains(&word)
    }

    /// An option in its long form, with or without a value, or in its short one.
    fn option(&self, long: &str, short: &str) -> bool {
        self.words.iter().any(|word| {
            let is_long = word
                .strip_prefix(long)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('='));
            let letter = short.trim_start_matches('-');
            let is_short = word.starts_with('-') && !word.starts_with("--");
            is_long
                || (!short.is_empty()
                    && is_short
                    && (word.starts_with(short)
                        || (word.len() > 2
                            && word[1..].chars().all(char::is_alphabetic)
                            && word.contains(letter))))
        })
    }

    fn ends_with(&self, suffix: &str) -> bool {
        self.words.iter().any(|word| word.ends_with(suffix))
    }

    fn holds(&self, part: &str) -> bool {
        self.text.contains(part)
    }
}

type Rule = (fn(&Line<'_>) -> bool, Known);

const fn known(name: &'static str, happens: &'static str, instead: &'static str) -> Known {
    Known { name, happens, instead }
}

/// The first that fits counts: the more special ones come first.
const LINES: &[Rule] = &[
    (
        |l| l.runs("pg_restore") && l.option("--data-only", "-a") && l.option("--clean", "-c"),
        known(
            "pg_restore --data-only --clean",
            "pg_restore refuses the two together",
            "lockkeeper restore-table stage, diff and merge",
        ),
    ),
    (
        |l| l.runs("pg_restore") && l.option("--create", "-C") && l.option("--clean", "-c"),
        known(
            "pg_restore -C -c",
            "while a session is connected the old database stays, and the load goes into it",
            "lockkeeper restore: a new database that is swapped in",
        ),
    ),
    (
        |l| l.runs("pg_restore") && l.option("--clean", "-c") && l.option("--table", "-t"),
        known(
            "pg_restore --clean --table",
            "it ends with 0, and the table's primary key, foreign keys and defaults are gone",
            "lockkeeper restore-table stage, diff and merge",
        ),
    ),
    (
        |l| l.runs("pg_restore") && (l.ends_with(".sql") || l.holds(".sql ")),
        known(
            "pg_restore of a .sql file",
            "pg_restore refuses a plain script",
            "lockkeeper verify FILE tells what it is; psql -X -v ON_ERROR_STOP=1 -1 -f FILE into an empty database",
        ),
    ),
    (
        |l| l.runs("pg_restore") && l.option("--list", "-l") && !l.option("--use-list", "-L"),
        known(
            "pg_restore --list as a proof",
            "the list is at the front of the file: it reads well from a file that was cut",
            "lockkeeper verify FILE --level L3, or the act verify_backup",
        ),
    ),
    (
        |l| l.runs("pg_restore") && l.option("--clean", "-c"),
        known(
            "pg_restore --clean in place",
            "a truncated archive leaves tables empty and keys gone; readers see empty tables meanwhile; rows of a table that came later stay",
            "lockkeeper restore: proven first, loaded into a new database, then swapped",
        ),
    ),
    (
        |l| l.runs("pg_restore") && l.option("--table", "-t") && !l.has("--strict-names"),
        known(
            "pg_restore -t",
            "a name that nothing has ends with 0 and restores nothing",
            "pg_restore --strict-names -n SCHEMA -t TABLE, or lockkeeper restore-table",
        ),
    ),
    (
        |l| {
            l.runs("pg_restore") && l.option("--dbname", "-d") && !l.option("--exit-on-error", "-e")
        },
        known(
            "pg_restore -d",
            "into a database that is not empty it goes on after each error, and a table without a key gets its rows twice",
            "lockkeeper restore; or --exit-on-error into an empty database",
        ),
    ),
    (
        |l| l.runs("psql") && (l.has("<") || l.option("--file", "-f")) && !l.holds("ON_ERROR_STOP"),
        known(
            "psql < dump",
            "psql ends with 0 after any number of errors",
            "psql -X -v ON_ERROR_STOP=1 -1 -f FILE into an empty database, after lockkeeper verify FILE",
        ),
    ),
    (
        |l| l.runs("pg_dump") && (l.has(">") || l.holds("> ")),
        known(
            "pg_dump > FILE",
            "the shell makes the file first and keeps half of it when pg_dump dies",
            "lockkeeper backup, or the act backup: named only when it is whole",
        ),
    ),
    (
        |l| l.runs("pg_dump") && l.option("--table", "-t"),
        known(
            "pg_dump --table",
            "it lacks the types and the tables that the table refers to, so it does not load alone",
            "lockkeeper backup --table TABLE, which is labelled data only; keep a full one beside it",
        ),
    ),
    (
        |l| {
            (l.runs("pg_dump") || l.runs("pg_restore") || l.runs("psql"))
                && (l.holds("DATABASE_URL")
                    || l.holds("postgres://")
                    || l.holds("postgresql://")
                    || l.holds("postgresql+"))
        },
        known(
            "an address in the arguments",
            "its password stands in ps for everybody; and an address of SQLAlchemy (postgresql+asyncpg://) is taken for a database's name",
            "PGHOST, PGDATABASE, PGUSER and .pgpass, or --target of lockkeeper.toml",
        ),
    ),
    (
        |l| l.holds("\\copy") && l.holds("CSV"),
        known(
            "\\copy one table after the other",
            "each sees another moment: rows that belong together need not fit",
            "lockkeeper backup --csv TABLE --csv TABLE: one snapshot",
        ),
    ),
    (
        |l| l.runs("docker") && l.has("volume") && l.has("rm"),
        known(
            "docker volume rm before a restore",
            "the data is gone before anybody knows that the backup is good",
            "lockkeeper verify first; a new volume beside the old one; poll pg_isready",
        ),
    ),
    (
        |l| l.words.first() == Some(&"ls") && (l.ends_with(".sql") || l.ends_with(".dump")),
        known(
            "the size of a backup as a proof",
            "a dump that was killed can be of any size",
            "lockkeeper verify FILE",
        ),
    ),
    (
        |l| l.runs("alembic") && l.has("upgrade") && l.has("--sql") && l.has("head"),
        known(
            "alembic upgrade head --sql",
            "without the current revision it prints everything from the first migration on",
            "lockkeeper status: previews from where the database is",
        ),
    ),
    (
        |l| l.runs("alembic") && l.has("downgrade") && l.words.iter().any(|word| is_step(word)),
        known(
            "alembic downgrade by a number",
            "it counts from wherever the database happens to be",
            "lockkeeper down, or the act migrate: by name, behind its gates",
        ),
    ),
];

fn is_step(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Returns the known wrong command that a line is.
#[must_use]
pub fn of_line(line: &str) -> Option<Known> {
    let parsed = Line::of(line);
    let found = LINES.iter().find(|(fits, _)| fits(&parsed)).map(|(_, known)| *known);
    let asks = parsed.runs("psql") && (parsed.has("-c") || parsed.has("--command"));
    found.or_else(|| if asks { of_sql(line) } else { None })
}

type Query = (fn(&str) -> bool, Known);

const QUERIES: &[Query] = &[
    (
        |sql| sql.contains("pg_stat_user_") && has_word(sql, "tablename"),
        known(
            "tablename in pg_stat_user_tables and pg_stat_user_indexes",
            "there is no such column",
            "relname, and indexrelname for the index",
        ),
    ),
    (
        |sql| sql.contains("pg_stat_user_indexes") && has_word(sql, "indexname"),
        known("indexname in pg_stat_user_indexes", "there is no such column", "indexrelname"),
    ),
    (
        |sql| sql.contains("pg_depend") && sql.contains("::regclass") && !sql.contains("refobjid"),
        known(
            "pg_depend by objid",
            "'table.column'::regclass is read as a table of a schema of that name",
            "refobjid = 'public.users'::regclass and refobjsubid = the column's attnum",
        ),
    ),
    (
        |sql| sql.contains("add column") && sql.contains("concurrently"),
        known(
            "ADD COLUMN CONCURRENTLY",
            "there is no such syntax",
            "SET lock_timeout, and a column that is nullable or has a constant default",
        ),
    ),
    (
        |sql| sql.contains("pg_terminate_backend") && sql.contains("pg_stat_activity"),
        known(
            "pg_terminate_backend over pg_stat_activity",
            "it ends the migration and its victims, not the idle session that blocks them",
            "the root of the lock tree: the panel Locks, lockkeeper terminate PID",
        ),
    ),
    (
        |sql| sql.contains("pg_locks") && sql.contains("blocking_locks"),
        known(
            "pg_locks joined with itself",
            "sessions that only wait appear as blocking each other",
            "pg_blocking_pids(pid), or the panel Locks",
        ),
    ),
    (
        |sql| sql.contains("pg_locks") && sql.contains("not granted") && !sql.contains("count("),
        known(
            "pg_locks WHERE NOT granted",
            "it lists the victims and none of the blockers",
            "the builtin blocked_sessions, and the panel Locks",
        ),
    ),
    (
        |sql| {
            sql.contains("query_start")
                && sql.contains("interval")
                && sql.contains("pg_stat_activity")
        },
        known(
            "old queries of pg_stat_activity",
            "the age of the transaction counts: an idle one blocks too",
            "the builtin long_transactions",
        ),
    ),
    (
        |sql| sql.contains("truncate") && sql.contains("cascade"),
        known(
            "TRUNCATE … CASCADE",
            "it empties every table that refers to it, and theirs",
            "lockkeeper restore-table replace",
        ),
    ),
    (
        |sql| sql.contains("session_replication_role"),
        known(
            "session_replication_role = replica",
            "it leaves rows behind whose key points to nothing, under a key that is marked valid",
            "lockkeeper restore-table merge or replace",
        ),
    ),
];

/// Returns the known wrong query that a text holds.
#[must_use]
pub fn of_sql(sql: &str) -> Option<Known> {
    let sql = sql.to_lowercase();
    QUERIES.iter().find(|(fits, _)| fits(&sql)).map(|(_, known)| *known)
}

fn has_word(sql: &str, word: &str) -> bool {
    sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|one| one == word)
}
