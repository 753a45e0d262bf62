//! The demo's load: processes of their own, as applications are. Each says `ready`
//! or why not, in one line, and ends with the server or with the demo that started it.

mod lifetime;
mod reporting;
mod web;

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::Error;
use crate::io::postgres::connect_error;

const READY: &str = "ready";

/// Which application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// About twelve connections with a web-like mix, about 200 transactions per second.
    Web,
    /// A report that forgot to commit, and a scheduler that holds an advisory lock.
    Reporting,
}

impl Part {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Web, Self::Reporting];

    /// Returns its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Reporting => "reporting",
        }
    }

    /// Returns the part called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}

/// A running load process. Dropping it ends the process, unless it was detached.
#[derive(Debug)]
pub struct Load {
    child: Child,
    detached: bool,
}

impl Load {
    /// Starts `program __load PART DIRECTORY` for the server in `directory` and returns
    /// when its sessions stand. Detached, it ends with the server only.
    ///
    /// # Errors
    /// When it does not start or cannot connect.
    pub fn start(
        program: &Path,
        part: Part,
        directory: &Path,
        detached: bool,
    ) -> Result<Self, Error> {
        let mut command = Command::new(program);
        command.args(["__load", part.name()]).arg(directory).args(detached.then_some("--detached"));
        command.current_dir("/").process_group(0).stdout(Stdio::piped()).stderr(Stdio::null());
        command.stdin(if detached { Stdio::null() } else { Stdio::piped() });
        let failed = |reason: String| Error::Load { name: part.name(), reason };
        let child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let mut load = Self { child, detached };
        match load.first_line() {
            Ok(line) if line == READY => Ok(load),
            Ok(line) => Err(failed(line)),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    fn first_line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if let Some(stdout) = self.child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        Ok(line.trim_end().to_owned())
    }

    /// Returns the process's pid.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if !self.detached {
            drop(self.child.stdin.take());
            // How it ended is of no interest, but a zombie would stay.
            let _ = self.child.wait();
        }
    }
}

/// Is the load process: works until the server in `directory` is gone or, unless
/// `detached`, until standard input closes. Calls `ready` once, with what to print.
pub async fn run(part: Part, directory: &Path, detached: bool, ready: fn(&str)) {
    let announce = |opened: Result<(), sqlx::Error>| match opened {
        Ok(()) => ready(READY),
        Err(error) => ready(&connect_error(&error)),
    };
    let work = async {
        match part {
            Part::Web => web::run(directory, announce).await,
            Part::Reporting => reporting::run(directory, announce).await,
        }
    };
    tokio::select! {
        () = work => {}
        () = lifetime::end(directory, detached) => {}
    }
}
