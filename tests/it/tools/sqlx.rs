//! sqlx's files and rows.

use std::collections::BTreeMap;

use lockkeeper::domain::graph::{State, Trouble};
use lockkeeper::domain::hazard::Catalog;
use lockkeeper::domain::reversal::Kind;
use lockkeeper::io::tree::Disk;
use lockkeeper::tools::{
    Entry, FailureKind, Intent, Project, Refused, Rows, Tool, Tree, Unreadable, all, by_name,
    detect,
    status::{Status, lint},
};
use sha2::{Digest as _, Sha384};

/// A tree in memory.
#[derive(Default)]
struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).into(), text.as_bytes().into())).collect())
    }
}

impl Tree for Files {
    fn list(&self, directory: &str) -> Result<Vec<Entry>, Unreadable> {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let names = self.0.keys().filter_map(|path| path.strip_prefix(&prefix));
        Ok(names.map(|name| Entry { name: name.into(), is_dir: false }).collect())
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        self.0.get(path).cloned().ok_or_else(|| Unreadable {
            path: path.into(),
            reason: "no such file".into(),
            missing: true,
        })
    }
}

fn tool() -> &'static dyn Tool {
    by_name("sqlx").expect("sqlx is known")
}

fn row(version: i64, text: &str, success: bool) -> Vec<Option<String>> {
    let checksum = format!("{:x}", Sha384::digest(text));
    let time = "2026-01-02T03:04:05.000006Z".to_owned();
    [version.to_string(), "a name".into(), time, success.to_string(), checksum].map(Some).to_vec()
}

/// Files with the problems that they and the rows make.
type Case<'a> = (&'a [(&'a str, &'a str)], Rows, &'a [(Trouble, &'a str)]);

fn load(files: &[(&str, &str)], rows: &Rows) -> Project {
    tool().load(&Files::of(files), "m", rows)
}

fn troubles(project: &Project) -> Vec<(Trouble, &str)> {
    project.problems.iter().map(|problem| (problem.kind, problem.id.as_str())).collect()
}

fn samples() -> Disk {
    Disk::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tools/samples/sqlx"))
}

const A: (&str, &str) = ("m/1_a.up.sql", "CREATE TABLE a (id int);");
const A_DOWN: (&str, &str) = ("m/1_a.down.sql", "DROP TABLE a;");
const B: (&str, &str) = ("m/2_b_c.sql", "CREATE TABLE b (id int);");

#[test]
fn the_sample_project_is_detected_and_judged_as_it_was_observed() {
    let tree = samples();
    let found = detect(&tree);
    assert_eq!(found.len(), 1);
    let (tool, detected) = &found[0];
    let project = tool.load(&tree, &detected.directory, &Rows::Absent);
    let judged: Vec<(&str, Kind)> =
        project.migrations.iter().map(|m| (m.id.as_str(), m.reversal.kind)).collect();
    // `expected.json` of the samples, where "ok" is reversible.
    assert_eq!(
        judged,
        [
            ("20240101000000", Kind::Lossy),
            ("20240102000000", Kind::Lossy),
            ("20240103000000", Kind::Reversible),
            ("20240104000000", Kind::NoOp),
        ]
    );
    assert!(project.problems.is_empty(), "{:?}", project.problems);
}

#[test]
fn the_status_of_the_sample_project_is_the_document_of_the_contract() {
    let project = tool().load(&samples(), "migrations", &Rows::Absent);
    let status = Status::of(&project, &Catalog { complete: true, ..Catalog::default() });
    let json = serde_json::to_string_pretty(&status).expect("a status is JSON");
    insta::assert_snapshot!(json);
}

#[test]
fn files_and_rows_make_the_state() {
    let rows = Rows::Read(vec![row(1, A.1, true)]);
    let project = load(&[A, A_DOWN, B], &rows);
    let states: Vec<_> = project.graph.nodes.iter().map(|n| (n.id.as_str(), n.state)).collect();
    assert_eq!(states, [("1", State::Applied), ("2", State::Pending)]);
    assert_eq!(project.graph.nodes[1].name, "b c");
    assert_eq!(project.graph.current(), ["1"]);
    assert_eq!(project.graph.heads(), ["2"]);
    assert!(project.graph.nodes[0].applied_at.is_some());
    assert!(project.problems.is_empty());
}

#[test]
fn each_trouble_is_found_before_anything_runs() {
    let cases: [Case; 8] = [
        (&[A, A_DOWN], Rows::Read(vec![row(1, "else", true)]), &[(Trouble::Checksum, "1")]),
        (&[A, A_DOWN], Rows::Read(vec![row(1, A.1, false)]), &[(Trouble::Dirty, "1")]),
        (&[B], Rows::Read(vec![row(1, A.1, true)]), &[(Trouble::Orphan, "1")]),
        (&[A, B], Rows::Read(vec![row(2, B.1, true)]), &[(Trouble::OutOfOrder, "1")]),
        (&[B, ("m/2_x.sql", "SELECT 1")], Rows::Absent, &[(Trouble::DuplicateId, "2")]),
        (&[A_DOWN], Rows::Absent, &[(Trouble::Unreachable, "1")]),
        (&[("m/x_y.sql", "SELECT 1")], Rows::Absent, &[(Trouble::Syntax, "x_y.sql")]),
        (&[("m/3_s.sql", "SELEC 1")], Rows::Absent, &[(Trouble::Syntax, "3")]),
    ];
    for (files, rows, expected) in cases {
        let project = load(files, &rows);
        let found = troubles(&project);
        assert!(found.len() >= expected.len() && found[..expected.len()] == *expected, "{found:?}");
    }
}

#[test]
fn a_concurrent_index_must_be_alone_and_without_a_transaction() {
    let index = "CREATE INDEX CONCURRENTLY i ON t (a);";
    let alone = format!("-- no-transaction\n{index}");
    let crowded = format!("-- no-transaction\n{index}\nSELECT 1;");
    assert_eq!(
        troubles(&load(&[("m/1_i.sql", index)], &Rows::Absent)),
        [(Trouble::Unreachable, "1")]
    );
    assert_eq!(
        troubles(&load(&[("m/1_i.sql", &crowded)], &Rows::Absent)),
        [(Trouble::Unreachable, "1")]
    );
    let project = load(&[("m/1_i.sql", &alone)], &Rows::Absent);
    assert!(project.problems.is_empty());
    let act = tool().act(&project, &Intent::Up("1".into())).expect("it can run");
    assert!(act.no_lock_timeout.is_some());
}

#[test]
fn a_file_that_is_not_utf_8_is_named_with_its_line_and_the_others_stay() {
    let mut files = Files::of(&[A]);
    files.0.insert("m/2_x.sql".into(), b"SELECT 1;\n\xff".to_vec());
    let project = tool().load(&files, "m", &Rows::Absent);
    assert_eq!(project.graph.nodes.len(), 1);
    assert!(project.problems[0].detail.starts_with("m/2_x.sql:2: not UTF-8"));
}

#[test]
fn one_act_runs_one_migration_and_no_secret_is_in_its_words() {
    let project = load(&[A, A_DOWN, B], &Rows::Read(vec![row(1, A.1, true)]));
    let up = tool().act(&project, &Intent::Up("2".into())).expect("2 is next");
    let words = "lockkeeper __sqlx up --to 2 --from 1 --source m --checksum ";
    let checksum = up.command.line().strip_prefix(words).expect("its words").to_owned();
    assert!(format!("{:x}", Sha384::digest(B.1)).starts_with(&checksum) && checksum.len() == 16);
    assert_eq!((up.before, up.after), (vec!["1".to_owned()], vec!["2".to_owned()]));
    let down = tool().act(&project, &Intent::Down("1".into())).expect("1 is last");
    let words = "lockkeeper __sqlx down --to 0 --from 1 --source m --checksum ";
    assert!(down.command.line().starts_with(words));
    assert_eq!(down.files, ["m/1_a.down.sql"]);
    assert!(down.after.is_empty());
    assert!(down.command.env.contains(&"DATABASE_URL".to_owned()));
}

#[test]
fn what_sqlx_would_not_do_alone_is_refused() {
    let fresh = load(&[A, A_DOWN, B], &Rows::Absent);
    let full = load(&[A, B], &Rows::Read(vec![row(1, A.1, true), row(2, B.1, true)]));
    let refused = |project: &Project, intent| tool().act(project, &intent).expect_err("refused");
    assert!(matches!(refused(&fresh, Intent::Up("2".into())), Refused::NotNext { .. }));
    assert!(matches!(refused(&fresh, Intent::Down("1".into())), Refused::WrongState { .. }));
    assert!(matches!(refused(&fresh, Intent::Up("9".into())), Refused::NoSuchMigration(_)));
    assert!(matches!(refused(&full, Intent::Down("2".into())), Refused::NoWayDown(_)));
    assert!(matches!(refused(&full, Intent::Down("1".into())), Refused::NotNext { .. }));
    let blind = load(&[A], &Rows::Unknown);
    assert_eq!(refused(&blind, Intent::Up("1".into())), Refused::UnknownState);
    let changed = load(&[A, B], &Rows::Read(vec![row(1, "else", true)]));
    assert!(matches!(refused(&changed, Intent::Up("2".into())), Refused::Problem(_)));
}

#[test]
fn a_failure_is_known_by_what_was_printed() {
    let kind = |output: &str, exit| tool().explain(output, Some(exit)).kind;
    assert_eq!(
        kind("error: migration 3: canceling statement due to lock timeout (SQLSTATE 55P03)", 1),
        FailureKind::LockTimeout
    );
    assert_eq!(
        kind(
            "error: migration 3: canceling statement due to statement timeout (SQLSTATE 57014)",
            1
        ),
        FailureKind::StatementTimeout
    );
    assert_eq!(
        kind(
            "error: migration 3: column \"x\" of relation \"t\" contains null values (SQLSTATE 23502)",
            1
        ),
        FailureKind::Data
    );
    assert_eq!(
        kind("error: migration 3 was previously applied but has been modified", 2),
        FailureKind::Changed
    );
    assert_eq!(kind("error: the database is at 2, not at 1 as expected", 2), FailureKind::Moved);
}

#[test]
fn every_tool_answers_to_its_own_name() {
    assert!(all().iter().all(|tool| by_name(tool.name()).is_some_and(|t| t.name() == tool.name())));
}

#[test]
fn a_linted_file_is_judged_statement_by_statement() {
    let text = "ALTER TABLE u DROP COLUMN prefs;\nCREATE INDEX i ON u (a);\nfrob;";
    let lint = lint([("a.sql", text)], &mut Catalog::default());
    let json = serde_json::to_value(&lint).expect("a lint is JSON");
    assert_eq!(json["statements"][0]["losses"][0], "column u.prefs");
    assert_eq!(json["statements"][0]["kind"], "ALTER TABLE … DROP COLUMN");
    assert_eq!(
        json["statements"][1]["findings"][0]["safe_form"],
        "CREATE INDEX CONCURRENTLY i ON u (a)"
    );
    assert_eq!(json["statements"][1]["locks"][0]["mode"], "SHARE");
    assert_eq!(json["statements"][2]["rewrite"], serde_json::Value::Null);
    assert_eq!(json["errors"][0]["line"], 3);
}
