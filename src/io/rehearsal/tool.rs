//! The team's own tool, pointed at the copy: proven to connect there and nowhere else before it
//! runs, watched while it runs, ended when it takes too long.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use chrono::Utc;
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::copy::Copy;
use super::{locks, lodging, log};
use crate::domain::connection::Spec;
use crate::domain::identity::Identity;
use crate::domain::plan::Timeouts;
use crate::domain::rehearsal::{Ended, Statement};
use crate::domain::untrusted::Untrusted;
use crate::io::act::{Environment, inherited};
use crate::io::blocking::blocking;
use crate::io::driver::environment;
use crate::io::postgres::Control;
use crate::io::postgres::prove::{self, Forbidden, Proof, Reason};
use crate::io::postgres::reader::Reader;
use crate::io::site::Site;
use crate::session::preview::prefixed;
use crate::tools::version::command as version_of;
use crate::tools::{self, Act, Detected, FailureKind, Intent, Project, Tool};

/// What the tool's sessions are called on the copy.
const APPLICATION: &str = "rehearsed by lockkeeper";
/// How long the tool may take until it is seen.
const PROOF: Duration = Duration::from_secs(45);
/// How often a tool is run that ended well and was not seen.
const LOOKS: u32 = 4;
/// How often it is looked whether the tool has come to where it must not be.
const LOOK: Duration = Duration::from_millis(50);
/// So many of its last bytes tell why it failed.
const SAID: u64 = 64 << 10;

/// The tool with all that it is run by.
pub(super) struct Hands<'a> {
    pub site: &'a Site,
    pub tool: &'static dyn Tool,
    pub detected: Detected,
    pub copy: &'a Copy,
    pub spec: Spec,
    /// How long one run may take.
    pub limit: Duration,
    /// The target, where the tool must never be seen; `None`: it does not answer.
    pub forbidden: Option<Control>,
    /// Where the output of a run goes.
    pub output: PathBuf,
}

/// One run.
pub(super) struct Ran {
    pub ended: Ended,
    pub said: Untrusted,
    pub took_s: f64,
    pub statements: Vec<Statement>,
}

impl Hands<'_> {
    /// Returns what the tool's own tables begin with.
    pub fn books(&self) -> String {
        super::ground::books(self.site, self.tool)
    }

    /// Reads the project as the copy has it.
    pub async fn project(&self) -> Result<Project, String> {
        let tree = self.site.tree();
        let query = blocking(|| self.tool.version_query(&tree));
        let mut reader = Reader::new(self.spec.clone());
        let rows = reader.version_rows(&query).await;
        reader.close().await;
        let rows = rows.map_err(|e| format!("{} cannot be read: {e}", query.table))?;
        Ok(blocking(|| self.tool.load(&tree, &self.detected.directory, &rows)))
    }

    fn argv(&self, argv: Vec<String>) -> Vec<String> {
        let mut argv = prefixed(&self.site.config().project.prefix, argv);
        if let Some(first) = argv.first_mut().filter(|word| *word == "lockkeeper") {
            *first = self.site.program.display().to_string();
        }
        argv
    }

    /// Returns the environment of the tool; one that only looks may write nothing, wherever it
    /// connects.
    fn environment(&self, application: &str, reads: bool) -> Environment {
        let mut spec = self.spec.clone();
        if reads {
            let read_only = ("default_transaction_read_only".to_owned(), "on".to_owned());
            spec.settings.push(read_only);
        }
        // The limits of a role or database of the target are not the copy's.
        let limits = Some(Timeouts::default());
        environment::variables(&spec, self.site.config(), application, limits)
    }

    /// Proves that the tool connects to the copy and to nothing else.
    pub async fn prove(&mut self) -> Result<(), String> {
        let project = self.project().await?;
        let name = self.tool.name();
        let command = self.tool.probe(&project).ok_or_else(|| {
            format!("{name} has no command that shows where it connects, so it is not run")
        })?;
        let mut control = Control::open(self.spec.clone()).await.map_err(|e| e.to_string())?;
        let copy = control.identity().await.map_err(|e| e.to_string())?;
        let probe = prove::Probe {
            argv: self.argv(command.argv),
            directory: self.site.project.clone(),
            environment: self.environment("", true),
            output: None,
        };
        let proof = self.proof(&mut control, &probe, &copy).await;
        control.close().await;
        match proof? {
            Proof::Proven { .. } => Ok(()),
            Proof::ElsewhereOnServer { database, .. } => Err(format!(
                "{name} connects to the database {}, not to the copy: it is not run",
                database.one_line()
            )),
            Proof::Forbidden { database, .. } => Err(format!(
                "{name} connects to {} of the target itself, whatever it is told: it is not run; \
                 let it take its database from the environment ([project] environment)",
                database.one_line()
            )),
            Proof::CannotTell(reason) => Err(format!(
                "cannot tell where {name} connects, so it is not run: {}",
                reason.text()
            )),
        }
    }

    async fn proof(
        &mut self,
        control: &mut Control,
        probe: &prove::Probe,
        copy: &Identity,
    ) -> Result<Proof, String> {
        let mut proof = Proof::CannotTell(Reason::Ended(None));
        for _ in 0..LOOKS {
            let forbidden = self.forbidden.as_mut();
            let forbidden = forbidden.map(|control| Forbidden { control, own: self.copy.own() });
            let looked = prove::child_target_alone(control, forbidden, probe, copy, PROOF).await;
            proof = looked.map_err(|error| error.to_string())?;
            if proof != Proof::CannotTell(Reason::Ended(Some(0))) {
                break;
            }
        }
        Ok(proof)
    }

    /// Returns what the tool says of its version; `None`: it has no word for that, or failed.
    pub async fn version(&self, project: &Project) -> Option<String> {
        let command = version_of(self.tool, project)?;
        let argv = self.argv(command.argv);
        version(&argv, &self.site.project, &self.environment("", true)).await
    }

    /// Returns how the tool does something now.
    pub fn act(&self, project: &Project, intent: &Intent) -> Result<Act, tools::Refused> {
        self.tool.act(project, intent)
    }

    /// Runs an act of the tool on the copy.
    pub async fn run(&mut self, act: &Act) -> Result<Ran, String> {
        let watcher = self.copy.connect(&self.copy.database).await?;
        let (stop, stopped) = oneshot::channel();
        let looking = tokio::spawn(locks::watch(watcher, stopped));
        let log = self.copy.log();
        let from =
            log.as_ref().and_then(|log| std::fs::metadata(log).ok()).map_or(0, |log| log.len());
        let (at, begun) = (Utc::now(), Instant::now());
        let ended = self.follow(act).await;
        let took_s = begun.elapsed().as_secs_f64();
        drop(stop);
        let samples = looking.await.unwrap_or_default();
        let text = log.as_ref().map(|log| tail(log, from)).unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit")]
        let began = at.timestamp_millis() as f64 / 1000.0;
        let ran = log::read(&text, began, &self.books(), &samples);
        let said = tail(&self.output, 0);
        let (ended, said) = match ended {
            Err(why) => (Ended::CannotTell(why), Untrusted::default()),
            Ok(Some(0)) => (Ended::Well, Untrusted::default()),
            Ok(_) if asks(&said) => {
                let why = "it asks for something on its standard input, where nobody answers";
                (Ended::CannotTell(why.to_owned()), Untrusted::default())
            }
            Ok(code) => {
                let told = self.tool.explain(&said, code);
                // Without the server's log its words alone tell.
                let by_words = log.is_none() && told.kind == FailureKind::Data;
                let on_data = by_words || ran.faults.iter().any(|fault| is_of_rows(&fault.state));
                (Ended::Failed { on_data }, Untrusted::new(told.line))
            }
        };
        Ok(Ran { ended, said, took_s, statements: ran.statements })
    }

    /// Follows the program to its end, and returns its exit code.
    async fn follow(&mut self, act: &Act) -> Result<Option<i32>, String> {
        // Another rehearsal beside the target, also of this program, is not this one.
        let application = format!("{APPLICATION} {}", lodging::word()?);
        let mut child = self.spawn(act, &application)?;
        // Waiting for a child closes its input, which here is the leash.
        let leash = child.stdin.take();
        let end = Instant::now() + self.limit;
        let why = loop {
            tokio::select! {
                status = child.wait() => {
                    return status.map(|status| status.code()).map_err(|error| error.to_string());
                }
                () = sleep(LOOK) => {}
            }
            if let Some(forbidden) = &mut self.forbidden
                && let Ok(found) = forbidden.find_application(&application).await
                && found.iter().any(|one| self.copy.own() != Some(one.database.as_str()))
            {
                break "it connected to the target itself, and was ended at once: look at what it did there"
                    .to_owned();
            }
            if Instant::now() >= end {
                break format!(
                    "it was not done within {} s: it hangs, or asks what nobody answers",
                    self.limit.as_secs()
                );
            }
        };
        // The leash ends the program with the end of its input.
        drop(leash);
        drop(tokio::time::timeout(Duration::from_secs(10), child.wait()).await);
        self.copy.end_sessions(&self.copy.database).await?;
        Err(why)
    }

    fn spawn(&self, act: &Act, application: &str) -> Result<tokio::process::Child, String> {
        let out = File::create(&self.output).map_err(|e| format!("its output: {e}"))?;
        let err = out.try_clone().map_err(|e| format!("its output: {e}"))?;
        let argv = self.argv(act.command.argv.clone());
        Command::new(&self.site.program)
            .args(["__leash", "--"])
            .args(&argv)
            .current_dir(&self.site.project)
            .env_clear()
            .envs(inherited())
            .envs(
                self.environment(application, false)
                    .iter()
                    .map(|(name, value)| (name, value.expose())),
            )
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(|error| format!("{}: {error}", argv.join(" ")))
    }
}

/// Returns true for the words of a program that found nobody to answer: Python's, Node's.
fn asks(said: &str) -> bool {
    ["EOFError: EOF when reading a line", "ERR_USE_AFTER_CLOSE", "readline was closed"]
        .iter()
        .any(|words| said.contains(words))
}

/// Classes 22 (data exception) and 23 (integrity constraint violation):
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn is_of_rows(state: &str) -> bool {
    state.starts_with("22") || state.starts_with("23")
}

/// Runs what prints a version, and returns its first line that holds a number.
pub(super) async fn version(
    argv: &[String],
    directory: &Path,
    environment: &Environment,
) -> Option<String> {
    let (program, rest) = argv.split_first()?;
    let output = Command::new(program)
        .args(rest)
        .current_dir(directory)
        .env_clear()
        .envs(inherited())
        .envs(environment.iter().map(|(name, value)| (name, value.expose())))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PROOF, output).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let has_number = |line: &&str| line.contains(|c: char| c.is_ascii_digit());
    let line = text.lines().rev().find(has_number).filter(|_| output.status.success())?;
    Some(Untrusted::from(line.trim()).one_line())
}

fn tail(path: &Path, from: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let from = if from == 0 { length.saturating_sub(SAID) } else { from };
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(64 << 20).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}
