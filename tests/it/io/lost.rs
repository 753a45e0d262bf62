//! What the real git knows of a migration whose file is missing.

use std::fs;
use std::path::Path;
use std::process::Command;

use lockkeeper::io::lost::History;
use lockkeeper::io::tree::Disk;
use lockkeeper::tools::{Project, Rows, by_name};

use crate::support::alembic::{self, copy};
use crate::support::node::samples;

const GONE: &str = "migrations/versions/a1c0de000002_widen_email.py";

fn run(directory: &Path, words: &[&str]) {
    let name =
        ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"];
    let (program, words) = words.split_first().expect("a program");
    let mut command = Command::new(program);
    if *program == "git" {
        command.args(name);
    }
    let output = command.args(words).current_dir(directory).output().expect("it starts");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn loaded(directory: &Path, tool: &str, rows: &Rows) -> Project {
    let (tree, tool) = (Disk::new(directory), by_name(tool).expect("it is known"));
    let detected = tool.detect(&tree).expect("it is detected");
    let mut project = tool.load(&tree, &detected.directory, rows);
    History::default().hint(directory, &mut project);
    project
}

/// Returns the command that a problem offers.
fn offered(project: &Project) -> String {
    let detail = &project.problems[0].detail;
    let (_, after) = detail.split_once("git has it: `").unwrap_or_else(|| panic!("{detail}"));
    after.split_once('`').expect("it ends").0.to_owned()
}

#[test]
fn the_command_that_is_offered_brings_back_a_missing_parent() {
    let sample = alembic::Project::sample();
    let own = sample.path();
    run(own, &["git", "init", "-q"]);
    run(own, &["git", "add", "-A"]);
    run(own, &["git", "commit", "-qm", "all"]);
    run(own, &["git", "rm", "-q", GONE]);
    run(own, &["git", "commit", "-qm", "without"]);
    let project = loaded(own, "alembic", &Rows::Absent);
    let command = offered(&project);
    run(own, &["sh", "-c", &command]);
    assert!(own.join(GONE).exists(), "{command}");
    assert!(loaded(own, "alembic", &Rows::Absent).problems.is_empty());
}

#[test]
fn git_is_asked_again_only_when_something_has_moved_in_its_repository() {
    let sample = alembic::Project::sample();
    let own = sample.path();
    run(own, &["git", "init", "-q"]);
    run(own, &["git", "add", "-A"]);
    run(own, &["git", "commit", "-qm", "all"]);
    run(own, &["rm", GONE]);
    let mut history = History::default();
    let mut hinted = |directory: &Path| {
        let (tree, tool) = (Disk::new(directory), by_name("alembic").expect("it is known"));
        let mut project = tool.load(&tree, "migrations", &Rows::Absent);
        history.hint(directory, &mut project);
        project.problems[0].detail.clone()
    };
    let first = hinted(own);
    assert!(first.contains("git has it"), "{first}");
    // What git would need to answer is gone, and nothing that moves with its history is.
    fs::rename(own.join(".git/objects"), own.join(".git/elsewhere")).expect("it moves");
    assert_eq!(hinted(own), first, "the same as before, without git");
    fs::rename(own.join(".git/elsewhere"), own.join(".git/objects")).expect("it moves");
    run(own, &["git", "rm", "-q", "--cached", GONE]);
    run(own, &["git", "commit", "-qm", "without"]);
    let later = hinted(own);
    assert!(later != first && later.contains("git has it"), "{later}");
}

#[test]
fn a_file_that_only_another_branch_has_is_found_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let own = directory.path();
    // Below the repository's top, as in a repository of several projects.
    let project = own.join("backend");
    fs::create_dir(&project).expect("it can be made");
    copy(&samples("sqlx"), &project);
    run(own, &["git", "init", "-q", "-b", "main"]);
    run(own, &["git", "add", "-A"]);
    run(own, &["git", "commit", "-qm", "all"]);
    run(own, &["git", "checkout", "-qb", "other"]);
    let file = "migrations/20250101000000_later.up.sql";
    fs::write(project.join(file), "SELECT 1;").expect("it can be written");
    run(own, &["git", "add", "-A"]);
    run(own, &["git", "commit", "-qm", "later"]);
    run(own, &["git", "checkout", "-q", "main"]);
    let row = ["20250101000000", "later", "2026-01-02T03:04:05.0Z", "true", "aa"];
    let rows = Rows::Read(vec![row.map(|cell| Some(cell.to_owned())).to_vec()]);
    let command = offered(&loaded(&project, "sqlx", &rows));
    run(&project, &["sh", "-c", &command]);
    assert!(project.join(file).exists(), "{command}");
}

#[test]
fn without_git_or_a_trace_of_the_file_nothing_is_promised() {
    let sample = alembic::Project::sample();
    fs::remove_file(sample.path().join(GONE)).expect("it can be removed");
    let outside = loaded(sample.path(), "alembic", &Rows::Absent);
    assert!(!outside.problems[0].detail.contains("git has it"), "{:?}", outside.problems);
    run(sample.path(), &["git", "init", "-q"]);
    let empty = loaded(sample.path(), "alembic", &Rows::Absent);
    assert!(!empty.problems[0].detail.contains("git has it"), "{:?}", empty.problems);
}
