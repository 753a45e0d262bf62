//! The tools whose migrations are files of SQL: their samples, their rows, their words.

use lockkeeper::domain::change::Name;
use lockkeeper::domain::graph::{State, Trouble};
use lockkeeper::domain::hazard::Transactions;
use lockkeeper::domain::reversal::Kind;
use lockkeeper::io::tree::Disk;
use lockkeeper::tools::{
    Advisory, FailureKind, Intent, Project, Refused, Rows, Tool, ambiguous, by_name, detect,
};

use crate::support::files::Files;

fn tool(name: &str) -> &'static dyn Tool {
    by_name(name).expect("it is known")
}

fn load(name: &str, files: &[(&str, &str)], rows: &Rows) -> Project {
    let tree = Files::of(files);
    let detected = tool(name).detect(&tree).expect("it is detected");
    tool(name).load(&tree, &detected.directory, rows)
}

fn rows(rows: &[&[&str]]) -> Rows {
    let cell = |text: &&str| (*text != "NULL").then(|| (*text).to_owned());
    Rows::Read(rows.iter().map(|row| row.iter().map(cell).collect()).collect())
}

fn states(project: &Project) -> Vec<(&str, State)> {
    project.graph.nodes.iter().map(|node| (node.id.as_str(), node.state)).collect()
}

fn troubles(project: &Project) -> Vec<(Trouble, &str)> {
    project.problems.iter().map(|problem| (problem.kind, problem.id.as_str())).collect()
}

fn act(project: &Project, intent: &Intent) -> Result<String, Refused> {
    tool(project.tool).act(project, intent).map(|act| act.command.line())
}

fn up(id: &str) -> Intent {
    Intent::Up(id.into())
}

fn down(id: &str) -> Intent {
    Intent::Down(id.into())
}

fn sample(name: &str) -> Project {
    let tree = Disk::new(format!("{}/tests/it/tools/samples/{name}", env!("CARGO_MANIFEST_DIR")));
    let (tool, detected) = detect(&tree).into_iter().next().expect("it is detected");
    assert_eq!(tool.name(), name);
    tool.load(&tree, &detected.directory, &Rows::Absent)
}

/// The sample projects, as `expected.json` says where the tool was run (`ok` is reversible).
#[test]
fn each_sample_project_is_detected_and_judged_as_it_was_observed() {
    use Kind::{Lossy, Missing, NoOp, Reversible};
    type Case<'a> = (&'a str, &'a [(&'a str, Kind, Transactions)]);
    let cases: [Case; 5] = [
        (
            "dbmate",
            &[
                ("20240101000000_create_users.sql", Lossy, Transactions::One),
                ("20240102000000_widen_email.sql", Lossy, Transactions::One),
                ("20240103000000_index_concurrently.sql", Reversible, Transactions::None),
                ("20240104000000_drop_email.sql", NoOp, Transactions::One),
            ],
        ),
        (
            "golang-migrate",
            &[
                ("1", Lossy, Transactions::One),
                ("2", Lossy, Transactions::One),
                ("3", Reversible, Transactions::None),
                ("4", Missing, Transactions::One),
            ],
        ),
        (
            "goose",
            &[
                ("1", Lossy, Transactions::One),
                ("2", Reversible, Transactions::None),
                ("3", Lossy, Transactions::One),
                ("4", Missing, Transactions::One),
            ],
        ),
        (
            "flyway",
            &[
                ("1", Lossy, Transactions::One),
                ("2", Lossy, Transactions::One),
                ("3", Missing, Transactions::None),
                ("4", Missing, Transactions::One),
            ],
        ),
        (
            "prisma",
            &[
                ("20240101000000_create_users", Missing, Transactions::One),
                ("20240102000000_widen_email", Missing, Transactions::One),
                ("20240103000000_drop_email", Missing, Transactions::One),
                ("20240104000000_add_status", Missing, Transactions::One),
            ],
        ),
    ];
    for (name, expected) in cases {
        let project = sample(name);
        let judged: Vec<_> = project
            .migrations
            .iter()
            .map(|m| (m.id.as_str(), m.reversal.kind, m.up.transactions))
            .collect();
        assert_eq!(judged, expected, "{name}");
        assert!(project.problems.is_empty(), "{name}: {:?}", project.problems);
    }
}

const USERS: &str = "CREATE TABLE users (id int);";

#[test]
fn dbmate_runs_one_also_where_several_are_pending_and_rolls_back_the_last() {
    let a = ("db/migrations/1_a.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n");
    let b = ("db/migrations/2_b.sql", a.1);
    let project = load("dbmate", &[a, b], &Rows::Absent);
    // `migrate` runs all that lie in the directory: it is given one with this file alone.
    let alone = act(&project, &up("1_a.sql")).expect("it can run");
    assert!(alone.contains("mktemp -d") && alone.contains("db/migrations/1_a.sql"), "{alone}");
    assert!(!alone.contains("2_b.sql"), "{alone}");
    assert!(matches!(act(&project, &up("2_b.sql")), Err(Refused::NotNext { .. })));
    let project = load("dbmate", &[a, b], &rows(&[&["1", "NULL"]]));
    assert_eq!(states(&project), [("1_a.sql", State::Applied), ("2_b.sql", State::Pending)]);
    let words = "dbmate --no-dump-schema --migrations-table schema_migrations --migrations-dir ./db/migrations";
    assert_eq!(act(&project, &up("2_b.sql")), Ok(format!("{words} migrate")));
    assert_eq!(act(&project, &down("1_a.sql")), Ok(format!("{words} rollback")));
    let act = tool("dbmate").act(&project, &up("2_b.sql")).expect("it can run");
    assert_eq!((act.before, act.after), (vec!["1_a.sql".into()], vec!["2_b.sql".into()]));
}

#[test]
fn dbmate_s_troubles_are_found_before_anything_runs() {
    let good = "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n";
    let of = |files: &[(&str, &str)], rows: &Rows| {
        let project = load("dbmate", files, rows);
        troubles(&project).into_iter().map(|(kind, id)| (kind, id.to_owned())).collect::<Vec<_>>()
    };
    let a = ("migrations/1_a.sql", good);
    let one = |kind, id: &str| vec![(kind, id.to_owned())];
    assert_eq!(
        of(&[a, ("migrations/1_b.sql", good)], &Rows::Absent),
        one(Trouble::DuplicateId, "1_b.sql")
    );
    assert_eq!(of(&[a], &rows(&[&["0", "NULL"]])), one(Trouble::Orphan, "0"));
    let b = ("migrations/2_b.sql", good);
    assert_eq!(of(&[a, b], &rows(&[&["2", "NULL"]])), one(Trouble::OutOfOrder, "1_a.sql"));
    assert_eq!(of(&[a], &rows(&[&["1", "false"]])), one(Trouble::Dirty, "schema_migrations"));
    for text in [
        "-- migrate:up\nSELECT 1;\n",
        "SELECT 0;\n-- migrate:up\nSELECT 1;\n-- migrate:down\n",
        "-- migrate:down\n-- migrate:up\nSELECT 1;\n",
        "-- migrate:upwards\n",
    ] {
        let found = of(&[a, ("migrations/2_b.sql", text)], &Rows::Absent);
        assert_eq!(found, one(Trouble::Syntax, "2_b.sql"), "{text}");
    }
    let index = "-- migrate:up\nCREATE INDEX CONCURRENTLY i ON t (a);\n-- migrate:down\n";
    assert_eq!(
        of(&[("migrations/1_a.sql", index)], &Rows::Absent),
        one(Trouble::Unreachable, "1_a.sql")
    );
}

#[test]
fn a_version_table_of_its_own_is_the_one_that_is_read_and_told() {
    let query = |name: &str, files: &[(&str, &str)]| {
        let tree = Files::of(files);
        assert!(tool(name).detect(&tree).is_some(), "{name}");
        tool(name).version_query(&tree)
    };
    let block = "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n";
    let own = ".env";
    let files = [
        ("sql/x/1_a.sql", block),
        (
            own,
            "# ours\nexport DBMATE_MIGRATIONS_TABLE='ops.versions'\nDBMATE_MIGRATIONS_DIR=./sql/x\n",
        ),
    ];
    assert_eq!(query("dbmate", &files).table, "ops.versions");
    let project = load("dbmate", &files, &Rows::Absent);
    let words = act(&project, &up("1_a.sql")).expect("it can run");
    assert!(words.contains("--migrations-table ops.versions --migrations-dir ./sql/x"), "{words}");
    let files = [
        ("migrations/1_a.sql", "-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;\n"),
        (own, "GOOSE_TABLE=Versions\n"),
    ];
    assert_eq!(query("goose", &files).table, "\"Versions\"");
    let project = load("goose", &files, &Rows::Absent);
    let words = act(&project, &up("1")).expect("it can run");
    assert!(words.starts_with("goose -dir ./migrations -table Versions postgres"), "{words}");
    let files = [FLYWAY[0], ("flyway.conf", "flyway.table=log\nflyway.schemas = ops, public\n")];
    assert_eq!(query("flyway", &files).table, "ops.log");
    let toml = "[flyway]\ntable = \"log\"\ndefaultSchema = \"ops\"\n";
    assert_eq!(query("flyway", &[FLYWAY[0], ("flyway.toml", toml)]).table, "ops.log");
}

#[test]
fn two_tools_that_lie_apart_are_named_with_what_to_set() {
    let alembic = ("alembic.ini", "[alembic]\nscript_location = alembic\n");
    let found = |files: &[(&str, &str)]| ambiguous(&detect(&Files::of(files)));
    let mut files = vec![alembic, ("alembic/env.py", ""), ("alembic/versions/a.py", "")];
    assert_eq!(found(&files), None);
    files.push(("db/migrations/1_a.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\n"));
    let why = found(&files).expect("two lie there");
    assert!(why.contains("alembic.ini") && why.contains("db/migrations/1_a.sql"), "{why}");
    assert!(why.contains("[project] tool = \"alembic\""), "{why}");
    // The same files under two tools' rules are told apart by their order.
    assert_eq!(found(&GO), None);
}

#[test]
fn the_lines_of_a_block_are_those_of_the_file() {
    let text = "-- migrate:up\nSELECT 1;\n\n-- migrate:down\n\nSELECT 2;\n";
    let project = load("dbmate", &[("migrations/1_a.sql", text)], &Rows::Absent);
    let down = project.migrations[0].down.as_ref().expect("a way down");
    assert_eq!(down.statements[0].line, 6);
}

const GO: [(&str, &str); 4] = [
    ("migrations/000001_a.up.sql", USERS),
    ("migrations/000001_a.down.sql", "DROP TABLE users;"),
    ("migrations/000002_b.up.sql", "SELECT 1;"),
    ("migrations/000010_c.up.sql", "SELECT 1;"),
];

#[test]
fn golang_migrate_has_run_all_up_to_its_one_row() {
    let project = load("golang-migrate", &GO, &rows(&[&["2", "false"]]));
    assert_eq!(
        states(&project),
        [("1", State::Applied), ("2", State::Applied), ("10", State::Pending)]
    );
    assert_eq!(
        act(&project, &up("10")),
        Ok("migrate -path migrations -database postgres:/// goto 10".into())
    );
    assert!(matches!(act(&project, &down("2")), Err(Refused::NoWayDown(_))));
    let first = load("golang-migrate", &GO, &rows(&[&["1", "false"]]));
    assert_eq!(
        act(&first, &down("1")),
        Ok("migrate -path migrations -database postgres:/// down 1".into())
    );
    let dirty = load("golang-migrate", &GO, &rows(&[&["2", "true"]]));
    assert_eq!(troubles(&dirty), [(Trouble::Dirty, "2")]);
    assert!(matches!(act(&dirty, &up("10")), Err(Refused::Problem(_))));
    let gone = load("golang-migrate", &GO, &rows(&[&["3", "false"]]));
    assert_eq!(troubles(&gone), [(Trouble::Orphan, "3")]);
    let other = load("golang-migrate", &GO, &rows(&[&["2", "NULL"]]));
    assert_eq!(troubles(&other), [(Trouble::Dirty, "schema_migrations")]);
}

#[test]
fn the_names_that_sqlx_takes_too_are_told_apart_by_what_lies_beside_them() {
    let first = |files: &[(&str, &str)]| detect(&Files::of(files))[0].0.name();
    assert_eq!(first(&GO), "golang-migrate");
    assert_eq!(first(&[&GO[..], &[("Cargo.toml", "")]].concat()), "sqlx");
    let stamped = ("migrations/20240101000000_a.up.sql", USERS);
    assert_eq!(first(&[stamped]), "sqlx");
    assert_eq!(first(&[stamped, ("go.mod", "")]), "golang-migrate");
    assert_eq!(first(&[("migrations/1_a.sql", "-- +goose Up\nSELECT 1;\n")]), "goose");
    assert_eq!(first(&[("migrations/1_a.sql", "-- migrate:up\nSELECT 1;\n")]), "dbmate");
}

#[test]
fn goose_s_last_row_of_a_version_tells_and_an_older_file_stops_it() {
    let text = "-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;\n";
    let files =
        [("migrations/1_a.sql", text), ("migrations/2_b.sql", text), ("migrations/03_c.sql", text)];
    let held: [&[&str]; 5] = [
        &["0", "true", "2026-01-01T00:00:00.0Z"],
        &["1", "true", "2026-01-02T03:04:05.000006Z"],
        &["2", "true", "2026-01-02T03:04:05.0Z"],
        &["3", "true", "2026-01-02T03:04:05.0Z"],
        &["3", "false", "2026-01-02T03:04:05.0Z"],
    ];
    let project = load("goose", &files, &rows(&held));
    assert_eq!(
        states(&project),
        [("1", State::Applied), ("2", State::Applied), ("3", State::Pending)]
    );
    assert!(project.graph.nodes[0].applied_at.is_some());
    assert_eq!(act(&project, &up("3")), Ok("goose -dir ./migrations postgres '' up-to 3".into()));
    assert_eq!(
        act(&project, &down("2")),
        Ok("goose -dir ./migrations postgres '' down-to 1".into())
    );
    let skipped = load("goose", &files, &rows(&[&["2", "true", "NULL"]]));
    assert_eq!(troubles(&skipped), [(Trouble::OutOfOrder, "1")]);
    assert!(matches!(act(&skipped, &up("1")), Err(Refused::Problem(_))));
    assert_eq!(
        act(&skipped, &down("2")),
        Ok("goose -dir ./migrations postgres '' down-to 0".into())
    );
}

#[test]
fn goose_s_statements_end_where_goose_ends_them() {
    let block = "-- +goose Up\n-- +goose StatementBegin\nCREATE FUNCTION f() RETURNS int AS $$\nBEGIN\nRETURN 1;\nEND\n$$ LANGUAGE plpgsql;\n-- +goose StatementEnd\nSELECT 1; -- said\n-- +goose Down\nDROP FUNCTION f;\n";
    let project = load("goose", &[("migrations/1_a.sql", block)], &Rows::Absent);
    assert!(project.problems.is_empty(), "{:?}", project.problems);
    let lines = |script: &lockkeeper::tools::Script| {
        script.statements.iter().map(|s| s.line).collect::<Vec<_>>()
    };
    assert_eq!(lines(&project.migrations[0].up), [3, 9]);
    let naked =
        block.replace("-- +goose StatementBegin\n", "").replace("-- +goose StatementEnd\n", "");
    let unfinished = "-- +goose Up\nSELECT 1\n";
    let early = "SELECT 1;\n-- +goose Up\n";
    for text in
        [naked.as_str(), unfinished, early, "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n"]
    {
        let project = load("goose", &[("migrations/1_a.sql", text)], &Rows::Absent);
        assert!(troubles(&project).contains(&(Trouble::Syntax, "1")), "{text}");
    }
    let index = "-- +goose Up\nCREATE INDEX CONCURRENTLY i ON t (a);\n";
    let project = load("goose", &[("migrations/1_a.sql", index)], &Rows::Absent);
    assert_eq!(troubles(&project), [(Trouble::Unreachable, "1")]);
}

#[test]
fn a_migration_that_is_compiled_in_is_listed_and_never_run() {
    let files =
        [("migrations/1_a.sql", "-- +goose Up\nSELECT 1;\n"), ("migrations/2_b.go", "package m")];
    let project = load("goose", &files, &rows(&[&["1", "true", "NULL"]]));
    assert_eq!(states(&project)[1], ("2", State::Pending));
    assert_eq!(project.migrations[1].reversal.kind, Kind::Unknown);
    assert!(matches!(act(&project, &up("2")), Err(Refused::Problem(_))));
}

#[test]
fn prisma_s_attempts_make_one_state_and_a_failed_one_stops_it() {
    let files = [
        ("prisma/migrations/1_a/migration.sql", USERS),
        ("prisma/migrations/2_b/migration.sql", "SELECT 1;"),
        ("prisma/migrations/migration_lock.toml", ""),
    ];
    let sum = lockkeeper::domain::plan::sha256_hex(USERS.as_bytes());
    let time = "2026-01-02T03:04:05.0Z";
    let held: [&[&str]; 2] = [&["1_a", &sum, "NULL", time], &["1_a", &sum, time, "NULL"]];
    let project = load("prisma", &files, &rows(&held));
    assert_eq!(states(&project), [("1_a", State::Applied), ("2_b", State::Pending)]);
    assert!(project.problems.is_empty());
    assert_eq!(act(&project, &up("2_b")), Ok("prisma migrate deploy".into()));
    assert!(matches!(act(&project, &down("1_a")), Err(Refused::NoWayDown(_))));
    assert!(tool("prisma").probe(&project).is_none());
    let failed = load("prisma", &files, &rows(&[&["1_a", &sum, "NULL", "NULL"]]));
    assert_eq!(troubles(&failed), [(Trouble::Dirty, "1_a")]);
    let changed = load("prisma", &files, &rows(&[&["1_a", "else", time, "NULL"]]));
    assert_eq!(troubles(&changed), [(Trouble::Checksum, "1_a")]);
}

const FLYWAY: [(&str, &str); 4] = [
    ("sql/V1__a.sql", "SELECT 1;\nSELECT 2;\n"),
    ("sql/V1.9__b.sql", "SELECT 1;"),
    ("sql/V1_10__c.sql", "SELECT 1;"),
    ("sql/R__views.sql", "SELECT 1;"),
];

/// The CRC-32 of `SELECT 1;SELECT 2;` and of `SELECT 1;`, by zlib, as Java's signed numbers.
const SUMS: [&str; 2] = ["-1665099012", "78787420"];

#[test]
fn flyway_s_versions_sort_by_their_parts_and_its_checksum_leaves_out_the_line_ends() {
    let time = "2026-01-02T03:04:05.0Z";
    let row = |version, name, kind, sum, ok| vec![version, name, kind, sum, time, ok];
    let held = [row("1", "a", "SQL", SUMS[0], "true"), row("1.9", "b", "SQL", SUMS[1], "true")];
    let of = |held: &[Vec<&str>]| {
        let held: Vec<&[&str]> = held.iter().map(Vec::as_slice).collect();
        load("flyway", &FLYWAY, &rows(&held))
    };
    let project = of(&held);
    assert_eq!(
        states(&project),
        [
            ("1", State::Applied),
            ("1.9", State::Applied),
            ("1.10", State::Pending),
            ("R__views", State::Pending)
        ]
    );
    assert!(project.problems.is_empty(), "{:?}", project.problems);
    // The repeatable one would run too.
    assert!(matches!(act(&project, &up("1.10")), Err(Refused::Problem(_))));
    let viewed = row("NULL", "views", "SQL", SUMS[1], "true");
    let project = of(&[&held[..], &[viewed]].concat());
    assert_eq!(act(&project, &up("1.10")), Ok("flyway -target=1.10 migrate".into()));
    let changed = of(&[row("1", "a", "SQL", SUMS[1], "true")]);
    assert_eq!(troubles(&changed), [(Trouble::Checksum, "1")]);
    let failed = of(&[row("1", "a", "SQL", SUMS[0], "false")]);
    assert_eq!(troubles(&failed), [(Trouble::Dirty, "1")]);
    let undone = of(&[held[0].clone(), row("1", "a", "UNDO_SQL", "NULL", "true")]);
    assert_eq!(states(&undone)[0], ("1", State::Pending));
    let older = of(&[held[0].clone(), row("1.10", "c", "SQL", SUMS[1], "true")]);
    assert_eq!(troubles(&older), [(Trouble::OutOfOrder, "1.9")]);
    let based = of(&[row("1.9", "base", "BASELINE", "NULL", "true")]);
    assert_eq!(states(&based)[0], ("1.10", State::Pending));
}

#[test]
fn what_each_tool_says_of_a_failure_is_understood() {
    let kind = |name: &str, said: &str| tool(name).explain(said, Some(1)).kind;
    let lock = "Error: pq: canceling statement due to lock timeout";
    assert_eq!(kind("dbmate", lock), FailureKind::LockTimeout);
    assert_eq!(
        kind("golang-migrate", "error: Dirty database version 2. Fix and force version."),
        FailureKind::Dirty
    );
    assert_eq!(
        kind("goose", "goose run: error: found 1 missing migrations before current version 2:"),
        FailureKind::Moved
    );
    assert_eq!(
        kind("flyway", "ERROR: Migration checksum mismatch for migration version 1"),
        FailureKind::Changed
    );
    assert_eq!(kind("prisma", "Error: P3009"), FailureKind::Dirty);
}

#[test]
fn golang_migrate_s_lock_is_the_one_that_its_own_tests_expect() {
    let holds = |key: i64, database: &str, table: Name| {
        let lock = Advisory {
            key,
            pid: 1,
            application: String::new(),
            database: database.to_owned(),
            schema: Some("public".to_owned()),
        };
        tool("golang-migrate").locks_with(&lock, &table).is_some()
    };
    // `TestGenerateAdvisoryLockId` of database/util_test.go.
    let table = Name::within("schema_name_1", "schema_name_2");
    assert!(holds(3_743_845_847, "database_name", table.clone()));
    assert!(!holds(3_743_845_847, "another", table.clone()));
    assert!(!holds(3_743_845_848, "database_name", table));
}

/// A project whose table the configuration names.
fn named_load(name: &str, table: Name, files: &[(&str, &str)], rows: &Rows) -> Project {
    let (tree, tool) = (Files::of(files), lockkeeper::tools::named(tool(name), table));
    let detected = tool.detect(&tree).expect("it is detected");
    tool.load(&tree, &detected.directory, rows)
}

#[test]
fn a_tool_is_told_the_table_that_the_configuration_names_unless_its_own_files_name_it() {
    let held = rows(&[&["2", "false"]]);
    let go = named_load("golang-migrate", Name::new("our rows"), &GO, &held);
    assert_eq!(
        act(&go, &up("10")),
        Ok("migrate -path migrations -database 'postgres:///?x-migrations-table=our%20rows' goto 10".into())
    );
    let probe = tool("golang-migrate").probe(&go).expect("it has one").line();
    assert!(
        probe.contains("?default_transaction_read_only=on&x-migrations-table=our%20rows"),
        "{probe}"
    );
    let within = named_load("golang-migrate", Name::within("books", "versions"), &GO, &held);
    assert_eq!(
        act(&within, &up("10")),
        Ok("migrate -path migrations -database 'postgres:///?x-migrations-table=%22books%22.%22versions%22&x-migrations-table-quoted=true' goto 10".into())
    );
    let files = [("sql/V1__a.sql", "CREATE TABLE a (id int);")];
    let table = || Name::within("books", "history");
    let flyway = named_load("flyway", table(), &files, &rows(&[]));
    assert_eq!(
        act(&flyway, &up("1")),
        Ok("flyway -defaultSchema=books -table=history -target=1 migrate".into())
    );
    let own = [files[0], ("flyway.conf", "flyway.table=history\nflyway.defaultSchema=books\n")];
    let flyway = named_load("flyway", table(), &own, &rows(&[]));
    assert_eq!(act(&flyway, &up("1")), Ok("flyway -target=1 migrate".into()));
    let files = [("migrations/1_a.sql", "-- +goose Up\nCREATE TABLE a (id int);\n")];
    let goose = named_load("goose", table(), &files, &rows(&[&["0", "true", "NULL"]]));
    let line = act(&goose, &up("1")).expect("it can be run");
    assert!(line.contains("-table books.history"), "{line}");
}

#[test]
fn a_tool_that_cannot_be_told_another_table_runs_nothing_and_says_so() {
    let files = [("prisma/migrations/1_a/migration.sql", "CREATE TABLE a (id int);")];
    let project = named_load("prisma", Name::new("ours"), &files, &rows(&[]));
    assert_eq!(troubles(&project), [(Trouble::VersionTable, "ours")]);
    let said = &project.problems[0].detail;
    assert!(said.contains("writes its version into _prisma_migrations"), "{said}");
    assert_eq!(act(&project, &up("1_a")), Err(Refused::UnknownState));
    // Only the schema is another one: that is the connection's to say.
    let table = Name::within("app", "_prisma_migrations");
    let project = named_load("prisma", table, &files, &rows(&[]));
    assert!(project.problems.is_empty(), "{:?}", project.problems);
}
