//! Hazards against what PostgreSQL was measured to do.

use std::collections::{BTreeMap, BTreeSet};

use lockkeeper::domain::change::Change;
use lockkeeper::domain::hazard::{Answer, Catalog, Hazard, Severity, Transactions, classify};
use lockkeeper::domain::locks::Mode;
use lockkeeper::source::sql::compile;

const SETUP: &str = include_str!("../tools/samples/locks/setup.sql");
const STATEMENTS: &str = include_str!("../tools/samples/locks/statements.tsv");
const MEASURED: [(u32, &str); 4] = [
    (130_023, include_str!("../tools/samples/locks/pg13.tsv")),
    (150_020, include_str!("../tools/samples/locks/pg15.tsv")),
    (170_000, include_str!("../tools/samples/locks/pg17.tsv")),
    (180_004, include_str!("../tools/samples/locks/pg18.tsv")),
];

/// The schema of the measurements, as a live catalog would give it.
fn schema(version_num: u32) -> Catalog {
    let mut catalog =
        Catalog { complete: true, version_num: Some(version_num), ..Catalog::default() };
    for statement in compile(SETUP).statements {
        for change in &statement.changes {
            catalog.advance(change);
        }
    }
    catalog.settle();
    catalog
}

fn hazards(sql: &str, catalog: &Catalog) -> Vec<Hazard> {
    classify(&compile(sql).statements, &mut catalog.clone(), Transactions::One)
}

fn hazard(sql: &str) -> Hazard {
    hazards(sql, &Catalog::default()).pop().expect("there is a statement")
}

/// What one run of a script does in all.
struct Total {
    locks: BTreeMap<String, Mode>,
    rewrite: Answer,
    scan: Answer,
}

fn total(sql: &str, catalog: &Catalog) -> Total {
    let mut total = Total { locks: BTreeMap::new(), rewrite: Answer::No, scan: Answer::No };
    for hazard in hazards(sql, catalog) {
        total.rewrite = total.rewrite.max(hazard.rewrite);
        total.scan = total.scan.max(hazard.scan);
        for held in hazard.locks.iter().filter(|held| !held.may) {
            let mode = total.locks.entry(held.relation.clone()).or_insert(held.mode);
            *mode = (*mode).max(held.mode);
        }
    }
    total
}

fn mode(short: &str) -> Mode {
    match short {
        "AE" => Mode::AccessExclusive,
        "E" => Mode::Exclusive,
        "SRE" => Mode::ShareRowExclusive,
        "S" => Mode::Share,
        "SUE" => Mode::ShareUpdateExclusive,
        "RE" => Mode::RowExclusive,
        "RS" => Mode::RowShare,
        "AS" => Mode::AccessShare,
        other => panic!("unknown mode {other}"),
    }
}

/// The locks of a line: `t=AE p=SRE`, or `{'t': ['SUE']}` of the concurrent ones.
fn locks(column: &str) -> BTreeMap<String, Mode> {
    let plain = column.replace("': ['", "=").replace("']", "").replace(['{', '}', '\'', ','], "");
    plain
        .split_whitespace()
        .filter_map(|pair| pair.split_once('='))
        // The table was renamed by the statement.
        .map(|(relation, short)| (if relation == "t9" { "t" } else { relation }, short))
        .map(|(relation, short)| (relation.to_owned(), mode(short)))
        .collect()
}

/// The relations that stood before; the others are the statement's own, or indexes.
const TABLES: [&str; 7] = ["t", "p", "part", "part1", "cand2", "tc", "mv"];

/// Where what is said differs from what was measured, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("drop table with FK to p", "lock t: the table is gone, so its lock could not be seen"),
    ("refresh matview", "lock t: ACCESS SHARE on what the view reads is not listed"),
    ("add PK on nullable col", "rewrite: the new index took the name of the dropped one"),
    (
        "attach partition (with CHECK)",
        "scan: that the CHECK implies the bound is for the server to prove",
    ),
    ("delete some", "scan: an index served it; that is the planner's choice"),
];

fn is_exception(name: &str, what: &str) -> bool {
    EXCEPTIONS.iter().any(|(n, why)| *n == name && why.starts_with(what))
}

fn compare(name: &str, sql: &str, columns: &[&str], catalog: &Catalog, wrong: &mut Vec<String>) {
    let total = total(sql, catalog);
    let measured = locks(columns[0]);
    let relations: BTreeSet<&str> = TABLES.into_iter().collect();
    for relation in relations {
        let (ours, theirs) = (total.locks.get(relation), measured.get(relation));
        if ours != theirs && !is_exception(name, &format!("lock {relation}")) {
            wrong.push(format!("{name}: {relation} is {ours:?}, measured {theirs:?}"));
        }
    }
    let [rewrite, scan] = [columns.get(1), columns.get(2)];
    let says = |column: Option<&&str>, prefix: &str| column.map(|text| **text != *prefix);
    for (what, ours, theirs) in [
        ("rewrite", total.rewrite, says(rewrite, "rewrite:-")),
        ("scan", total.scan, says(scan, "scan:-")),
    ] {
        let Some(theirs) = theirs else { continue };
        let agrees = if theirs { ours == Answer::Yes } else { ours == Answer::No };
        if !agrees && !is_exception(name, what) {
            wrong.push(format!("{name}: {what} is {ours:?}, measured {theirs}"));
        }
    }
}

#[test]
fn every_measured_statement_of_13_to_18_is_classified_as_it_was_measured() {
    let statements: BTreeMap<&str, &str> =
        STATEMENTS.lines().filter_map(|line| line.split_once('\t')).collect();
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (version, table) in MEASURED {
        let catalog = schema(version);
        for line in table.lines().filter(|line| !line.starts_with("V ")) {
            let columns: Vec<&str> = line.split('\t').collect();
            let failed = columns.get(5).is_some_and(|text| text.starts_with("ERR"));
            if failed || columns.last() == Some(&"n/a") || columns.contains(&"n/a") {
                continue;
            }
            let sql = statements.get(columns[0]).expect("the statement is listed");
            compare(columns[0], sql, &columns[1..], &catalog, &mut wrong);
            compared += 1;
        }
    }
    assert!(compared > 190, "only {compared} were compared");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn without_a_catalog_nothing_is_called_less_dangerous_than_measured() {
    let statements: BTreeMap<&str, &str> =
        STATEMENTS.lines().filter_map(|line| line.split_once('\t')).collect();
    let mut wrong = Vec::new();
    for line in MEASURED[1].1.lines().filter(|line| line.contains("rewrite:")) {
        let columns: Vec<&str> = line.split('\t').collect();
        let total = total(statements[columns[0]], &Catalog::default());
        let worse = |ours: Answer, column: &str, none: &str| column == none || ours != Answer::No;
        let is_rewrite_told = worse(total.rewrite, columns[2], "rewrite:-");
        let is_scan_told = worse(total.scan, columns[3], "scan:-");
        let is_told = is_rewrite_told && is_scan_told;
        if !is_told && !is_exception(columns[0], "rewrite") {
            wrong.push(columns[0].to_owned());
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn what_nobody_understands_is_high_and_unknown() {
    for sql in ["frobnicate the table", "DO $$ BEGIN EXECUTE 'drop table t'; END $$", "SELECT f()"]
    {
        let hazard = hazard(sql);
        assert_eq!(hazard.severity, Severity::High, "{sql}");
        assert_eq!(hazard.rewrite, Answer::Unknown, "{sql}");
    }
}

#[test]
fn a_table_made_in_the_same_transaction_is_nobodys_danger() {
    let hazards = hazards(
        "CREATE TABLE n (id int); CREATE INDEX i ON n (id); ALTER TABLE n ADD CHECK (id > 0);",
        &Catalog::default(),
    );
    assert!(hazards.iter().all(|hazard| hazard.severity == Severity::Low), "{hazards:#?}");
}

#[test]
fn a_safe_form_that_a_partitioned_table_refuses_is_not_given() {
    let catalog = schema(150_020);
    let of = |sql: &str| hazards(sql, &catalog).pop().and_then(|hazard| hazard.safe_form);
    let key = "ALTER TABLE part ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES p (id)";
    assert_eq!(of(key), None);
    assert_eq!(of("ALTER TABLE part ADD CONSTRAINT u UNIQUE (id)"), None);
    assert!(of("CREATE INDEX i ON part (v)").is_some_and(|form| form.contains("ON ONLY")));
    assert_eq!(
        hazards(key, &schema(180_004)).pop().and_then(|hazard| hazard.safe_form).as_deref(),
        Some(
            "ALTER TABLE part ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES p (id) NOT VALID; then ALTER TABLE part VALIDATE CONSTRAINT fk"
        ),
    );
}

#[test]
fn a_concurrent_index_is_the_safe_form_of_a_plain_one() {
    assert_eq!(
        hazard("create unique index i on t (a)").safe_form.as_deref(),
        Some("create unique index CONCURRENTLY i on t (a)")
    );
    assert_eq!(hazard("CREATE INDEX CONCURRENTLY i ON t (a)").safe_form, None);
}

#[test]
fn a_detach_is_made_concurrent_only_where_the_server_can() {
    let sql = "ALTER TABLE part DETACH PARTITION part1";
    let of = |version| hazards(sql, &schema(version)).pop().and_then(|hazard| hazard.safe_form);
    assert_eq!(of(130_023), None);
    assert_eq!(
        of(150_020).as_deref(),
        Some("ALTER TABLE part DETACH PARTITION part1 CONCURRENTLY")
    );
}

#[test]
fn set_not_null_reads_nothing_over_a_valid_check() {
    let catalog = schema(150_020);
    let of = |sql: &str| hazards(sql, &catalog).pop().expect("one").scan;
    assert_eq!(of("ALTER TABLE tc ALTER COLUMN a SET NOT NULL"), Answer::No);
    assert_eq!(of("ALTER TABLE t ALTER COLUMN a SET NOT NULL"), Answer::Yes);
}

#[test]
fn a_default_partition_is_locked_and_read_when_another_is_added() {
    let mut catalog = schema(150_020);
    let made = compile("CREATE TABLE rest PARTITION OF part DEFAULT");
    let change = &made.statements[0].changes[0];
    assert!(matches!(change, Change::CreateTable(table) if table.default_partition));
    catalog.advance(change);
    catalog.settle();
    let hazard = hazards("CREATE TABLE q PARTITION OF part FOR VALUES FROM (5) TO (6)", &catalog);
    let held = |name: &str| hazard[0].locks.iter().any(|held| held.relation == name);
    assert!(held("rest") && held("part"));
    assert_eq!(hazard[0].scan, Answer::Yes);
}

#[test]
fn the_estimate_is_null_where_the_size_is_not_known() {
    assert_eq!(hazard("CREATE INDEX i ON t (a)").estimate_s, None);
    let mut catalog = schema(150_020);
    for relation in &mut catalog.relations {
        relation.bytes = Some(400_000_000);
    }
    let hazard = hazards("CREATE INDEX i ON t (a)", &catalog).pop().expect("one");
    assert_eq!(hazard.estimate_s, Some(2.0));
}
