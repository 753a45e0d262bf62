//! What `status` costs before it says anything: Alembic's revisions read from their files,
//! compiled, judged and printed as one document, without a database.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::server::LOCKKEEPER;

/// How many revisions, and in how many milliseconds.
const GOALS: [(usize, u128); 2] = [(300, 30), (1_000, 150)];
const RUNS: usize = 20;

/// How much revisions have in common.
#[derive(Clone, Copy, Debug)]
enum Like {
    /// Each adds a column and its index.
    Alike,
    /// Each does another number of things of five kinds.
    Mixed,
}

/// Measures and prints the fastest of some runs: whatever else the machine does only adds to it.
pub fn measure() {
    for (count, goal) in GOALS {
        for like in [Like::Alike, Like::Mixed] {
            let project = tempfile::tempdir().expect("a directory");
            write(project.path(), count, like);
            let fastest = (0..RUNS).map(|_| once(project.path())).min().expect("some runs");
            let mark = if fastest.as_millis() >= goal { "! " } else { "" };
            println!(
                "{mark}status of {count} revisions, {like:?}, ms, fastest of {RUNS}: {:.1} (goal {goal})",
                fastest.as_secs_f64() * 1e3
            );
        }
    }
}

fn once(project: &Path) -> Duration {
    let mut command = Command::new(LOCKKEEPER);
    command.args(["status", "--json", "--dsn", "postgresql:///none?host=/nowhere"]);
    command.current_dir(project).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let status = command.status().expect("lockkeeper starts");
    let took = began.elapsed();
    assert_eq!(status.code(), Some(1), "without a database nothing is up to date");
    took
}

fn write(project: &Path, count: usize, like: Like) {
    fs::write(project.join("alembic.ini"), "[alembic]\nscript_location = .\n")
        .expect("it is written");
    fs::write(project.join("env.py"), "").expect("it is written");
    fs::create_dir(project.join("versions")).expect("it is made");
    for at in 0..count {
        let file = project.join(format!("versions/{at:012x}_step.py"));
        fs::write(file, revision(at, like)).expect("it is written");
    }
}

fn revision(at: usize, like: Like) -> String {
    let before = at.checked_sub(1).map_or_else(|| "None".to_owned(), |at| format!("'{at:012x}'"));
    let (up, down) = match like {
        Like::Alike => pair(at, 0),
        Like::Mixed => (0..=at % 7)
            .map(|nth| pair(at * 7 + nth, at / 7 + nth * (at % 5)))
            .fold((String::new(), String::new()), |(up, down), (next, back)| {
                (up + &next, back + &down)
            }),
    };
    format!(
        "\"\"\"step {at}\n\nRevision ID: {at:012x}\nRevises: {before}\n\n\"\"\"\n\
         from typing import Sequence, Union\n\nfrom alembic import op\nimport sqlalchemy as sa\n\n\n\
         # revision identifiers, used by Alembic.\nrevision: str = '{at:012x}'\n\
         down_revision: Union[str, None] = {before}\n\
         branch_labels: Union[str, Sequence[str], None] = None\n\
         depends_on: Union[str, Sequence[str], None] = None\n\n\n\
         def upgrade() -> None:\n{up}\n\ndef downgrade() -> None:\n{down}"
    )
}

/// Returns something to do to the database, and how it is undone.
fn pair(at: usize, kind: usize) -> (String, String) {
    let (mut up, mut down) = (String::new(), String::new());
    let mut both = |one: String, other: String| {
        writeln!(up, "    {one}").expect("a String takes it");
        down.insert_str(0, &format!("    {other}\n"));
    };
    match kind % 5 {
        0 => {
            let size = kind + 50;
            both(
                format!(
                    "op.add_column('users', sa.Column('c{at}', sa.String(length={size}), nullable=True))"
                ),
                format!("op.drop_column('users', 'c{at}')"),
            );
            both(
                format!("op.create_index('ix_users_c{at}', 'users', ['c{at}'], unique=False)"),
                format!("op.drop_index('ix_users_c{at}', table_name='users')"),
            );
        }
        1 => both(
            format!(
                "op.add_column('users', sa.Column('n{at}', sa.Integer(), server_default='0', nullable=False))"
            ),
            format!("op.drop_column('users', 'n{at}')"),
        ),
        2 => both(
            format!(
                "op.alter_column('users', 'n{at}', existing_type=sa.INTEGER(), nullable=False)"
            ),
            format!("op.alter_column('users', 'n{at}', existing_type=sa.INTEGER(), nullable=True)"),
        ),
        3 => both(
            format!(
                "op.create_table('t{at}',\n    sa.Column('id', sa.Integer(), nullable=False),\n    \
                 sa.Column('name', sa.String({at}), nullable=True),\n    sa.PrimaryKeyConstraint('id')\n    )"
            ),
            format!("op.drop_table('t{at}')"),
        ),
        _ => both(
            format!("op.execute(\"UPDATE users SET n = {at} WHERE n IS NULL\")"),
            "pass".to_owned(),
        ),
    }
    (up, down)
}
