//! `demo`: a throwaway server with data, load, a real blocker and pending migrations.

use std::env;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::args;
use super::lines::answered;
use crate::io::cluster::{self, Cluster, Install, Missing, Spec};
use crate::io::demo::load::{Load, Part};
use crate::io::demo::{self, DATABASE, DEPLOYER, Project};
use crate::io::paths::{NoHome, Paths};
use crate::io::process::wait_for_stdin_end;

/// How the demo is opened.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// Keep the server when the demo ends, and print how to connect and how to stop it
    #[arg(long)]
    pub keep: bool,
    /// Print how to connect as one JSON document and stay until standard input closes
    #[arg(long)]
    pub json: bool,
    /// Install PostgreSQL's server without asking if there is none
    #[arg(long)]
    pub yes: bool,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nowhere to register it.
    #[error(transparent)]
    NoHome(#[from] NoHome),
    /// The server, its data or its load failed.
    #[error(transparent)]
    Demo(#[from] demo::Error),
    /// The operator did not want the server installed, or nobody could be asked.
    #[error(
        "{0}\nNothing was installed. Run the command above yourself, or `lockkeeper demo --yes`."
    )]
    NotInstalled(Box<Missing>),
    /// The package system failed.
    #[error("`{install}` failed ({reason}); install PostgreSQL's server and try again")]
    Install {
        /// The command.
        install: Install,
        /// How it ended.
        reason: String,
    },
    /// A thread of the opening died.
    #[error("the opening was interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
    /// This program's own file is gone.
    #[error("lockkeeper cannot find its own program: {0}")]
    Program(#[source] io::Error),
}

impl From<cluster::Error> for Error {
    fn from(error: cluster::Error) -> Self {
        Self::Demo(error.into())
    }
}

/// How long the console waits for the demo's backups; they are made all the same.
const PATIENCE: Duration = Duration::from_secs(1);

/// An open demo. It ends when this is closed or dropped.
#[derive(Debug)]
pub struct Demo {
    /// How the console connects: as the role that owns the tables.
    pub dsn: String,
    /// Where the migrations are.
    pub project_dir: PathBuf,
    /// Where the backups are.
    pub backups_dir: PathBuf,
    /// Why there are none, if there are none.
    pub without: Option<String>,
    /// The project's lockkeeper.toml.
    pub config_path: PathBuf,
    /// Whether the server stays when the demo ends.
    pub kept: bool,
    /// Lines about what earlier demos left behind for a reason.
    pub left: Vec<String>,
    // In this order they are dropped: the load ends before its server.
    load: Vec<Load>,
    cluster: Cluster,
}

/// Opens the demo: server, data, load. It accepts connections, and the report
/// blocks, when this returns. Sweeps first what dead demos left.
///
/// # Errors
/// When there is no server and none was installed, or a part does not start;
/// nothing is left then.
pub async fn open(options: &Options) -> Result<Demo, Error> {
    let spec = Spec {
        state: Some(Paths::of_user()?.state),
        watcher: Some(env::current_exe().map_err(Error::Program)?),
        settings: Vec::new(),
    };
    let Options { yes, json, keep } = *options;
    let started = tokio::task::spawn_blocking(move || {
        let left = sweep(&spec);
        start(&spec, yes, !json).map(|cluster| (cluster, left))
    });
    let (mut cluster, left) = started.await??;
    let dsn = cluster.dsn(DEPLOYER, DATABASE);
    let project = Project::write(cluster.socket_dir().join("project"), &dsn)?;
    demo::populate(cluster.socket_dir(), &project).await?;
    let mut backups = tokio::spawn(backups(&cluster, &project)?);
    let load = tokio::task::spawn_blocking({
        let directory = cluster.socket_dir().to_owned();
        move || load(&directory, keep)
    });
    let load = load.await??;
    // They take less than the load does, as a rule; a script wants all of it.
    let patience = if json { Duration::MAX } else { PATIENCE };
    let made = tokio::time::timeout(patience, &mut backups).await;
    let without = match made {
        Ok(made) => made?.err(),
        // They come later.
        Err(_) => None,
    };
    if keep {
        cluster.keep()?;
    }
    Ok(Demo {
        dsn,
        project_dir: project.directory().to_owned(),
        backups_dir: project.backups(),
        without,
        config_path: project.config(),
        kept: keep,
        left,
        load,
        cluster,
    })
}

/// Removes what dead demos left; returns a line for each that is still needed.
fn sweep(spec: &Spec) -> Vec<String> {
    let Some(state) = &spec.state else { return Vec::new() };
    let swept = cluster::sweep(state, &|system| cluster::has_open_intent(state, system));
    swept.needed.iter().map(|directory| still_needed(directory)).collect()
}

fn still_needed(directory: &Path) -> String {
    let config = demo::Project::at(directory.join("project")).config();
    format!(
        "An earlier demo's server was left in {}: an act on it has no outcome yet. \
         `lockkeeper resume --config {}` finds it out; the next demo then removes the server.",
        directory.display(),
        config.display()
    )
}

/// Returns the making of the demo's backups.
fn backups(
    cluster: &Cluster,
    project: &Project,
) -> Result<impl Future<Output = Result<(), String>> + use<>, Error> {
    let program = env::current_exe().map_err(Error::Program)?;
    let (directory, programs) = (cluster.socket_dir().to_owned(), cluster.programs().clone());
    let project = project.clone();
    Ok(async move { demo::backups::make(&directory, &programs, &project, &program).await })
}

fn start(spec: &Spec, yes: bool, may_ask: bool) -> Result<Cluster, Error> {
    match Cluster::start(spec) {
        Err(cluster::Error::Missing(missing)) => {
            install(missing, yes, may_ask)?;
            Ok(Cluster::start(spec)?)
        }
        started => Ok(started?),
    }
}

fn load(directory: &Path, detached: bool) -> Result<Vec<Load>, Error> {
    let program = env::current_exe().map_err(Error::Program)?;
    let start = |part| Load::start(&program, part, directory, detached);
    Ok(Part::ALL.into_iter().map(start).collect::<Result<_, _>>()?)
}

/// Installs the server after a yes; never without one.
fn install(missing: Box<Missing>, yes: bool, may_ask: bool) -> Result<(), Error> {
    let Some(install) = missing.install.clone() else {
        return Err(cluster::Error::Missing(missing).into());
    };
    let wanted = yes || (may_ask && agreed(&install));
    if !wanted {
        return Err(Error::NotInstalled(missing));
    }
    let mut command = Command::new(&install.argv[0]);
    command.args(&install.argv[1..]).envs(install.environment.iter().copied());
    // What it prints is for the operator; stdout belongs to --json.
    command.stdout(io::stderr());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::Install { install, reason: status.to_string() }),
        Err(error) => Err(Error::Install { install, reason: error.to_string() }),
    }
}

fn agreed(install: &Install) -> bool {
    let question = format!("No PostgreSQL server was found. Run `{install}` now? Type yes: ");
    let answer = super::runtime().ok().and_then(|runtime| answered(runtime, &question));
    answer.is_some_and(|answer| answer.trim() == "yes")
}

impl Demo {
    /// Returns what `--json` prints.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({
            "schema": 1,
            "dsn": self.dsn,
            "superuser_dsn": self.cluster.dsn(cluster::SUPERUSER, DATABASE),
            "project": self.project_dir,
            "config": self.config_path,
            "backups": self.backups_dir,
            "socket_directory": self.cluster.socket_dir(),
            "system_identifier": self.cluster.system_identifier(),
        })
    }

    /// Ends the demo, also a kept one: stops the load, the server, and removes
    /// everything of it.
    ///
    /// # Errors
    /// When the server runs on or its files cannot be removed.
    pub fn close(self) -> Result<(), Error> {
        drop(self.load);
        Ok(self.cluster.stop()?)
    }

    /// Returns how to connect to a kept demo and how to stop it.
    #[must_use]
    pub fn farewell(&self) -> String {
        match self.cluster.postmaster() {
            Some(pid) => {
                format!("The demo runs on at\n  {}\nStop it with\n  kill -INT {pid}", self.dsn)
            }
            None => "The demo's server was stopped; nothing is kept.".to_owned(),
        }
    }
}

/// What a newcomer reads first.
const HINT: [&str; 2] = [
    "A shop under load. A report, idle in transaction, holds a lock on expenses.",
    "u plans the next migration; it gets stuck, and t ends who blocks it. m walks all of it.",
];

/// The same for the line mode.
const LINES: [&str; 2] = [
    HINT[0],
    "3 plans the next migration; it gets stuck, and 2 ends who blocks it by its pid (1, then 2, shows it). 5 walks a runbook: migrate.",
];

/// Runs the command with the console on top.
#[must_use]
pub fn main(args: &args::Demo) -> ExitCode {
    let runtime = match super::console::runtime() {
        Ok(runtime) => runtime,
        Err(report) => {
            let _ = writeln!(io::stderr(), "lockkeeper demo: {report:#}");
            return ExitCode::from(2);
        }
    };
    let code = runtime.block_on(run(&args.options, async |demo: &Demo| {
        if args.options.keep && !io::stdout().is_terminal() {
            // A script wants the server, and how to reach it.
            return ExitCode::SUCCESS;
        }
        Box::pin(on_top(demo, args.plain)).await
    }));
    // A reader of the terminal may still wait for a key.
    runtime.shutdown_timeout(Duration::from_millis(200));
    code
}

async fn on_top(demo: &Demo, plain: bool) -> ExitCode {
    let flags = args::Target {
        dsn: Some(demo.dsn.clone()),
        config: Some(demo.config_path.clone()),
        ..args::Target::default()
    };
    let mut site = match super::site::open(&flags) {
        Ok(site) => site,
        Err(error) => return refuse(&*error),
    };
    site.target.class = crate::domain::identity::Class::Scratch;
    let lines = super::console::needs_lines(plain);
    let newcomers = if lines { LINES } else { HINT };
    let mut hint: Vec<String> = if lines { Vec::new() } else { demo.left.clone() };
    hint.extend(newcomers.map(str::to_owned));
    hint.extend(demo.without.as_ref().map(|why| format!("It has no backups: {why}")));
    let start = super::console::Start { hint, throwaway: !demo.kept, ..Default::default() };
    let left = if lines {
        super::plain::on(site, start, super::lines::Lines::stdin()).await
    } else {
        super::console::on(site, start).await
    };
    match left {
        Ok(code) => code,
        Err(error) => refuse(&*error),
    }
}

/// Opens the demo, runs `on_top` on it (with `--json` prints the document and waits
/// for the end of standard input instead), then closes or keeps it. Returns `on_top`'s
/// exit code, or 2 when there was no demo.
pub async fn run(options: &Options, on_top: impl AsyncFnOnce(&Demo) -> ExitCode) -> ExitCode {
    let demo = match open(options).await {
        Ok(demo) => demo,
        Err(error) => return refuse(&error),
    };
    for line in &demo.left {
        let _ = writeln!(io::stderr(), "{line}");
    }
    let code = if options.json { serve(&demo).await } else { on_top(&demo).await };
    match finish(demo, options.keep) {
        Ok(()) => code,
        Err(error) => refuse(&error),
    }
}

async fn serve(demo: &Demo) -> ExitCode {
    let document = demo.document();
    let mut out = io::stdout();
    if writeln!(out, "{document:#}").and_then(|()| out.flush()).is_err() {
        return ExitCode::FAILURE;
    }
    let _ = tokio::task::spawn_blocking(wait_for_stdin_end).await;
    ExitCode::SUCCESS
}

fn finish(demo: Demo, keep: bool) -> Result<(), Error> {
    if !keep {
        let runs = reported(&demo.project_dir);
        demo.close()?;
        for run in runs {
            let again = format!("`lockkeeper report {run}` writes it again from its journal");
            let _ = writeln!(io::stderr(), "The report went with the demo's project; {again}.");
        }
        return Ok(());
    }
    let _ = writeln!(io::stderr(), "{}", demo.farewell());
    Ok(())
}

/// Returns the runs whose reports lie in a project.
fn reported(project: &Path) -> Vec<String> {
    let files = std::fs::read_dir(project).into_iter().flatten().flatten();
    let names = files.filter_map(|file| file.file_name().into_string().ok());
    let run = |name: String| Some(name.strip_prefix("report-")?.strip_suffix(".md")?.to_owned());
    names.filter_map(run).collect()
}

fn refuse(error: &dyn std::error::Error) -> ExitCode {
    let _ = writeln!(io::stderr(), "lockkeeper demo: {error}");
    ExitCode::from(2)
}
