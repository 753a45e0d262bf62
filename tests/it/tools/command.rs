//! A tool of one's own: what its commands are asked to do, and when they are not.

use lockkeeper::domain::config::Commands;
use lockkeeper::io::tree::Disk;
use lockkeeper::tools::{Intent, Project, Refused, Rows, Tool, command};

use crate::support::alembic;

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// What the sample's Makefile and `migrate_db.py` offer.
fn commands() -> Commands {
    Commands {
        up: words("make migrate-up"),
        up_one: words("python migrate_db.py upgrade +1"),
        down_one: Vec::new(),
        down_to: words("python migrate_db.py downgrade {revision}"),
        current: words("make migrate-current"),
    }
}

fn load(commands: &Commands, at: &[&str]) -> (&'static dyn Tool, Project) {
    let tree = Disk::new(alembic::samples());
    let (tool, detected) = command::tool(commands, &tree);
    let rows = Rows::Read(at.iter().map(|id| vec![Some((*id).to_owned())]).collect());
    let project = tool.load(&tree, &detected.directory, &rows);
    (tool, project)
}

fn line(commands: &Commands, at: &[&str], intent: &Intent) -> Result<String, Refused> {
    let (tool, project) = load(commands, at);
    tool.act(&project, intent).map(|act| act.command.line())
}

#[test]
fn the_files_are_read_as_their_tool_reads_them_and_only_the_command_is_the_project_s() {
    let (tool, project) = load(&commands(), &["a1c0de000001"]);
    assert_eq!((tool.name(), project.tool), ("alembic", "alembic"));
    assert_eq!(project.graph.current(), ["a1c0de000001"]);
    let act = tool.act(&project, &Intent::Up("a1c0de000002".into())).expect("it is next");
    assert_eq!(act.command.line(), "python migrate_db.py upgrade +1");
    assert_eq!(act.after, ["a1c0de000002"]);
    for file in ["migrate_db.py", "Makefile", "alembic.ini"] {
        assert!(act.files.contains(&file.to_owned()), "{file} is hashed: {:?}", act.files);
    }
    let probe = tool.probe(&project).expect("`current` shows where it connects");
    assert_eq!(probe.line(), "make migrate-current");
}

#[test]
fn a_command_is_run_only_where_it_can_do_one_thing() {
    let (one, two) = ("a1c0de000001", "a1c0de000002");
    let up = |id: &str| Intent::Up(id.into());
    let down = |id: &str| Intent::Down(id.into());
    assert_eq!(
        line(&commands(), &[two], &down(two)),
        Ok(format!("python migrate_db.py downgrade {one}"))
    );
    // Two follow it: `+1` may be either.
    let Err(Refused::Problem(why)) = line(&commands(), &[two], &up("a1c0de00003a")) else {
        panic!("not refused")
    };
    assert!(why.contains("may take any of a1c0de00003") && why.contains("{revision}"), "{why}");
    let exact = Commands { up_one: words("migrate up {revision}"), ..commands() };
    assert_eq!(line(&exact, &[two], &up("a1c0de00003a")), Ok("migrate up a1c0de00003a".into()));
    // Below the first there is no revision to name.
    assert!(matches!(line(&commands(), &[one], &down(one)), Err(Refused::Problem(_))));
    let back = Commands { down_one: words("make migrate-down-one"), ..commands() };
    assert_eq!(line(&back, &[one], &down(one)), Ok("make migrate-down-one".into()));
    let merged = "a1c0de000004";
    assert!(matches!(line(&back, &[merged], &down(merged)), Err(Refused::Problem(_))));
    // `up` runs all: only for the last one.
    let all = Commands { up_one: Vec::new(), ..commands() };
    assert_eq!(line(&all, &[merged], &up("a1c0de000005")), Ok("make migrate-up".into()));
    let Err(Refused::Problem(why)) = line(&all, &[one], &up(two)) else { panic!("not refused") };
    assert!(why.contains("all 5 pending migrations together"), "{why}");
}

#[test]
fn where_no_known_files_lie_nothing_is_known_and_nothing_is_run() {
    let directory = tempfile::tempdir().expect("a directory");
    let tree = Disk::new(directory.path());
    let (tool, detected) = command::tool(&commands(), &tree);
    let project = tool.load(&tree, &detected.directory, &Rows::Absent);
    assert_eq!((tool.name(), project.connected), ("command", false));
    assert!(project.problems[0].detail.contains("`make migrate-current` says"));
    let refused = tool.act(&project, &Intent::Up("1".into()));
    assert!(matches!(refused, Err(Refused::Problem(_))));
}
