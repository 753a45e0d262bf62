//! The linter: ways without end, contradictions of policy, commands known to be wrong.

use std::collections::BTreeMap;
use std::path::Path;

use lockkeeper::domain::config::{Config, Contact};
use lockkeeper::domain::runbook::lint::{Around, commands};
use lockkeeper::io::runbook::{self, Places};
use lockkeeper::source;

use crate::support::cases;

/// Lints a runbook of a test, with the shipped ones around it; a line each, as they are printed.
fn lint(text: &str, config: &Config) -> Vec<String> {
    let path = Path::new("r.toml");
    let book = runbook::parse(path, text).unwrap_or_else(|problems| panic!("{problems:?}"));
    let named = runbook::names(&Places::default()).into_iter();
    let books: BTreeMap<_, _> = named
        .map(|name| {
            let found = runbook::find(&name, &Places::default()).expect("shipped").runbook;
            (name, found)
        })
        .collect();
    let mut findings = book.lint(Around { config, books: &books });
    findings.extend(source::runbook::sql(&book));
    let located = runbook::locate(path, text, findings).into_iter();
    located.map(|one| format!("[{}] {}", one.rule, one.problem)).collect()
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_was_meant() {
    for case in cases::read(include_str!("../../samples/files/lint_runbooks.txt")) {
        assert_eq!(lint(case.text, &Config::default()), case.expected, "of:\n{}", case.text);
    }
}

#[test]
fn the_shipped_runbooks_are_without_a_finding() {
    let files = ["migrate", "rollback", "backup", "rehearsal", "validate", "incident"];
    for name in files {
        let loaded = runbook::find(name, &Places::default()).expect("shipped");
        assert_eq!(lint(&loaded.text, &Config::default()), [""; 0], "{name}");
    }
}

#[test]
fn a_contact_is_missing_until_its_blank_is_filled_in() {
    let text = "schema = 1\nid = \"r\"\ntitle = \"R\"\n[[section]]\nid = \"one\"\ntitle = \"One\"\n\
        [[section.step]]\nid = \"a\"\nkind = \"notice\"\ntitle = \"A\"\ntext = \"t\"\n\
        contacts = [\"db_owner\"]\nlinks = [\"Dashboard\", \"*\"]\n";
    let mut config = Config::default();
    let found = lint(text, &config);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("[blank] r.toml:12: `section.step.contacts`: nobody is named"));
    config.links.insert("Dashboard".into(), "https://dash.internal/d/db".into());
    let blank = Contact { name: "…".into(), reach: "…".into() };
    config.contacts.insert("db_owner".into(), blank);
    assert!(lint(text, &config)[0].contains("was never filled in"));
    let filled = Contact { name: "Kim".into(), reach: "#db".into() };
    config.contacts.insert("db_owner".into(), filled);
    assert_eq!(lint(text, &config), [""; 0]);
}

/// The source documents' commands that were measured to fail, each with its name here.
const WRONG: [(&str, &str); 26] = [
    (
        "pg_restore --dbname=shop --table=t --data-only --clean x.dump",
        "pg_restore --data-only --clean",
    ),
    ("pg_restore -C -c -d postgres x.dump", "pg_restore -C -c"),
    ("pg_restore --list x.dump > /dev/null && echo verified", "pg_restore --list as a proof"),
    ("pg_restore --clean --if-exists --dbname=shop x.dump", "pg_restore --clean in place"),
    ("pg_restore --clean --table=t -d shop x.dump", "pg_restore --clean --table"),
    ("pg_restore -d shop x.dump", "pg_restore -d"),
    ("pg_restore -t t backup.sql", "pg_restore of a .sql file"),
    ("pg_restore --list manual_backup.sql", "pg_restore of a .sql file"),
    ("pg_restore --exit-on-error -t t -d scratch x.dump", "pg_restore -t"),
    ("psql shop < backup.sql", "psql < dump"),
    ("psql -f backup.sql shop", "psql < dump"),
    ("pg_dump shop > backup.sql", "pg_dump > FILE"),
    ("docker-compose exec -T db pg_dump -U me -d shop --format=custom > x.dump", "pg_dump > FILE"),
    ("pg_dump -Fc --table=expenses --file=t.dump shop", "pg_dump --table"),
    ("pg_dump $DATABASE_URL -Fc -f x.dump", "an address in the arguments"),
    ("psql $DATABASE_URL -c \"\\copy users TO 'u.csv' CSV HEADER\"", "an address in the arguments"),
    ("docker volume rm shop_postgres_data", "docker volume rm before a restore"),
    ("ls -lh backup_prod.sql", "the size of a backup as a proof"),
    ("poetry run alembic upgrade head --sql", "alembic upgrade head --sql"),
    ("alembic downgrade -1", "alembic downgrade by a number"),
    (
        "psql -c \"SELECT tablename, n_live_tup FROM pg_stat_user_tables\"",
        "tablename in pg_stat_user_tables and pg_stat_user_indexes",
    ),
    (
        "psql -c \"SELECT * FROM pg_depend WHERE objid = 'users.email'::regclass\"",
        "pg_depend by objid",
    ),
    ("psql -c \"ALTER TABLE big ADD COLUMN CONCURRENTLY c int\"", "ADD COLUMN CONCURRENTLY"),
    (
        "psql -c \"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'active'\"",
        "pg_terminate_backend over pg_stat_activity",
    ),
    ("psql -c \"TRUNCATE users CASCADE\"", "TRUNCATE … CASCADE"),
    (
        "psql -c \"SELECT relation::regclass, mode, granted FROM pg_locks WHERE NOT granted\"",
        "pg_locks WHERE NOT granted",
    ),
];

/// Their right forms, and lines that only speak of such commands.
const RIGHT: [&str; 9] = [
    "pg_restore -j 4 --exit-on-error -d shop_restore x.dump",
    "pg_restore --exit-on-error --strict-names -n public -t t -d scratch x.dump",
    "psql -X -v ON_ERROR_STOP=1 -1 -f backup.sql shop_new",
    "pg_dump -Fc -Z1 -f x.dump",
    "lockkeeper verify x.dump --level L3",
    "lockkeeper restore-table stage TABLE BACKUP",
    "Never pg_restore --clean: it leaves tables empty.",
    "psql -c \"select relname, n_live_tup from pg_stat_user_tables\"",
    "docker compose port db 5432",
];

#[test]
fn each_command_that_was_measured_to_fail_is_known_by_its_name_and_its_right_form_is_not() {
    for (line, name) in WRONG {
        let found = commands::of_line(line);
        assert_eq!(found.map(|known| known.name), Some(name), "{line}");
        assert!(found.is_some_and(|known| !known.instead.is_empty() && !known.happens.is_empty()));
    }
    for line in RIGHT {
        assert_eq!(commands::of_line(line), None, "{line}");
    }
}
