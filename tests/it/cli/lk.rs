//! The program as a user runs it: in a project, on a database, with a state of its own.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lockkeeper::domain::journal::{self, Reading};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::act::kill_jobs;
use crate::support::server::{Database, LOCKKEEPER};
use crate::support::until::LONG;

const FILES: [(&str, &str); 4] = [
    ("1_first.up.sql", "CREATE TABLE first (id int PRIMARY KEY, note text);"),
    ("1_first.down.sql", "DROP TABLE first;"),
    ("2_second.up.sql", "ALTER TABLE first ADD COLUMN more text;"),
    ("2_second.down.sql", "ALTER TABLE first DROP COLUMN more;"),
];

/// A project with two migrations, and a user's own directories.
pub struct Lk {
    dir: TempDir,
    dsn: String,
}

impl Lk {
    pub fn on(database: &Database) -> Self {
        Self::at(&database.dsn())
    }

    pub fn at(dsn: &str) -> Self {
        let lk = Self { dir: tempfile::tempdir().expect("a directory"), dsn: dsn.to_owned() };
        fs::create_dir_all(lk.project().join("migrations")).expect("it can be made");
        for (name, text) in FILES {
            lk.write(&format!("migrations/{name}"), text);
        }
        lk.write("lockkeeper.toml", &configuration(dsn));
        lk
    }

    pub fn project(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    /// Returns what `XDG_STATE_HOME` is set to.
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.project().join(name), text).expect("it can be written");
    }

    pub fn dsn(&self) -> &str {
        &self.dsn
    }

    /// Returns the command in the project, with nothing of the tester's environment that
    /// would lead elsewhere.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(LOCKKEEPER);
        let foreign = |name: &str| name.starts_with("PG") || name == "DATABASE_URL";
        for (name, _) in std::env::vars().filter(|(name, _)| foreign(name)) {
            command.env_remove(name);
        }
        command.args(args).current_dir(self.project()).stdin(Stdio::null());
        command.env("XDG_STATE_HOME", self.state());
        command.env("XDG_CONFIG_HOME", self.dir.path().join("config"));
        command
    }

    pub fn run(&self, args: &[&str]) -> Answer {
        Answer(self.command(args).output().expect("lockkeeper starts"))
    }

    /// Returns the document of `--plan` and its hash.
    pub fn plan(&self, args: &[&str]) -> (Value, String) {
        let answer = self.run(&[args, &["--plan", "--json"]].concat());
        assert_eq!(answer.code(), 0, "{}", answer.said());
        let document = answer.document("plan");
        let hash = document["hash"].as_str().expect("a hash").to_owned();
        (document, hash)
    }

    /// Plans and confirms.
    pub fn confirmed(&self, args: &[&str]) -> Answer {
        let (_, hash) = self.plan(args);
        self.run(&[args, &["--confirm", &hash, "--json"]].concat())
    }

    /// Returns every journal of this user, oldest first.
    pub fn journals(&self) -> Vec<Reading> {
        let Ok(runs) = fs::read_dir(self.dir.path().join("state/lockkeeper/runs")) else {
            return Vec::new();
        };
        let mut files: Vec<PathBuf> =
            runs.map(|run| run.expect("a run").path().join("journal.jsonl")).collect();
        files.sort();
        // The directory of a run is there before its journal.
        let is_made = |file: &&PathBuf| file.exists();
        let made = files.iter().filter(is_made);
        made.map(|file| journal::read(&fs::read(file).expect("it reads"))).collect()
    }

    /// Kills the process of every job and its program, as a crash of the machine would.
    pub fn kill_jobs(&self) {
        kill_jobs(&self.dir.path().join("state/lockkeeper/runs"));
    }

    /// Starts an interactive command whose lines the test types.
    pub fn typed(&self, args: &[&str]) -> Typed {
        self.typed_with(args, &[])
    }

    /// Starts it with these variables in its environment.
    pub fn typed_with(&self, args: &[&str], env: &[(&str, &str)]) -> Typed {
        let mut command = self.command(args);
        command.envs(env.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Typed::start(command)
    }
}

fn configuration(dsn: &str) -> String {
    format!(
        "schema = 1\n[targets.test]\nclass = \"scratch\"\ndsn = \"{dsn}\"\n\
         [policy]\nlock_timeout = \"60s\"\n"
    )
}

/// What a command answered.
pub struct Answer(Output);

impl Answer {
    /// Returns the answer in what a command printed.
    pub fn of(output: Output) -> Self {
        Self(output)
    }

    pub fn code(&self) -> i32 {
        self.0.status.code().expect("it exits by itself")
    }

    pub fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).expect("it writes UTF-8")
    }

    pub fn said(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).expect("it writes UTF-8")
    }

    /// Returns its one document, which keeps to its schema.
    pub fn document(&self, schema: &str) -> Value {
        let document = serde_json::from_slice(&self.0.stdout)
            .unwrap_or_else(|e| panic!("{e}: {} {}", self.out(), self.said()));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/schema");
        let text = fs::read(path.join(format!("{schema}.json"))).expect("there is a schema");
        let text = serde_json::from_slice(&text).expect("a schema is JSON");
        let validator = jsonschema::draft202012::new(&text).expect("a schema");
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path))
            .collect();
        assert_eq!(errors, [""; 0], "{schema}");
        document
    }

    /// Asserts the exit code and what is said.
    pub fn says(&self, code: i32, what: &str) {
        assert_eq!(self.code(), code, "{} {}", self.out(), self.said());
        assert!(self.said().contains(what), "{}", self.said());
    }

    /// Asserts that nothing was run, for a reason that is said.
    pub fn refuses(&self, why: &str) {
        assert_eq!(self.code(), 2, "{} {}", self.out(), self.said());
        assert!(self.said().contains(why), "{}", self.said());
    }
}

/// A command that is talked to.
pub struct Typed {
    child: Child,
    input: Option<ChildStdin>,
    heard: Arc<Mutex<Vec<u8>>>,
    /// What was already answered to.
    seen: usize,
}

impl Typed {
    /// Starts a command whose three ends are piped.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("lockkeeper starts");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let outputs: [Box<dyn std::io::Read + Send>; 2] = [
            Box::new(child.stdout.take().expect("it is piped")),
            Box::new(child.stderr.take().expect("it is piped")),
        ];
        for mut output in outputs {
            let heard = heard.clone();
            std::thread::spawn(move || {
                let mut chunk = [0; 4096];
                while let Ok(read @ 1..) = output.read(&mut chunk) {
                    heard.lock().expect("nobody panics").extend_from_slice(&chunk[..read]);
                }
            });
        }
        let input = child.stdin.take();
        Self { child, input, heard, seen: 0 }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().expect("nobody panics")).into_owned()
    }

    /// Waits for a text behind what was waited for before.
    pub fn expect(&mut self, text: &str) {
        let begun = Instant::now();
        loop {
            let all = self.text();
            if let Some(at) = all.get(self.seen..).and_then(|new| new.find(text)) {
                self.seen += at + text.len();
                return;
            }
            let waited = begun.elapsed();
            assert!(waited < LONG, "no {text:?} in:\n{}", &all[self.seen..]);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until what is new ends with one of `ends`, or holds one of `lines` with the end of
    /// its line, and returns what is new.
    pub fn block(&mut self, ends: &[&str], lines: &[&str]) -> String {
        let begun = Instant::now();
        loop {
            let all = self.text();
            let new = all.get(self.seen..).unwrap_or_default();
            let whole =
                |line: &&str| new.split_once(*line).is_some_and(|(_, end)| end.contains('\n'));
            let is_over = lines.iter().any(whole);
            if is_over || ends.iter().any(|end| new.trim_end_matches('\n').ends_with(end)) {
                self.seen = all.len();
                return new.trim_end_matches('\n').to_owned();
            }
            let seen = &all[..self.seen];
            let late = begun.elapsed() > LONG;
            assert!(!late, "after\n{seen}\nnothing is asked in:\n{new}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the end of the line behind what was waited for, and of the next one.
    pub fn rest_of_line(&mut self) -> String {
        let from = self.seen;
        self.expect("\n");
        self.expect("\n");
        self.text()[from..self.seen].to_owned()
    }

    pub fn line(&mut self, text: &str) {
        let input = self.input.as_mut().expect("the input is open");
        writeln!(input, "{text}").expect("it reads");
    }

    /// Waits for a question and answers it.
    pub fn answer(&mut self, question: &str, text: &str) {
        self.expect(question);
        self.line(text);
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it is gone");
    }

    /// Ends the input, and returns all that was printed with the exit code.
    pub fn end(mut self) -> (String, Option<i32>) {
        drop(self.input.take());
        let status: ExitStatus = self.child.wait().expect("it ends");
        (self.text(), status.code())
    }
}

impl Drop for Typed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
