//! Hazards against what PostgreSQL was measured to do.

use std::collections::BTreeMap;

use lockkeeper::domain::change::{Alter, Change, Name};
use lockkeeper::domain::hazard::{Answer, Catalog, Hazard, Severity, Transactions, classify};
use lockkeeper::domain::locks::Mode;
use lockkeeper::domain::rehearsal::{Brief, Slow, seconds};
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
    let pairs = plain.split_whitespace().filter_map(|pair| pair.split_once('='));
    pairs.map(|(relation, short)| (relation.to_owned(), mode(short))).collect()
}

/// What a script makes of the names that were measured after it.
struct Script<'a> {
    before: &'a Catalog,
    after: Catalog,
    changes: Vec<Change>,
}

impl<'a> Script<'a> {
    fn of(sql: &str, before: &'a Catalog) -> Self {
        let statements = compile(sql).statements;
        let changes: Vec<Change> = statements.into_iter().flat_map(|s| s.changes).collect();
        let mut after = before.clone();
        for change in &changes {
            after.advance(change);
        }
        Self { before, after, changes }
    }

    /// Returns the name that a relation had before the script.
    fn earlier<'n>(&'n self, name: &'n str) -> &'n str {
        let renamed = self.changes.iter().find_map(|change| match change {
            Change::Alter(old, Alter::Rename(new)) if new == name => Some(old.name.as_str()),
            Change::RenameIndex(old, new) if new == name => Some(old.name.as_str()),
            _ => None,
        });
        renamed.unwrap_or(name)
    }

    /// Returns true if the script dropped what had the name: a namesake stands there now.
    fn drops(&self, name: &str) -> bool {
        self.changes.iter().any(|change| {
            matches!(change, Change::Alter(_, Alter::DropConstraint(gone)) if gone.name == name)
        })
    }

    fn has_gone(&self, name: &str) -> bool {
        let dropped = self.changes.iter().filter_map(|change| match change {
            Change::DropTable(table) => Some(table),
            _ => None,
        });
        let views = dropped.flat_map(|table| self.before.dependants(table, None));
        self.after.find(&Name::new(name)).is_none()
            || views.into_iter().any(|view| view.name.name == name)
    }

    /// Returns true if which rows are read is the planner's to decide.
    fn is_planned(&self) -> bool {
        let filtered = |c: &Change| matches!(c, Change::Data(data) if data.filter.is_some());
        self.changes.iter().any(filtered)
    }
}

fn compare(name: &str, sql: &str, columns: &[&str], catalog: &Catalog, wrong: &mut Vec<String>) {
    let total = total(sql, catalog);
    let script = Script::of(sql, catalog);
    let measured = locks(columns[0]);
    for (relation, theirs) in &measured {
        let relation = script.earlier(relation);
        let ours = total.locks.get(relation);
        let table = script.before.table_of(&Name::new(relation)).map(|table| &table.name.name);
        let is_known = script.before.find(&Name::new(relation)).is_some();
        let is_right = match table {
            // An index is locked with its table, and named where its lock is stronger.
            Some(table) => ours.max(total.locks.get(table)) >= Some(theirs),
            None if is_known => ours == Some(theirs),
            // The statement made it.
            None => ours.is_none_or(|ours| ours == theirs),
        };
        if !is_right {
            wrong.push(format!("{name}: {relation} is {ours:?}, measured {theirs:?}"));
        }
    }
    for (relation, ours) in &total.locks {
        let is_table = catalog.find(&Name::new(relation.as_str())).is_some();
        let is_measured = measured.keys().any(|name| script.earlier(name) == relation);
        // What is gone had no name left under which it was measured.
        if is_table && !is_measured && !script.has_gone(relation) {
            wrong.push(format!("{name}: {relation} is {ours:?}, and was not locked"));
        }
    }
    let work = |column: Option<&&str>| {
        let text = column?.split_once(':')?.1;
        Some(text.split(',').any(|part| part != "-" && !script.drops(part)))
    };
    for (what, ours, theirs) in [
        ("rewrite", total.rewrite, work(columns.get(1))),
        ("scan", total.scan, work(columns.get(2))),
    ] {
        let Some(theirs) = theirs else { continue };
        let is_right = match ours {
            Answer::Yes => theirs,
            Answer::No => !theirs,
            Answer::Unknown => script.is_planned(),
        };
        if !is_right {
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
            let sql = statements.get(columns[0]).expect("the statement is listed");
            let failed = columns.get(5).is_some_and(|text| text.starts_with("ERR"));
            if failed || columns.contains(&"n/a") {
                let fails = |hazard: &Hazard| hazard.message.starts_with("fails");
                if !hazards(sql, &catalog).iter().any(fails) {
                    wrong.push(format!("{} {version}: is not said to fail", columns[0]));
                }
            } else {
                compare(columns[0], sql, &columns[1..], &catalog, &mut wrong);
            }
            compared += 1;
        }
    }
    let rows: usize = MEASURED.iter().map(|(_, table)| table.lines().count() - 1).sum();
    assert_eq!(compared, rows);
    assert!(compared > 200, "only {compared} were compared");
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
        // The new key took the name of the one that was dropped.
        let is_namesake = columns[2] == "rewrite:t_pkey";
        if !is_told && !is_namesake {
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
fn no_safe_form_is_given_that_would_fail_or_mean_something_else() {
    let catalog = schema(150_020);
    let of = |sql: &str| hazards(sql, &catalog).pop().and_then(|hazard| hazard.safe_form);
    let check = of("ALTER TABLE t ADD CONSTRAINT c CHECK (a IN (1, 2))").expect("there is one");
    assert!(check.contains("CHECK (a IN (1, 2)) NOT VALID; then"), "{check}");
    let two = of("ALTER TABLE t ADD CHECK (a > 0), ALTER COLUMN b SET NOT NULL");
    assert!(two.is_some_and(|form| !form.contains("SET NOT NULL NOT VALID")));
    assert_eq!(of("ALTER TABLE t ADD CHECK (a > 0), ALTER COLUMN c SET DEFAULT 'x'"), None);
    let key = of("ALTER TABLE t ADD UNIQUE (a, c)").expect("there is one");
    assert!(key.starts_with("CREATE UNIQUE INDEX CONCURRENTLY"), "{key}");
    for options in [
        "UNIQUE NULLS NOT DISTINCT (a)",
        "UNIQUE (a) INCLUDE (b)",
        "PRIMARY KEY (a) DEFERRABLE",
        "UNIQUE (a) INITIALLY DEFERRED",
        "UNIQUE (a) WITH (fillfactor = 70)",
        "UNIQUE (a) USING INDEX TABLESPACE fast",
    ] {
        assert_eq!(of(&format!("ALTER TABLE t ADD CONSTRAINT u {options}")), None, "{options}");
    }
    let catalog = schema(180_004);
    let of = |sql: &str| hazards(sql, &catalog).pop().and_then(|hazard| hazard.safe_form);
    assert_eq!(of("ALTER TABLE t ADD UNIQUE (id, span WITHOUT OVERLAPS)"), None);
    assert_eq!(of("ALTER TABLE part DETACH PARTITION part1 FINALIZE"), None);
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
fn no_duration_follows_from_a_size_alone_and_the_size_is_shown() {
    let unknown = hazard("CREATE INDEX i ON t (a)");
    assert_eq!((unknown.bytes, unknown.estimate_s), (None, None));
    assert_eq!(unknown.cost(), "reads every row");
    let mut catalog = schema(150_020);
    catalog.relations.change_all(|relation| relation.bytes = Some(400_000_000));
    let hazard = hazards("CREATE INDEX i ON t (a)", &catalog).pop().expect("one");
    assert_eq!((hazard.bytes, hazard.estimate_s), (Some(400_000_000), None));
    assert_eq!(hazard.cost(), "reads every row (381.5 MB)");
    let short = hazards("ALTER TABLE t ADD COLUMN n int", &catalog).pop().expect("one");
    assert_eq!((short.bytes, short.cost().as_str()), (None, "catalog only"));
}

#[test]
fn an_estimate_is_a_duration_that_was_measured_and_grows_with_the_size_of_what_is_read() {
    let mut catalog = schema(150_020);
    catalog.relations.change_all(|relation| relation.bytes = Some(400_000_000));
    let of = |sql: &str, slow: &[u64], brief: usize| {
        let mut hazards = hazards(sql, &catalog);
        let relation = || "public.t".to_owned();
        let slow: Vec<Slow> = slow
            .iter()
            .map(|bytes| Slow { relation: relation(), bytes: *bytes, took_s: 1.5 })
            .collect();
        let brief = vec![Brief { relation: relation(), took_s: 0.25 }; brief];
        seconds(&mut hazards, &slow, &brief);
        hazards.into_iter().map(|hazard| hazard.estimate_s).collect::<Vec<_>>()
    };
    let scan = "CREATE INDEX i ON t (a)";
    assert_eq!(of(scan, &[100_000_000], 0), [Some(6.0)]);
    assert_eq!(of(scan, &[900_000_000], 0), [Some(1.5)], "never less than was measured");
    assert_eq!(of(scan, &[], 1), [None], "it was not measured");
    assert_eq!(of(scan, &[1, 1], 0), [None], "which of the two it is cannot be told");
    let short = "ALTER TABLE t ADD COLUMN n int";
    assert_eq!(of(short, &[], 1), [Some(0.25)], "it grows with nothing");
    let both = format!("{scan}; {short}");
    assert_eq!(of(&both, &[100_000_000], 1), [Some(6.0), Some(0.25)]);
    assert_eq!(of("CREATE INDEX i ON elsewhere (a)", &[1], 1), [None]);
}

/// What seed 002 forbids and advises, with what is true of each.
#[test]
fn the_never_and_always_lists_are_judged_by_what_is_true() {
    let said = |sql: &str| {
        let hazard = hazard(sql);
        (hazard.severity, hazard.rule, hazard.safe_form)
    };
    for sql in ["ALTER TABLE users DROP COLUMN email", "DROP TABLE payments"] {
        assert_eq!(said(sql).0, Severity::High, "{sql}");
    }
    assert_eq!(said("DELETE FROM users WHERE id < 5").1, "change-rows");
    // There is no ADD COLUMN CONCURRENTLY, and none is needed: it is short by itself.
    let (severity, rule, safe) = said("ALTER TABLE large_table ADD COLUMN x int");
    assert_eq!((severity, rule, safe), (Severity::Medium, "add-column", None));
    let (_, _, safe) = said("CREATE INDEX idx_name ON large_table (col)");
    assert_eq!(safe.as_deref(), Some("CREATE INDEX CONCURRENTLY idx_name ON large_table (col)"));
    assert_eq!(said("ALTER TABLE users ADD COLUMN email_new VARCHAR(255)").0, Severity::Medium);
    let always = hazard("CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_name ON t (c)");
    assert!(always.message.contains("invalid index"), "{}", always.message);
}

/// Which rows a filter lets through only the rows tell.
#[test]
fn a_change_of_filtered_rows_is_small_only_where_the_table_is_known_to_be() {
    let of = |bytes: Option<u64>| {
        let mut catalog = schema(150_020);
        catalog.relations.change_all(|relation| relation.bytes = bytes);
        hazards("UPDATE t SET a = 1 WHERE a = 2", &catalog)[0].severity
    };
    assert_eq!(of(None), Severity::Medium);
    assert_eq!(of(Some(80_000_000_000)), Severity::Medium);
    assert_eq!(of(Some(8192)), Severity::Low);
}
