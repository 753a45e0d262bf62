//! The migration tools of Node: their files and tables, without running them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lockkeeper::domain::graph::{State, Trouble};
use lockkeeper::domain::hazard::Transactions;
use lockkeeper::domain::reversal::Kind;
use lockkeeper::io::tree::Disk;
use lockkeeper::tools::{FailureKind, Intent, Project, Refused, Rows, by_name, detect};

use crate::support::alembic::copy;
use crate::support::node::samples;

fn load(directory: &Path, rows: &Rows) -> Project {
    let tree = Disk::new(directory);
    let (tool, detected) = detect(&tree).into_iter().next().expect("it is detected");
    tool.load(&tree, &detected.directory, rows)
}

fn rows(names: &[&str]) -> Rows {
    Rows::Read(names.iter().map(|name| vec![Some((*name).to_owned()), None]).collect())
}

fn knex_rows(names: &[&str], held: bool) -> Rows {
    let row = |kind: &str, name: &str| {
        vec![Some(kind.to_owned()), Some(name.to_owned()), Some("1".to_owned()), None]
    };
    let lock = row("lock", if held { "true" } else { "false" });
    Rows::Read(std::iter::once(lock).chain(names.iter().map(|name| row("row", name))).collect())
}

fn up(project: &Project, id: &str) -> Result<String, Refused> {
    let tool = by_name(project.tool).expect("it is known");
    tool.act(project, &Intent::Up(id.to_owned())).map(|act| act.command.line())
}

fn down(project: &Project, id: &str) -> Result<String, Refused> {
    let tool = by_name(project.tool).expect("it is known");
    tool.act(project, &Intent::Down(id.to_owned())).map(|act| act.command.line())
}

fn trouble(project: &Project, kind: Trouble) -> Option<&str> {
    let found = project.problems.iter().find(|problem| problem.kind == kind);
    found.map(|problem| problem.detail.as_str())
}

/// A sample, the tool that is detected, and what each way down is.
type Observed = (&'static str, &'static str, &'static [(&'static str, Kind)]);

#[test]
fn each_sample_is_judged_as_it_was_observed() {
    // `expected.json` of the samples, where "ok" and "inferred" are reversible; an inferred
    // DROP TABLE loses its rows like any other.
    let observed: [Observed; 4] = [
        (
            "umzug",
            "sequelize",
            &[
                ("20240101000000-initial-schema.ts", Kind::Lossy),
                ("20240102000000-add-user-fields.ts", Kind::Lossy),
                ("20240103000000-drop-status.ts", Kind::Raises),
                ("20240104000000-add-project-files.ts", Kind::Missing),
            ],
        ),
        (
            "sequelize-cli",
            "sequelize",
            &[
                ("20240101000000-create-users.js", Kind::Lossy),
                ("20240102000000-email-unique.js", Kind::Reversible),
                ("20240103000000-backfill.js", Kind::NoOp),
                ("20240104000000-drop-email.js", Kind::Raises),
            ],
        ),
        (
            "knex",
            "knex",
            &[
                ("20240101000000_create_users.js", Kind::Lossy),
                ("20240102000000_widen_email.js", Kind::Lossy),
                ("20240103000000_index_concurrently.js", Kind::Reversible),
                ("20240104000000_drop_email.js", Kind::Raises),
            ],
        ),
        (
            "node-pg-migrate",
            "node_pg_migrate",
            &[
                ("1704067200000_create-users", Kind::Lossy),
                ("1704153600000_widen-email", Kind::Lossy),
                ("1704240000000_index-concurrently", Kind::Reversible),
                ("1704326400000_drop-email", Kind::Raises),
            ],
        ),
    ];
    for (sample, tool, expected) in observed {
        let project = load(&samples(sample), &Rows::Absent);
        assert_eq!(project.tool, tool);
        let judged: BTreeMap<&str, Kind> =
            project.migrations.iter().map(|m| (m.id.as_str(), m.reversal.kind)).collect();
        assert_eq!(judged, expected.iter().copied().collect(), "{sample}");
        assert!(project.problems.is_empty(), "{sample}: {:?}", project.problems);
        assert!(project.migrations.iter().all(|m| m.up.is_understood()), "{sample}");
    }
}

#[test]
fn the_transactions_are_those_in_which_each_tool_runs_a_file() {
    let of = |sample: &str, id: &str| {
        let project = load(&samples(sample), &Rows::Absent);
        project.migration(id).expect("it is there").up.transactions
    };
    assert_eq!(of("knex", "20240101000000_create_users.js"), Transactions::One);
    assert_eq!(of("knex", "20240103000000_index_concurrently.js"), Transactions::None);
    assert_eq!(of("node-pg-migrate", "1704153600000_widen-email"), Transactions::One);
    assert_eq!(of("node-pg-migrate", "1704240000000_index-concurrently"), Transactions::None);
    assert_eq!(of("sequelize-cli", "20240101000000-create-users.js"), Transactions::None);
    assert_eq!(of("sequelize-cli", "20240102000000-email-unique.js"), Transactions::One);
}

#[test]
fn a_migration_that_umzug_would_only_forget_has_no_way_down() {
    let all = [
        "20240101000000-initial-schema.ts",
        "20240102000000-add-user-fields.ts",
        "20240103000000-drop-status.ts",
        "20240104000000-add-project-files.ts",
    ];
    let project = load(&samples("umzug"), &rows(&all));
    assert_eq!(down(&project, all[3]), Err(Refused::NoWayDown(all[3].to_owned())));
    let migration = project.migration(all[3]).expect("it is there");
    assert!(migration.reversal.why.contains("reports success"), "{:?}", migration.reversal);
}

#[test]
fn without_umzugs_own_command_line_nothing_is_run_and_it_is_said_what_to_do() {
    let directory = tempfile::tempdir().expect("a directory");
    copy(&samples("umzug"), directory.path());
    // It passes no name on: which one it runs cannot be told to it.
    let script = directory.path().join("migrate.ts");
    let text = fs::read_to_string(&script).expect("it reads");
    fs::write(script, text.replace("umzug.up(to ? { to } : undefined)", "umzug.up()"))
        .expect("written");
    let project = load(directory.path(), &Rows::Absent);
    let refused = up(&project, "20240101000000-initial-schema.ts").expect_err("it is refused");
    assert!(refused.to_string().contains("umzug.runAsCLI()"), "{refused}");
}

#[test]
fn a_command_line_of_one_s_own_is_given_the_name_behind_its_verb() {
    let first = "20240101000000-initial-schema.ts";
    let project = load(&samples("umzug"), &Rows::Absent);
    let words = up(&project, first).expect("it can run");
    assert!(words.ends_with(&format!("tsx migrate.ts up {first}")), "{words}");
    let project = load(&samples("umzug"), &rows(&[first]));
    let words = down(&project, first).expect("it can run");
    assert!(words.ends_with(&format!("tsx migrate.ts down {first}")), "{words}");
    let probe = by_name("sequelize").expect("it is known").probe(&project).expect("a look");
    assert!(probe.line().ends_with("tsx migrate.ts status"), "{}", probe.line());
}

#[test]
fn only_the_next_one_goes_up_and_only_the_last_one_comes_down() {
    let (first, second) = ("20240101000000_create_users.js", "20240102000000_widen_email.js");
    let project = load(&samples("knex"), &knex_rows(&[first, second], false));
    let next = "20240103000000_index_concurrently.js";
    assert!(up(&project, next).expect("it is next").ends_with(&format!("knex migrate:up {next}")));
    assert!(matches!(up(&project, "20240104000000_drop_email.js"), Err(Refused::NotNext { .. })));
    assert!(matches!(down(&project, first), Err(Refused::NotNext { .. })));
    assert!(matches!(up(&project, first), Err(Refused::WrongState { .. })));
    let offline = load(&samples("knex"), &Rows::Unknown);
    assert_eq!(up(&offline, first), Err(Refused::UnknownState));
}

#[test]
fn a_held_lock_of_knex_stops_everything() {
    let project = load(&samples("knex"), &knex_rows(&[], true));
    let detail = trouble(&project, Trouble::Locked).expect("it is found");
    assert!(detail.contains("knex migrate:unlock"), "{detail}");
    let refused = up(&project, "20240101000000_create_users.js");
    assert!(matches!(refused, Err(Refused::Problem(_))), "{refused:?}");
}

#[test]
fn a_row_without_file_is_listed_and_stops_those_tools_that_it_stops() {
    let gone = "20230101000000_gone.js";
    let project = load(&samples("knex"), &knex_rows(&[gone], false));
    assert_eq!(project.graph.nodes[0].state, State::Orphan);
    assert!(trouble(&project, Trouble::Orphan).expect("it is found").contains("corrupt"));
    assert!(up(&project, "20240101000000_create_users.js").is_err());
    let compiled = "20240101000000-initial-schema.js";
    let project = load(&samples("umzug"), &rows(&[compiled]));
    let detail = trouble(&project, Trouble::Orphan).expect("it is found");
    assert!(detail.contains("only by its ending"), "{detail}");
}

#[test]
fn node_pg_migrate_refuses_what_came_too_late() {
    let project = load(&samples("node-pg-migrate"), &rows(&["1704153600000_widen-email"]));
    let detail = trouble(&project, Trouble::OutOfOrder).expect("it is found");
    assert!(detail.contains("Not run migration 1704067200000_create-users"), "{detail}");
    assert!(up(&project, "1704067200000_create-users").is_err());
}

#[test]
fn alembic_stays_alembic_where_node_lies_beside_it() {
    let directory = tempfile::tempdir().expect("a directory");
    copy(&samples("alembic"), directory.path());
    let package = "{\"devDependencies\": {\"knex\": \"^3\"}}";
    fs::write(directory.path().join("package.json"), package).expect("it can be written");
    let found = detect(&Disk::new(directory.path()));
    assert_eq!(found.first().map(|(tool, _)| tool.name()), Some("alembic"));
}

#[test]
fn a_project_that_only_queries_with_knex_is_none_of_it() {
    let directory = tempfile::tempdir().expect("a directory");
    copy(&samples("sqlx"), directory.path());
    let package = "{\"dependencies\": {\"knex\": \"^3\"}}";
    fs::write(directory.path().join("package.json"), package).expect("it can be written");
    let found = detect(&Disk::new(directory.path()));
    assert_eq!(found.first().map(|(tool, _)| tool.name()), Some("sqlx"));
}

#[test]
fn what_the_tools_say_is_understood() {
    let cases = [
        (
            "knex",
            "The migration directory is corrupt, the following files are missing: a.js",
            FailureKind::MissingFile,
        ),
        ("knex", "Migration table is already locked", FailureKind::Dirty),
        (
            "node_pg_migrate",
            "Error: Not run migration a is preceding already run migration b",
            FailureKind::Moved,
        ),
        (
            "node_pg_migrate",
            "error: canceling statement due to lock timeout\n  code: '55P03',",
            FailureKind::LockTimeout,
        ),
        ("sequelize", "ERROR: Unable to find migration: x.js", FailureKind::MissingFile),
        ("sequelize", "ERROR: irreversible", FailureKind::Raised),
        ("sequelize", "ERROR: value too long for type character varying(100)", FailureKind::Data),
    ];
    for (tool, said, kind) in cases {
        let failure = by_name(tool).expect("it is known").explain(said, Some(1));
        assert_eq!(failure.kind, kind, "{tool}: {said}");
    }
}
