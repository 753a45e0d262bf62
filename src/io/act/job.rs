//! The directory of one attempt of one act, and the files in it.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::domain::resolve::Exit;
use crate::io::journal::file;
use crate::io::process::Identity;

/// What the process of a job has to do; `job.json`. It holds no value of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The act, numbered within its run.
    pub act: String,
    /// Which attempt.
    pub attempt: u32,
    /// The hash of the confirmed plan.
    pub plan: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The names of the variables that were set for it.
    pub env: Vec<String>,
    /// The directory that it runs in.
    pub cwd: PathBuf,
    /// How long each signal has before a harder one follows, in milliseconds.
    pub grace_ms: u64,
}

/// One attempt of one act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    dir: PathBuf,
}

impl Job {
    /// Returns the job of an act in its run's directory; creates nothing.
    ///
    /// # Errors
    /// When the act's name is no plain name of a file.
    pub fn of(run_dir: &Path, act: &str, attempt: u32) -> io::Result<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if act.is_empty() || act.starts_with('.') || !act.chars().all(plain) {
            return Err(io::Error::other(format!("{act:?} cannot be the name of an act")));
        }
        Ok(Self::at(run_dir.join("acts").join(format!("{act}-{attempt}"))))
    }

    /// Returns the job in the directory `dir`.
    #[must_use]
    pub fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Returns its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the file that the program's stdout and stderr are.
    #[must_use]
    pub fn out(&self) -> PathBuf {
        self.dir.join("out")
    }

    /// Returns where the process of the job says why it could not begin.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("act.log")
    }

    pub(super) fn claim(&self) -> PathBuf {
        self.dir.join("claim")
    }

    pub(super) fn exit_file(&self) -> PathBuf {
        self.dir.join("exit.json")
    }

    fn program_file(&self) -> PathBuf {
        self.dir.join("program")
    }

    /// Makes the directory, which must not exist: an attempt has one job, once.
    pub(super) fn create(&self, spec: &Spec) -> io::Result<()> {
        let acts = self.dir.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(acts)?;
        fs::DirBuilder::new().mode(0o700).create(&self.dir)?;
        write_new(&self.dir.join("job.json"), &serde_json::to_vec_pretty(spec)?)
    }

    /// Makes the directory unless it exists, for a claim that nothing will follow.
    pub(super) fn ensure(&self) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)
    }

    pub(super) fn spec(&self) -> io::Result<Spec> {
        parse(&self.dir.join("job.json"))
    }

    /// Returns how the program ended, once that is written down.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn exit(&self) -> io::Result<Option<Exit>> {
        optional(parse(&self.exit_file()))
    }

    /// Writes down which process the program is, for the case that its parent dies.
    pub(super) fn note_program(&self, program: &Identity) -> io::Result<()> {
        write_new(&self.program_file(), &serde_json::to_vec(program)?)
    }

    pub(super) fn program(&self) -> Option<Identity> {
        parse(&self.program_file()).ok()
    }

    pub(super) fn open_out(&self) -> io::Result<File> {
        match file::create(&self.out()) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                file::append_to(&self.out())
            }
            opened => opened,
        }
    }
}

pub(super) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = file::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

pub(super) fn parse<T: for<'a> Deserialize<'a>>(path: &Path) -> io::Result<T> {
    let mut text = Vec::new();
    file::read_from(path)?.read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

pub(super) fn optional<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
