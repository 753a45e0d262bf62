//! The team's own tool, pointed at the copy, and proven to connect there and nowhere else before
//! it runs.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::copy::Copy;
use crate::domain::connection::{Place, Spec};
use crate::domain::identity::Identity;
use crate::domain::plan::Timeouts;
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
use crate::tools::{self, Act, Detected, Intent, Project, Tool};

/// How long the tool may take until it is seen.
const PROOF: Duration = Duration::from_secs(45);
/// How often a tool is run that ended well and was not seen.
const LOOKS: u32 = 12;
/// So many of its last bytes tell why it failed.
pub(super) const SAID: u64 = 64 << 10;

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
    pub forbidden: Option<Arc<Mutex<Control>>>,
    /// Where the output of a run goes.
    pub output: PathBuf,
    /// Reads the copy as the tool sees it; let go before the copy is cloned.
    pub reader: Reader,
    /// Looks at the copy while the tool runs and after it; let go before the copy is cloned.
    pub eye: Option<PgConnection>,
    /// How many programs were started.
    pub runs: u32,
    /// When the last run ended.
    pub idle: Option<Instant>,
    /// How long it was between the last two runs.
    pub between: Option<Duration>,
}

impl Hands<'_> {
    /// Returns what the tool's own tables begin with.
    pub fn books(&self) -> String {
        super::ground::books(self.site, self.tool)
    }

    /// Reads the project as the copy has it.
    pub async fn project(&mut self) -> Result<Project, String> {
        let tree = self.site.tree();
        let query = blocking(|| self.tool.version_query(&tree));
        let rows = self.reader.version_rows(&query).await;
        let rows = rows.map_err(|e| format!("{} cannot be read: {e}", query.table))?;
        Ok(blocking(|| self.tool.load(&tree, &self.detected.directory, &rows)))
    }

    /// Returns a connection of our own to the database that bears the target's name now.
    pub async fn eye(&mut self) -> Result<PgConnection, String> {
        match self.eye.take() {
            Some(eye) => Ok(eye),
            None => self.copy.connect(&self.copy.database).await,
        }
    }

    /// Leaves the copy, which is cloned or renamed only while nobody is connected.
    pub async fn let_go(&mut self) {
        self.reader.close().await;
        if let Some(eye) = self.eye.take() {
            drop(eye.close().await);
        }
    }

    pub(super) fn argv(&self, argv: Vec<String>) -> Vec<String> {
        let mut argv = prefixed(&self.site.config().project.prefix, argv);
        if let Some(first) = argv.first_mut().filter(|word| *word == "lockkeeper") {
            *first = self.site.program.display().to_string();
        }
        argv
    }

    /// Returns the environment of the tool, which comes through `door` where there is one; one
    /// that only looks may write nothing, wherever it connects.
    pub(super) fn environment(
        &self,
        application: &str,
        reads: bool,
        door: Option<&Path>,
    ) -> Environment {
        let mut spec = self.spec.clone();
        if let Some(door) = door {
            spec.place = Place::Socket(door.display().to_string());
        }
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
            environment: self.environment("", true, None),
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
            let mut forbidden = match &self.forbidden {
                Some(forbidden) => Some(forbidden.lock().await),
                None => None,
            };
            let forbidden =
                forbidden.as_mut().map(|control| Forbidden { control, own: self.copy.own() });
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
        version(&argv, &self.site.project, &self.environment("", true, None)).await
    }

    /// Returns how the tool does something now.
    pub fn act(&self, project: &Project, intent: &Intent) -> Result<Act, tools::Refused> {
        self.tool.act(project, intent)
    }
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

/// Returns what stands in a file behind `from`, of what is longer the last `most` bytes.
pub(super) fn tail(path: &Path, from: u64, most: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(from.max(length.saturating_sub(most))))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}
