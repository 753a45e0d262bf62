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
    let row =
        |id: &&str| of("row", &[*id, "ops", "changelog.sql", "2026-01-02T03:04:05.0Z", "EXECUTED"]);
    Rows::Read(std::iter::once(of("lock", &[])).chain(ids.iter().map(row)).collect())
}

fn of(kind: &str, cells: &[&str]) -> Vec<Option<String>> {
    let mut row = vec![Some(kind.to_owned())];
    row.extend(cells.iter().map(|cell| Some((*cell).to_owned())));
    row.resize(6, None);
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
    // Nobody can tell where JDBC connects.
    assert!(tool().probe(&project).is_none());
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
    let query = tool().version_query(&tree, "db");
    assert_eq!(query.table, "ops.\"Log\"");
    assert!(query.rows.contains("ops.databasechangeloglock"), "{}", query.rows);
    let spring =
        [("src/main/resources/db/changelog/db.changelog-master.yaml", "databaseChangeLog:\n")];
    assert_eq!(detect(&Files::of(&spring))[0].0.name(), "liquibase");
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
        ("ERROR: relation \"u\" does not exist [Failed SQL: (0) DROP TABLE u]", FailureKind::Other),
        (
            "ERROR: canceling statement due to lock timeout [Failed SQL: (0) x]",
            FailureKind::LockTimeout,
        ),
    ];
    for (said, kind) in cases {
        assert_eq!(tool().explain(said, Some(1)).kind, kind, "{said}");
    }
}
