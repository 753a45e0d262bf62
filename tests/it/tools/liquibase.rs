//! Liquibase's changelogs and rows; what it says and does was seen with 4.4.0.

use lockkeeper::domain::graph::{State, Trouble};
use lockkeeper::domain::hazard::Transactions;
use lockkeeper::domain::reversal::Kind;
use lockkeeper::tools::{FailureKind, Intent, Project, Refused, Rows, Tool, by_name, detect};

use crate::support::files::Files;

const SQL: &str = "\
--liquibase formatted sql

--changeset ops:1
CREATE TABLE u (id int);
--rollback DROP TABLE u;

-- changeset ops:two
--comment makes it fast
CREATE INDEX u_id ON u (id);
--changeset ops:3 runInTransaction:false
CREATE INDEX CONCURRENTLY u_i ON u (id);
--rollback DROP INDEX CONCURRENTLY u_i;
--changeset ops:4
ALTER TABLE u ADD COLUMN c int;
--rollback not required
";

fn tool() -> &'static dyn Tool {
    by_name("liquibase").expect("it is known")
}

fn load(files: &[(&str, &str)], rows: &Rows) -> Project {
    let tree = Files::of(files);
    let detected = tool().detect(&tree).expect("it is detected");
    tool().load(&tree, &detected.directory, rows)
}

/// Rows of `changelog.sql`, in the order in which they ran; the lock is free.
fn ran(ids: &[&str]) -> Rows {
    // Those of 4.28.0; the one that is gone has one of its own.
    let sum = |id: &str| match id {
        "1" => "9:fb52b6f5ecd43d72facf84a332aa3cab",
        "two" => "9:40d1e5e803c5c2e0126bcb3d9a7859ef",
        "3" => "9:58c68c7863142e5b51c47acf9f581f10",
        _ => "9:00000000000000000000000000000000",
    };
    let row = |id: &&str| {
        of("row", &[*id, "ops", "changelog.sql", "2026-01-02T03:04:05.0Z", "EXECUTED", sum(id)])
    };
    Rows::Read(std::iter::once(of("lock", &[])).chain(ids.iter().map(row)).collect())
}

fn of(kind: &str, cells: &[&str]) -> Vec<Option<String>> {
    let mut row = vec![Some(kind.to_owned())];
    row.extend(cells.iter().map(|cell| Some((*cell).to_owned())));
    row.resize(7, None);
    row
}

fn troubles(project: &Project) -> Vec<(Trouble, &str)> {
    project.problems.iter().map(|problem| (problem.kind, problem.id.as_str())).collect()
}

fn act(project: &Project, intent: &Intent) -> Result<String, Refused> {
    tool().act(project, intent).map(|act| act.command.line())
}

fn up(id: &str) -> Intent {
    Intent::Up(id.into())
}

fn down(id: &str) -> Intent {
    Intent::Down(id.into())
}

#[test]
fn a_changeset_of_formatted_sql_is_what_stands_between_its_comments() {
    let project = load(&[("changelog.sql", SQL)], &Rows::Absent);
    assert!(project.problems.is_empty(), "{:?}", project.problems);
    let said: Vec<_> = project
        .migrations
        .iter()
        .map(|m| (m.id.as_str(), m.reversal.kind, m.up.transactions, m.up.statements[0].line))
        .collect();
    assert_eq!(
        said,
        [
            ("1", Kind::Lossy, Transactions::One, 4),
            ("two", Kind::Raises, Transactions::One, 9),
            ("3", Kind::Reversible, Transactions::None, 11),
            ("4", Kind::NoOp, Transactions::One, 14),
        ]
    );
    assert_eq!(project.migrations[0].down.as_ref().expect("a way down").statements[0].line, 5);
    assert!(project.migrations[1].reversal.why.contains("No inverse to RawSQLChange"));
    assert_eq!(project.graph.nodes[1].name, "makes it fast");
}

#[test]
fn one_changeset_goes_up_and_the_last_that_ran_comes_back() {
    let project = load(&[("changelog.sql", SQL)], &ran(&["1", "two"]));
    assert!(project.problems.is_empty(), "{:?}", project.problems);
    assert_eq!(project.graph.current(), ["two"]);
    let words = "liquibase --changeLogFile=changelog.sql";
    assert_eq!(act(&project, &up("3")), Ok(format!("{words} updateCount 1")));
    assert!(matches!(act(&project, &up("4")), Err(Refused::NotNext { .. })));
    assert_eq!(act(&project, &down("two")), Ok(format!("{words} rollbackCount 1")));
    let probe = tool().probe(&project).expect("it has one");
    assert_eq!(probe.line(), format!("{words} history"));
}

#[test]
fn what_ran_last_is_what_is_taken_back_also_where_it_stands_further_up() {
    let project = load(&[("changelog.sql", SQL)], &ran(&["1", "3", "two"]));
    assert_eq!(troubles(&project), [(Trouble::OutOfOrder, "two")]);
    assert!(matches!(act(&project, &down("3")), Err(Refused::Problem(_))));
    assert!(act(&project, &up("4")).is_ok());
}

#[test]
fn each_trouble_of_liquibase_is_found_before_anything_runs() {
    let twice = format!("{SQL}--changeset ops:1\nSELECT 1;\n");
    let project = load(&[("changelog.sql", &twice)], &Rows::Absent);
    assert_eq!(troubles(&project), [(Trouble::DuplicateId, "changelog.sql::1::ops")]);
    let project = load(&[("changelog.sql", SQL)], &ran(&["1", "gone"]));
    assert_eq!(troubles(&project)[0], (Trouble::Orphan, "changelog.sql::gone::ops"));
    let project = load(&[("changelog.sql", SQL)], &ran(&["two"]));
    assert_eq!(troubles(&project), [(Trouble::OutOfOrder, "1")]);
    let held = Rows::Read(vec![of("lock", &["host (10.0.0.1) since 2026-01-02"])]);
    let project = load(&[("changelog.sql", SQL)], &held);
    assert_eq!(troubles(&project), [(Trouble::Locked, "databasechangeloglock")]);
    let detail = &project.problems[0].detail;
    assert!(detail.contains("10.0.0.1") && detail.contains("releaseLocks"), "{detail}");
    assert!(matches!(act(&project, &up("1")), Err(Refused::Problem(_))));
    let index =
        "--liquibase formatted sql\n--changeset a:1\nCREATE INDEX CONCURRENTLY i ON u (id);\n";
    let project = load(&[("changelog.sql", index)], &Rows::Absent);
    assert_eq!(troubles(&project), [(Trouble::Unreachable, "1")]);
}

#[test]
fn what_may_run_again_keeps_one_step_from_being_told() {
    let again = SQL.replace("ops:two", "ops:two runAlways:true");
    let project = load(&[("changelog.sql", &again)], &ran(&["1"]));
    let Err(Refused::Problem(why)) = act(&project, &up("two")) else { panic!("not refused") };
    assert!(why.contains("two is run again at every update"), "{why}");
}

const XML: &str = "<databaseChangeLog xmlns=\"http://www.liquibase.org/xml/ns/dbchangelog\">
  <include file=\"sub/a.sql\"/>
  <changeSet id=\"1\" author=\"ops\"><addColumn tableName=\"u\"><column name=\"n\" type=\"int\"/></addColumn></changeSet>
  <changeSet id=\"9\" author=\"ops\"><loadData tableName=\"u\" file=\"u.csv\"/></changeSet>
  <include file=\"later.yaml\"/>
</databaseChangeLog>";

#[test]
fn what_is_included_stands_in_its_place_and_what_is_not_read_is_said() {
    let sub = "--liquibase formatted sql\n--changeset ops:1\nCREATE TABLE u (id int);\n";
    let files =
        [("changelog.xml", XML), ("sub/a.sql", sub), ("later.yaml", "databaseChangeLog:\n")];
    let project = load(&files, &Rows::Absent);
    let ids: Vec<&str> = project.graph.nodes.iter().map(|node| node.id.as_str()).collect();
    assert_eq!(ids, ["sub/a.sql::1::ops", "changelog.xml::1::ops", "9"]);
    assert_eq!(project.migrations[1].up.statements[0].sql, "ALTER TABLE u ADD COLUMN n int");
    assert_eq!(project.migrations[1].up.statements[0].line, 3);
    assert_eq!(project.migrations[1].reversal.kind, Kind::Lossy);
    assert!(!project.migrations[2].up.complete);
    assert_eq!(project.migrations[2].reversal.kind, Kind::Unknown);
    assert_eq!(troubles(&project), [(Trouble::Unreachable, "later.yaml")]);
    // Of a changelog that is not read, a row is no orphan.
    let rows = Rows::Read(vec![of("row", &["5", "ops", "later.yaml", "NULL", "EXECUTED"])]);
    let project = load(&files, &rows);
    let five = project.graph.find("later.yaml::5::ops").expect("it is listed");
    assert_eq!(five.state, State::Applied);
    assert_eq!(troubles(&project)[0].0, Trouble::Unreachable);
    assert!(matches!(act(&project, &up("9")), Err(Refused::Problem(_) | Refused::NotNext { .. })));
    let broken = load(&[("changelog.xml", "<databaseChangeLog>\n<x></y>")], &Rows::Absent);
    assert_eq!(troubles(&broken), [(Trouble::Syntax, "changelog.xml")]);
    assert!(broken.problems[0].detail.contains("changelog.xml:2"), "{:?}", broken.problems);
}

#[test]
fn the_properties_name_the_changelog_and_its_table() {
    let properties =
        "changeLogFile=db/main.sql\ndatabaseChangeLogTableName: Log\nliquibaseSchemaName=ops\n";
    let tree = Files::of(&[("liquibase.properties", properties), ("db/main.sql", SQL)]);
    let (found, detected) = detect(&tree).into_iter().next().expect("it is detected");
    assert_eq!((found.name(), detected.directory.as_str()), ("liquibase", "db"));
    let query = tool().version_query(&tree);
    assert_eq!(query.table, "ops.\"Log\"");
    assert!(query.rows.contains("ops.databasechangeloglock"), "{}", query.rows);
    let spring =
        [("src/main/resources/db/changelog/db.changelog-master.yaml", "databaseChangeLog:\n")];
    assert_eq!(detect(&Files::of(&spring))[0].0.name(), "liquibase");
}

/// The file may name a database, too.
#[test]
fn what_an_act_obeys_is_also_the_file_that_names_the_changelog() {
    let files = [("liquibase.properties", "changeLogFile=db/main.sql\n"), ("db/main.sql", SQL)];
    let project = load(&files, &Rows::Absent);
    let act = tool().act(&project, &up("1")).expect("it can run");
    assert_eq!(act.files, ["db/main.sql", "liquibase.properties"]);
}

#[test]
fn an_empty_rollback_is_none_and_the_word_empty_depends_on_the_version() {
    let kind = |line: &str| {
        let text = SQL.replace("--rollback DROP TABLE u;", line);
        let project = load(&[("changelog.sql", &text)], &Rows::Absent);
        assert!(project.problems.is_empty(), "{line}: {:?}", project.problems);
        let reversal = project.migration("1").expect("it is listed").reversal.clone();
        (reversal.kind, reversal.why)
    };
    assert_eq!(kind("--rollback not required, it is new").0, Kind::NoOp);
    assert_eq!(kind("--rollback").0, Kind::Raises);
    assert_eq!(kind("--rollback ").0, Kind::Raises);
    let (empty, why) = kind("--rollback empty");
    assert_eq!(empty, Kind::Unknown, "{why}");
    assert!(why.contains("4.4 takes for SQL"), "{why}");
}

#[test]
fn what_liquibase_says_is_understood() {
    let cases = [
        ("Validation Failed:\n     1 change sets check sum\n", FailureKind::Changed),
        (
            "Unexpected error running Liquibase: No inverse to liquibase.change.core.DropColumnChange created",
            FailureKind::Raised,
        ),
        (
            "Could not acquire change log lock.  Currently locked by host (1.2.3.4)",
            FailureKind::Dirty,
        ),
        (
            "Unexpected error running Liquibase: Liquibase does not support automatic rollback generation for raw sql changes",
            FailureKind::Raised,
        ),
        ("ERROR: relation \"u\" does not exist [Failed SQL: (0) DROP TABLE u]", FailureKind::Other),
        (
            "ERROR: canceling statement due to lock timeout [Failed SQL: (0) x]",
            FailureKind::LockTimeout,
        ),
    ];
    for (said, kind) in cases {
        assert_eq!(tool().explain(said, Some(1)).kind, kind, "{said}");
    }
    let error = "Unexpected error running Liquibase: ERROR: syntax error at or near \"empty\"";
    let said = format!(
        "{error}\n  Position: 1\n\nFor more information, please use the --log-level flag\n"
    );
    assert_eq!(tool().explain(&said, Some(1)).line, error);
}

/// The rows that the real program has left of the sample, by its version.
fn left(version: &str) -> Rows {
    let text = match version {
        "4.4.0" => include_str!("samples/liquibase-sums/4.4.0.txt"),
        _ => include_str!("samples/liquibase-sums/4.28.0.txt"),
    };
    let row = |line: &str| {
        let (id, sum) = line.split_once('|').expect("an id and a checksum");
        of("row", &[id, "ops", "changelog.sql", "2026-01-02T03:04:05.0Z", "EXECUTED", sum])
    };
    Rows::Read(text.lines().map(row).collect())
}

const SUMMED: &str = include_str!("samples/liquibase-sums/changelog.sql");

#[test]
fn the_checksums_of_both_versions_are_those_that_the_real_program_wrote() {
    let project = load(&[("changelog.sql", SUMMED)], &left("4.28.0"));
    assert_eq!(troubles(&project), []);
    // Whether a block is SQL depends on the release behind version 8.
    let project = load(&[("changelog.sql", SUMMED)], &left("4.4.0"));
    assert_eq!(troubles(&project), [(Trouble::Uncompared, "databasechangelog")]);
    let detail = &project.problems[0].detail;
    assert!(
        detail.starts_with("whether 1 of the changesets") && detail.contains("(9)"),
        "{detail}"
    );
}

#[test]
fn a_changed_changeset_is_found_and_only_where_liquibase_finds_it() {
    let changes = [
        ("ADD COLUMN m int", "ADD COLUMN m bigint", &["12"][..]),
        ("ADD COLUMN c int;   /*", "ADD COLUMN c int;\n/*", &[]),
        ("-- a comment of our own", "-- another comment", &["4"]),
        ("--comment makes it fast", "--comment makes it slow", &[]),
        ("--rollback DROP TABLE u;", "--rollback DROP TABLE IF EXISTS u;", &[]),
        ("SELECT 1 AS a", "SELECT 2 AS a", &[]),
        ("is\nnot read", "is\nstill not read", &[]),
    ];
    for version in ["4.4.0", "4.28.0"] {
        for (from, to, expected) in changes {
            let text = SUMMED.replace("\r\n", "\n");
            let text = text.replacen(from, to, 1);
            let project = load(&[("changelog.sql", &text)], &left(version));
            let wrong = project.problems.iter().filter(|p| p.kind == Trouble::Checksum);
            let ids: Vec<&str> = wrong.map(|problem| problem.id.as_str()).collect();
            assert_eq!(ids, expected, "{version}: {from}");
        }
    }
    let text = SUMMED.replacen("ADD COLUMN m int", "ADD COLUMN m bigint", 1);
    let project = load(&[("changelog.sql", &text)], &left("4.28.0"));
    let Err(Refused::Problem(why)) = act(&project, &down("12")) else { panic!("not refused") };
    assert!(why.contains("check sum"), "{why}");
    // What `--validCheckSum` lets pass is no change.
    let sum = "9:ba4acce5556b0c3aaa3b0fd7d745e7ea";
    for valid in ["any", sum] {
        let head = "--changeset ops:12\n";
        let text = text.replace("ops:12\r\n", "ops:12\n");
        let text = text.replacen(head, &format!("{head}--validCheckSum: {valid}\n"), 1);
        let project = load(&[("changelog.sql", &text)], &left("4.28.0"));
        assert_eq!(troubles(&project), [], "{valid}");
    }
}

#[test]
fn of_an_unknown_version_a_property_or_xml_nothing_is_said_to_be_unchanged() {
    let row = |sum: Option<&str>| {
        let mut row = of("row", &["1", "ops", "changelog.sql", "NULL", "EXECUTED"]);
        row[6] = sum.map(str::to_owned);
        Rows::Read(vec![row])
    };
    let head = "--liquibase formatted sql\n--changeset ops:1\n";
    let plain = format!("{head}CREATE TABLE u (id int);\n");
    let property = format!("{head}CREATE TABLE ${{name}} (id int);\n");
    let zeros = "00000000000000000000000000000000";
    for (text, sum) in [
        (&plain, Some(format!("7:{zeros}"))),
        (&plain, Some(format!("10:{zeros}"))),
        (&plain, None),
        (&property, Some(format!("9:{zeros}"))),
    ] {
        let project = load(&[("changelog.sql", text)], &row(sum.as_deref()));
        let compared = project.problems.iter();
        let compared: Vec<_> = compared.filter(|p| p.kind != Trouble::Syntax).collect();
        let [problem] = &compared[..] else { panic!("{sum:?}: {compared:?}") };
        assert_eq!(problem.kind, Trouble::Uncompared, "{sum:?}");
        assert!(!problem.stops_the_tool());
    }
}

#[test]
fn a_block_of_rollback_is_no_part_of_the_way_up() {
    let project = load(&[("changelog.sql", SUMMED)], &Rows::Absent);
    let nine = project.migration("9").expect("it is listed");
    let kinds: Vec<&str> = nine.up.statements.iter().map(|s| s.kind.as_str()).collect();
    assert_eq!(kinds, ["CREATE OR REPLACE VIEW"]);
    assert_eq!(nine.reversal.kind, Kind::Unknown);
}
