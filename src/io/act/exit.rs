//! `exit.json`: how the program ended, whole or not at all.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use super::job::{Job, optional};
use crate::domain::resolve::Exit;
use crate::io::journal::file::{self, sync_directory};

/// Room for an exit; taken before the program starts, since its output may fill the disk.
const ROOM: usize = 4096;

/// The file under another name, with its room taken.
pub(super) struct Draft {
    job: Job,
    path: PathBuf,
    file: File,
}

impl Draft {
    pub fn prepare(job: &Job) -> io::Result<Self> {
        let path = job.dir().join(format!("exit.json.{}", std::process::id()));
        optional(fs::remove_file(&path))?;
        // A file in append mode could not be written over.
        drop(file::create(&path)?);
        let file = File::options().write(true).open(&path)?;
        file.write_all_at(&[b' '; ROOM], 0)?;
        file.sync_all()?;
        Ok(Self { job: job.clone(), path, file })
    }

    /// Writes the exit, brings it to the disk, and gives it its name.
    pub fn publish(self, exit: &Exit) -> io::Result<()> {
        let json = serde_json::to_vec(exit)?;
        self.file.write_all_at(&json, 0)?;
        self.file.set_len(json.len() as u64)?;
        self.file.sync_all()?;
        fs::rename(&self.path, self.job.exit_file())?;
        sync_directory(self.job.dir())
    }

    /// Gives the room back: the program does not start here.
    pub fn discard(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}
