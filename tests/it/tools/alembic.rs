//! Alembic's files, its graph and its words; the order is compared with the real program's.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use lockkeeper::domain::change::Name;
use lockkeeper::domain::graph::Trouble;
use lockkeeper::domain::hazard::{Catalog, Transactions};
use lockkeeper::domain::reversal::Kind;
use lockkeeper::io::tree::Disk;
use lockkeeper::tools::status::Status;
use lockkeeper::tools::{
    self, FailureKind, Intent, Project, Refused, Rows, Tool, by_name, by_word, detect,
};

use crate::support::alembic::{self, Revision, bin, revision, samples};

fn tool() -> &'static dyn Tool {
    by_name("alembic").expect("alembic is known")
}

fn at(ids: &[&str]) -> Rows {
    Rows::Read(ids.iter().map(|id| vec![Some((*id).to_owned())]).collect())
}

fn load(project: &alembic::Project, rows: &Rows) -> Project {
    let tree = Disk::new(project.path());
    let detected = tool().detect(&tree).expect("it is detected");
    tool().load(&tree, &detected.directory, rows)
}

fn ids(project: &Project) -> Vec<&str> {
    project.graph.nodes.iter().map(|node| node.id.as_str()).collect()
}

fn pending(project: &Project) -> Vec<&str> {
    project.graph.pending().map(|node| node.id.as_str()).collect()
}

fn troubles(project: &Project) -> Vec<Trouble> {
    project.problems.iter().map(|problem| problem.kind).collect()
}

/// Asks the real program for its heads, and for what it would run from `current`.
fn really(directory: &Path, current: &[&str]) -> (Vec<String>, Vec<String>) {
    const SCRIPT: &str = "\
import sys, warnings
warnings.simplefilter('ignore')
from alembic.config import Config
from alembic.script import ScriptDirectory
script = ScriptDirectory.from_config(Config('alembic.ini'))
print(' '.join(sorted(script.get_heads())))
print(' '.join(s.revision.revision for s in script._upgrade_revs('heads', tuple(sys.argv[1:]))))
";
    let output = Command::new(bin().join("python"))
        .args(["-c", SCRIPT])
        .args(current)
        .current_dir(directory)
        .output()
        .expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    let (heads, order) = text.split_once('\n').expect("two lines");
    (words(heads), words(order))
}

const PASS: &str = "pass";

/// Two branches with a merge, a second base, and one that depends on another branch.
const GRAPH: [Revision; 10] = [
    ("aa01", "None", PASS, PASS),
    ("ab02", "'aa01'", PASS, PASS),
    ("ac03", "'aa01'", PASS, PASS),
    ("ad04", "'ab02'", PASS, PASS),
    ("ae05", "('ad04', 'ac03')", PASS, PASS),
    ("ba06", "None", PASS, PASS),
    ("bb07", "'ba06'\ndepends_on = 'ad04'", PASS, PASS),
    ("bc08", "'bb07'", PASS, PASS),
    ("af09", "'ae05'", PASS, PASS),
    ("ag10", "'ae05'", PASS, PASS),
];

#[test]
fn the_sample_project_is_judged_as_it_was_observed() {
    let tree = Disk::new(samples());
    let (tool, detected) = detect(&tree).into_iter().next().expect("it is detected");
    assert_eq!((tool.name(), detected.directory.as_str()), ("alembic", "migrations"));
    let project = tool.load(&tree, &detected.directory, &Rows::Absent);
    let judged: BTreeMap<&str, Kind> =
        project.migrations.iter().map(|m| (m.id.as_str(), m.reversal.kind)).collect();
    // `expected.json` of the samples, where "ok" is reversible.
    let observed = [
        ("a1c0de000001", Kind::Lossy),
        ("a1c0de000002", Kind::Lossy),
        ("a1c0de00003a", Kind::Raises),
        ("a1c0de00003b", Kind::Reversible),
        ("a1c0de000004", Kind::NoOp),
        ("a1c0de000005", Kind::Lossy),
    ];
    assert_eq!(judged, BTreeMap::from(observed));
    assert!(project.problems.is_empty(), "{:?}", project.problems);
    let transactions = |id: &str| project.migration(id).expect("it is there").up.transactions;
    assert_eq!(transactions("a1c0de00003b"), Transactions::None);
    assert_eq!(transactions("a1c0de000005"), Transactions::One);
}

#[test]
fn the_status_of_the_sample_project_is_the_document_of_the_contract() {
    let project = tool().load(&Disk::new(samples()), "migrations", &at(&["a1c0de000002"]));
    let status = Status::of(&project, &Catalog { complete: true, ..Catalog::default() });
    insta::assert_snapshot!(serde_json::to_string_pretty(&status).expect("a status is JSON"));
}

#[test]
fn heads_and_order_are_those_of_the_real_program_from_wherever_the_database_is() {
    let sample = alembic::Project::sample();
    let graph = alembic::Project::of(&GRAPH);
    let cases: [(&alembic::Project, &[&[&str]]); 2] = [
        (&sample, &[&[], &["a1c0de000002"], &["a1c0de00003a"], &["a1c0de000004"]]),
        (&graph, &[&[], &["aa01"], &["ac03"], &["ab02", "ba06"], &["ac03", "bb07"], &["ae05"]]),
    ];
    for (project, places) in cases {
        for current in places {
            let (heads, order) = really(project.path(), current);
            let loaded = load(project, &at(current));
            assert_eq!(pending(&loaded), order, "from {current:?}");
            if project.path() == sample.path() {
                assert_eq!(loaded.graph.heads(), heads);
            }
            let mut found = loaded.graph.current();
            found.sort_unstable();
            assert_eq!(found, *current);
        }
    }
}

#[test]
fn each_trouble_is_found_before_anything_runs_and_says_what_alembic_would_say() {
    let base: Revision = ("aaaa", "None", PASS, PASS);
    let cases: [(&[Revision], &[&str], Trouble, &str); 5] = [
        (
            &[base, ("bbbb", "'gone'", PASS, PASS)],
            &[],
            Trouble::MissingParent,
            "bbbb.py follows gone",
        ),
        (&[base], &["gone"], Trouble::Orphan, "Can't locate revision identified by 'gone'"),
        (
            &[base, ("bbbb", "'aaaa'", PASS, PASS), ("cccc", "'aaaa'", PASS, PASS)],
            &[],
            Trouble::MultipleHeads,
            "Multiple head revisions",
        ),
        (
            &[base, ("bbbb", "'cccc'", PASS, PASS), ("cccc", "'bbbb'", PASS, PASS)],
            &[],
            Trouble::MissingParent,
            "Cycle is detected",
        ),
        (&[base, ("bbbb", "'aaaa'", PASS, PASS)], &["aaaa", "bbbb"], Trouble::Dirty, "overlaps"),
    ];
    for (revisions, current, trouble, words) in cases {
        let project = load(&alembic::Project::of(revisions), &at(current));
        assert_eq!(troubles(&project), [trouble], "{:?}", project.problems);
        assert!(project.problems[0].detail.contains(words), "{:?}", project.problems);
    }
}

#[test]
fn a_file_that_alembic_could_not_load_is_named_with_its_line() {
    let project = alembic::Project::of(&[("aaaa", "None", PASS, PASS)]);
    let broken = revision("bbbb", "'aaaa'", "op.drop_table('x'", PASS);
    project.write("migrations/versions/bbbb.py", &broken);
    project.write("migrations/versions/copy.py", &revision("aaaa", "None", PASS, PASS));
    project.write("migrations/versions/other.py", "x = 1\n");
    let loaded = load(&project, &Rows::Absent);
    let details: Vec<&str> = loaded.problems.iter().map(|p| p.detail.as_str()).collect();
    assert!(details[0].starts_with("migrations/versions/bbbb.py:10: no Python"), "{details:#?}");
    assert!(details[0].contains("every command of it fails"));
    assert!(details[1].contains("other.py: no `revision"), "{details:#?}");
    assert!(details[2].contains("aaaa.py and migrations/versions/copy.py both say"));
    let refused = tool().act(&loaded, &Intent::Up("aaaa".into())).expect_err("it is refused");
    assert!(matches!(refused, Refused::Problem(_)));
}

fn words(project: &Project, intent: &Intent) -> String {
    tool().act(project, intent).expect("it can run").command.line()
}

#[test]
fn one_act_takes_one_revision_by_full_ids_also_at_merges_and_branches() {
    let project = alembic::Project::of(&GRAPH);
    let up =
        |current: &[&str], id: &str| words(&load(&project, &at(current)), &Intent::Up(id.into()));
    let down =
        |current: &[&str], id: &str| words(&load(&project, &at(current)), &Intent::Down(id.into()));
    assert_eq!(up(&[], "aa01"), "alembic upgrade aa01");
    assert_eq!(up(&["ac03", "ad04"], "ae05"), "alembic upgrade ae05");
    assert_eq!(down(&["ab02"], "ab02"), "alembic downgrade aa01");
    assert_eq!(down(&["aa01"], "aa01"), "alembic downgrade base");
    // Others begin at the same place and are applied too.
    assert_eq!(down(&["ab02", "ac03"], "ab02"), "alembic downgrade ab02@aa01");
    assert_eq!(down(&["aa01", "ba06"], "ba06"), "alembic downgrade ba06@base");
    assert_eq!(down(&["ae05"], "ae05"), "alembic downgrade ad04");
    assert_eq!(down(&["ae05", "bc08"], "ae05"), "alembic downgrade ad04");
    assert_eq!(down(&["af09", "ag10"], "af09"), "alembic downgrade af09@ae05");
    let loaded = load(&project, &at(&["ac03", "ad04"]));
    let act = tool().act(&loaded, &Intent::Up("ae05".into())).expect("it can run");
    assert_eq!((act.before, act.after), (vec!["ad04".into(), "ac03".into()], vec!["ae05".into()]));
    let env = "migrations/env.py";
    assert_eq!(act.files, ["migrations/versions/ae05.py", "alembic.ini", env]);
}

#[test]
fn what_would_take_more_than_one_revision_is_refused() {
    let project = alembic::Project::of(&GRAPH);
    let refused = |current: &[&str], intent| {
        tool().act(&load(&project, &at(current)), &intent).expect_err("it is refused")
    };
    assert!(matches!(
        refused(&["aa01"], Intent::Up("ae05".into())),
        Refused::NotNext { first, .. } if first == "ab02" || first == "ac03"
    ));
    assert!(matches!(
        refused(&["bb07"], Intent::Down("ad04".into())),
        Refused::NotNext { first, .. } if first == "bb07"
    ));
    assert!(matches!(refused(&["aa01"], Intent::Up("aa01".into())), Refused::WrongState { .. }));
    let blind = load(&project, &Rows::Unknown);
    let refused = tool().act(&blind, &Intent::Up("aa01".into()));
    assert_eq!(refused, Err(Refused::UnknownState));
}

#[test]
fn a_concurrent_index_outside_of_an_autocommit_block_is_refused_on_that_way_alone() {
    let project = alembic::Project::of(&[(
        "aaaa",
        "None",
        "with op.get_context().autocommit_block():\n    op.create_index('i', 't', ['a'], postgresql_concurrently=True)",
        "op.drop_index('i', 't', postgresql_concurrently=True)",
    )]);
    let fresh = load(&project, &Rows::Absent);
    assert_eq!(troubles(&fresh), [Trouble::Unreachable]);
    let act = tool().act(&fresh, &Intent::Up("aaaa".into())).expect("up is in a block");
    assert!(act.no_lock_timeout.is_some());
    let full = load(&project, &at(&["aaaa"]));
    assert!(matches!(tool().act(&full, &Intent::Down("aaaa".into())), Err(Refused::Problem(_))));
}

#[test]
fn places_are_those_that_the_configuration_names() {
    let cases: [(&str, &str, &str); 4] = [
        (
            "alembic.ini",
            "[alembic]\nscript_location = %(here)s/migrations\n",
            "alembic upgrade a1c0de000001",
        ),
        (
            "alembic.ini",
            "[alembic]\nscript_location: ./migrations/\nversion_locations = %(here)s/none %(here)s/migrations/versions\n",
            "alembic upgrade a1c0de000001",
        ),
        (
            "pyproject.toml",
            "[tool.alembic]\nscript_location = \"%(here)s/migrations\"\n",
            "alembic upgrade a1c0de000001",
        ),
        (
            "deploy/alembic.ini",
            "[alembic]\nscript_location = %(here)s/../migrations\n",
            "alembic -c deploy/alembic.ini upgrade a1c0de000001",
        ),
    ];
    for (file, text, line) in cases {
        let project = alembic::Project::sample();
        std::fs::remove_file(project.path().join("alembic.ini")).expect("it is there");
        std::fs::create_dir(project.path().join("deploy")).expect("it can be made");
        project.write(file, text);
        let loaded = load(&project, &Rows::Absent);
        assert_eq!(loaded.problems, [], "{file}");
        assert_eq!(ids(&loaded).len(), 6, "{file}: {text}");
        assert_eq!(words(&loaded, &Intent::Up("a1c0de000001".into())), line);
    }
}

#[test]
fn the_version_table_is_the_one_that_env_py_names_and_an_unknown_one_stops_everything() {
    let project = alembic::Project::sample();
    let env = std::fs::read_to_string(samples().join("migrations/env.py")).expect("it reads");
    let with = |options: &str| {
        project.write("migrations/env.py", &env.replace("connection=connection,", options));
        tool().version_query(&Disk::new(project.path())).table
    };
    assert_eq!(with("connection=connection,"), "alembic_version");
    let named = "connection=connection, version_table='Versions', version_table_schema='app',";
    assert_eq!(with(named), "app.\"Versions\"");
    with("connection=connection, version_table=os.environ['T'],");
    let loaded = load(&project, &Rows::Absent);
    assert!(loaded.problems[0].detail.contains("env.py:25: version_table is put together"));
    assert!(loaded.problems[0].detail.contains("[project] version_table"));
    assert!(!loaded.connected, "the rows are those of another table");
    assert!(tool().act(&loaded, &Intent::Up("a1c0de000001".into())).is_err());
    // The configuration can name it.
    let told = tools::named(tool(), Name::within("books", "Versions"));
    let tree = Disk::new(project.path());
    assert_eq!(told.version_query(&tree).table, "books.\"Versions\"");
    let loaded = told.load(&tree, "migrations", &Rows::Absent);
    assert_eq!((loaded.problems.len(), loaded.connected), (0, true));
    assert!(told.act(&loaded, &Intent::Up("a1c0de000001".into())).is_ok());
    // A child of ours is told by one word.
    let word = told.word();
    assert_eq!(word, "alembic:books.\"Versions\"");
    let again = by_word(&word).expect("it is known");
    assert_eq!(again.version_query(&tree).table, "books.\"Versions\"");
    assert_eq!(by_word("alembic").expect("it is known").word(), "alembic");
    assert!(by_word("nothing:books.versions").is_none());
}

#[test]
fn under_asyncpg_no_limit_is_said_to_be_in_force() {
    let project = alembic::Project::sample();
    project.write(
        "alembic.ini",
        "[alembic]\nscript_location = migrations\nsqlalchemy.url = postgresql+asyncpg://localhost/x\n",
    );
    let loaded = load(&project, &Rows::Absent);
    let act = tool().act(&loaded, &Intent::Up("a1c0de000001".into())).expect("it can run");
    assert!(act.no_lock_timeout.expect("it says so").contains("asyncpg takes no heed"));
}

#[test]
fn what_the_real_program_said_is_understood() {
    let said = |name: &str| {
        let path = samples().with_file_name("alembic-said").join(format!("{name}.txt"));
        std::fs::read_to_string(path).expect("the sample reads")
    };
    let cases = [
        ("lock_timeout", 1, FailureKind::LockTimeout, "LockNotAvailable"),
        ("statement_timeout", 1, FailureKind::StatementTimeout, "statement timeout"),
        ("data", 1, FailureKind::Data, "value too long for type"),
        ("dependents", 1, FailureKind::Dependents, "other objects depend on it"),
        ("raises", 1, FailureKind::Raised, "NotImplementedError: legacy_prefs"),
        ("connection", 1, FailureKind::Connection, "connection to server"),
        ("missing_file", 255, FailureKind::MissingFile, "FAILED: Can't locate revision"),
        ("several_heads", 255, FailureKind::Moved, "FAILED: Multiple head revisions"),
        ("ambiguous", 255, FailureKind::Moved, "FAILED: Ambiguous walk"),
        ("not_valid_target", 255, FailureKind::Moved, "not a valid downgrade target"),
        ("syntax", 1, FailureKind::Other, "SyntaxError: invalid syntax"),
        ("missing_parent", 1, FailureKind::Other, "KeyError: 'nowhere'"),
    ];
    for (name, exit, kind, words) in cases {
        let failure = tool().explain(&said(name), Some(exit));
        assert_eq!(failure.kind, kind, "{name}: {failure:?}");
        assert!(failure.line.contains(words), "{name}: {failure:?}");
    }
}

#[test]
fn a_person_may_write_the_beginning_of_an_id_if_no_other_begins_so() {
    let project = load(&alembic::Project::of(&GRAPH), &Rows::Absent);
    let found = |word: &str| project.graph.resolve(word).map(|node| node.id.as_str());
    assert_eq!(found("ae0"), Ok("ae05"));
    assert_eq!(found("ae05"), Ok("ae05"));
    assert!(found("a").is_err_and(|why| why.contains("write more of it")));
    assert!(found("zz").is_err_and(|why| why.contains("there is no migration zz")));
}
