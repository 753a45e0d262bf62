//! A tool of one's own, described in `[project.command]`: a Makefile, a script.
//!
//! What the migrations are, and which the database has, is read by the tool whose files lie
//! there; only what runs is the project's. Where no known tool's files lie, nothing is known
//! of what a command would do, and nothing is run.

use std::sync::{Mutex, PoisonError};

use super::{
    Act, Advisory, Detected, Failure, Intent, Project, Refused, Rows, Setup, Tool, Tree,
    VersionQuery, detect,
};
use crate::domain::change::Name;
use crate::domain::config::Commands;
use crate::domain::graph::{Graph, Node, Problem, State, Trouble};
use crate::domain::plan::Command;

/// What stands for a revision, as a whole element.
const REVISION: &str = "{revision}";

/// The tools that were described so far: a configuration does not change while we run.
static DESCRIBED: Mutex<Vec<&'static Described>> = Mutex::new(Vec::new());

/// Returns the tool that these commands describe, and where its migrations are.
#[must_use]
pub fn tool(commands: &Commands, tree: &dyn Tree) -> (&'static dyn Tool, Detected) {
    let (reader, detected) = if let Some((reader, detected)) = detect(tree).into_iter().next() {
        (Some(reader), detected)
    } else {
        let why = String::from("[project.command] describes it");
        (None, Detected { directory: String::new(), why })
    };
    (described(commands, reader), detected)
}

fn described(commands: &Commands, reader: Option<&'static dyn Tool>) -> &'static Described {
    let mut known = DESCRIBED.lock().unwrap_or_else(PoisonError::into_inner);
    let name = |tool: Option<&'static dyn Tool>| tool.map(Tool::name);
    let same = |tool: &&&'static Described| {
        tool.commands == *commands && name(tool.reader) == name(reader)
    };
    if let Some(tool) = known.iter().find(same) {
        return tool;
    }
    let tool: &'static Described =
        Box::leak(Box::new(Described { commands: commands.clone(), reader }));
    known.push(tool);
    tool
}

struct Described {
    commands: Commands,
    /// The tool whose files they are.
    reader: Option<&'static dyn Tool>,
}

impl Tool for Described {
    fn name(&self) -> &'static str {
        self.reader.map_or("command", Tool::name)
    }

    fn detect(&self, tree: &dyn Tree) -> Option<Detected> {
        self.reader?.detect(tree)
    }

    fn version_table(&self, tree: &dyn Tree) -> Name {
        let unknown = || Name::new("the version table");
        self.reader.map_or_else(unknown, |reader| reader.version_table(tree))
    }

    fn query(&self, table: &Name, tree: &dyn Tree) -> VersionQuery {
        match self.reader {
            Some(reader) => reader.query(table, tree),
            None => VersionQuery {
                table: String::from("the version table"),
                exists: String::from("SELECT false"),
                rows: String::from("SELECT NULL WHERE false"),
            },
        }
    }

    fn locks_with(&self, lock: &Advisory, table: &Name) -> Option<&'static str> {
        self.reader?.locks_with(lock, table)
    }

    fn read(&self, tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
        let Some(reader) = self.reader else { return self.unknown() };
        let mut project = reader.read(tree, directory, rows);
        for file in self.files(tree) {
            if !project.setup.files.contains(&file) {
                project.setup.files.push(file);
            }
        }
        project
    }

    fn act(&self, project: &Project, intent: &Intent) -> Result<Act, Refused> {
        let Some(reader) = self.reader else {
            return Err(Refused::Problem(self.untold()));
        };
        let mut act = reader.act(project, intent)?;
        let argv = match intent {
            Intent::Up(id) => self.up(project, id)?,
            Intent::Down(id) => self.down(project, id, &act)?,
        };
        let more = project.setup.files.iter().filter(|file| !act.files.contains(file));
        let more: Vec<String> = more.cloned().collect();
        act.files.extend(more);
        act.command = Command { argv, ..Command::default() };
        Ok(act)
    }

    fn probe(&self, _project: &Project) -> Option<Command> {
        let argv = self.commands.current.clone();
        (!argv.is_empty()).then(|| Command { argv, ..Command::default() })
    }

    fn explain(&self, output: &str, exit: Option<i32>) -> Failure {
        match self.reader {
            Some(reader) => reader.explain(output, exit),
            None => Failure::of_server(output),
        }
    }
}

impl Described {
    fn untold(&self) -> String {
        format!(
            "no known tool's files lie here, so which migrations there are, and what `{}` would run, cannot be told; run it by hand",
            self.commands.up_one.join(" ")
        )
    }

    fn unknown(&self) -> Project {
        let detail = format!(
            "no known tool's files lie here: which migrations there are is not known; `{}` says where the database is",
            self.commands.current.join(" ")
        );
        Project {
            tool: "command",
            directory: String::new(),
            connected: false,
            graph: Graph::default(),
            migrations: Vec::new(),
            problems: vec![Problem::new(Trouble::Unreachable, "command", detail)],
            setup: Setup::default(),
        }
    }

    /// Returns the files that the commands run, as far as they name them.
    fn files(&self, tree: &dyn Tree) -> Vec<String> {
        let Commands { up, up_one, down_one, down_to, current } = &self.commands;
        let all = [up, up_one, down_one, down_to, current];
        let words = all.iter().flat_map(|argv| argv.iter().map(String::as_str));
        let made = all.iter().any(|argv| argv.first().is_some_and(|word| word == "make"));
        // Those that `make` looks for, in its order.
        let make = ["GNUmakefile", "makefile", "Makefile"].into_iter().filter(|_| made);
        let mut files: Vec<String> = words
            .chain(make)
            .map(|word| word.trim_start_matches("./"))
            .filter(|word| !word.is_empty() && tree.read(word).is_ok())
            .map(str::to_owned)
            .collect();
        files.sort();
        files.dedup();
        files
    }

    /// The command takes the next one: only one may be that.
    fn up(&self, project: &Project, id: &str) -> Result<Vec<String>, Refused> {
        let Commands { up, up_one, .. } = &self.commands;
        if up_one.iter().any(|word| word == REVISION) {
            return Ok(with(up_one, id));
        }
        let ready: Vec<&str> = project
            .graph
            .pending()
            .filter(|n| is_ready(project, n))
            .map(|n| n.id.as_str())
            .collect();
        if !up_one.is_empty() && ready == [id] {
            return Ok(up_one.clone());
        }
        let pending: Vec<&str> = project.graph.pending().map(|node| node.id.as_str()).collect();
        if !up.is_empty() && pending == [id] {
            return Ok(up.clone());
        }
        Err(Refused::Problem(if up_one.is_empty() {
            format!(
                "`{}` would run all {} pending migrations together: {}; describe up_one in [project.command]",
                up.join(" "),
                pending.len(),
                pending.join(", ")
            )
        } else {
            format!(
                "`{}` may take any of {}: write {{revision}} into up_one of [project.command]",
                up_one.join(" "),
                ready.join(", ")
            )
        }))
    }

    /// The command takes back the last one: it must be the only one that nothing follows, and
    /// itself follow one at most.
    fn down(&self, project: &Project, id: &str, act: &Act) -> Result<Vec<String>, Refused> {
        let Commands { down_one, down_to, .. } = &self.commands;
        let merges = project.graph.find(id).is_some_and(|node| node.parents.len() > 1);
        if act.before != [id] || merges {
            return Err(Refused::Problem(format!(
                "{id} stands at a branch or a merge, where one step back is more than one thing: run the tool by hand"
            )));
        }
        if !down_one.is_empty() && !down_one.iter().any(|word| word == REVISION) {
            return Ok(down_one.clone());
        }
        match act.after.as_slice() {
            [to] if !down_to.is_empty() => Ok(with(down_to, to)),
            _ => Err(Refused::Problem(format!(
                "no command of [project.command] takes back {id} alone: describe down_one"
            ))),
        }
    }
}

fn is_ready(project: &Project, node: &Node) -> bool {
    let ran =
        |id: &String| project.graph.find(id).is_none_or(|parent| parent.state == State::Applied);
    node.parents.iter().all(ran)
}

fn with(argv: &[String], revision: &str) -> Vec<String> {
    let put = |word: &String| if word == REVISION { revision.to_owned() } else { word.clone() };
    argv.iter().map(put).collect()
}
