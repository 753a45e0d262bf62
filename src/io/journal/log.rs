//! One `journal.jsonl` on the disk: locked, followed to its end, appended, synced.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Error, FILE, file, reserve};
use crate::domain::journal::{GENESIS, Kind, Reading, Record, read};
use crate::domain::plan::sha256_hex;
use crate::io::failpoint;

/// How long another session may hold the lock: it writes one line and syncs it.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// The place where the next record goes.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// Records so far.
    pub seq: u64,
    /// The hash of the last one.
    pub hash: String,
    /// Bytes so far.
    bytes: u64,
}

#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    head: Head,
    /// What a failed sync said; never tried again, since the system forgets what it lost.
    poison: Option<String>,
}

impl Log {
    /// Creates an empty one in a directory that was just made.
    pub fn create(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(FILE);
        let file = file::create(&path).map_err(|e| Error::of("create", &path, e))?;
        file.sync_all().map_err(|e| Error::of("write", &path, e))?;
        reserve::ensure(dir).map_err(|e| Error::of("write", &dir.join("reserve"), e))?;
        for directory in [Some(dir), dir.parent()].into_iter().flatten() {
            file::sync_directory(directory).map_err(|e| Error::of("write", directory, e))?;
        }
        Ok(Self::new(path, file))
    }

    /// Opens one that exists; what it holds is read at the first append.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(FILE);
        let file = file::append_to(&path).map_err(|e| Error::of("write", &path, e))?;
        Ok(Self::new(path, file))
    }

    fn new(path: PathBuf, file: File) -> Self {
        let head = Head { seq: 0, hash: GENESIS.to_owned(), bytes: 0 };
        Self { path, file, head, poison: None }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Does `work` while no other session can append.
    pub fn locked<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.lock()?;
        let done = work(self);
        let unlocked = self.file.unlock().map_err(|e| Error::of("unlock", &self.path, e));
        done.and_then(|value| unlocked.map(|()| value))
    }

    fn lock(&self) -> Result<(), Error> {
        for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
            match self.file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(e)) => return Err(Error::of("lock", &self.path, e)),
            }
        }
        Err(Error::Busy { path: self.path.clone() })
    }

    /// Reads what other sessions added and cuts off a line that its writer did not
    /// finish; returns the bytes of that line. Needs the lock.
    pub fn catch_up(&mut self) -> Result<Option<Vec<u8>>, Error> {
        self.refuse_if_poisoned()?;
        if self.length()? == self.head.bytes {
            return Ok(None);
        }
        let text = self.text()?;
        let reading = sound(&self.path, read(&text))?;
        self.refuse_if_rewritten(&text, &reading)?;
        self.head = Head {
            seq: reading.records.len() as u64,
            hash: reading.head.clone(),
            bytes: reading.whole_bytes as u64,
        };
        let torn = text[reading.whole_bytes..].to_vec();
        (!torn.is_empty()).then(|| self.cut().map(|()| torn)).transpose()
    }

    /// Appends one record; [`Log::catch_up`] must have been called under this lock.
    pub fn append(&mut self, record: &Record) -> Result<(), Error> {
        let json = serde_json::to_vec(record).expect("a record holds nothing that JSON lacks");
        let line = [json.as_slice(), b"\n"].concat();
        self.write(&line, record.kind)?;
        if record.kind == Kind::Intent {
            failpoint::hit("act.after_intent");
        }
        if record.kind.is_decision() {
            self.sync()?;
        }
        self.head.seq += 1;
        self.head.hash = sha256_hex(&json);
        self.head.bytes += line.len() as u64;
        Ok(())
    }

    fn write(&mut self, line: &[u8], kind: Kind) -> Result<(), Error> {
        let dir = self.path.parent().unwrap_or(Path::new(".")).to_owned();
        if kind == Kind::Intent {
            let reserve = dir.join("reserve");
            reserve::ensure(&dir).map_err(|e| Error::of("write", &reserve, e))?;
        }
        match self.write_or_cut(line) {
            Err(full) if full.is_full() && kind.ends_something() => {
                reserve::release(&dir).map_err(|e| Error::of("remove", &dir, e))?;
                self.write_or_cut(line)
            }
            done => done,
        }
    }

    /// Writes all of `line` or nothing of it: a full disk takes a part without an error.
    fn write_or_cut(&mut self, line: &[u8]) -> Result<(), Error> {
        let written = failpoint::fault("journal.write").and_then(|()| self.file.write_all(line));
        written.map_err(|e| Error::of("write", &self.path, e)).or_else(|error| {
            self.cut()?;
            Err(error)
        })
    }

    fn cut(&mut self) -> Result<(), Error> {
        self.file.set_len(self.head.bytes).map_err(|e| self.poisoned(&e))
    }

    fn sync(&mut self) -> Result<(), Error> {
        failpoint::fault("journal.sync")
            .and_then(|()| self.file.sync_data())
            .map_err(|e| self.poisoned(&e))
    }

    fn poisoned(&mut self, error: &std::io::Error) -> Error {
        self.poison = Some(error.to_string());
        Error::Poisoned { path: self.path.clone(), why: error.to_string() }
    }

    fn refuse_if_poisoned(&self) -> Result<(), Error> {
        match &self.poison {
            Some(why) => Err(Error::Poisoned { path: self.path.clone(), why: why.clone() }),
            None => Ok(()),
        }
    }

    /// Refuses when the record that was last seen here is not in its place any more.
    fn refuse_if_rewritten(&self, text: &[u8], reading: &Reading) -> Result<(), Error> {
        let seen = usize::try_from(self.head.bytes).unwrap_or(usize::MAX);
        let kept = reading.whole_bytes >= seen
            && text.get(..seen).is_some_and(|text| read(text).head == self.head.hash);
        if kept {
            return Ok(());
        }
        let fault = "records that this session saw are gone".to_owned();
        Err(Error::Broken { path: self.path.clone(), fault })
    }

    fn length(&self) -> Result<u64, Error> {
        self.file.metadata().map(|m| m.len()).map_err(|e| Error::of("read", &self.path, e))
    }

    fn text(&mut self) -> Result<Vec<u8>, Error> {
        let mut text = Vec::new();
        let read = self.file.rewind().and_then(|()| self.file.read_to_end(&mut text));
        read.map_err(|e| Error::of("read", &self.path, e))?;
        Ok(text)
    }
}

/// Returns the reading if its chain holds.
fn sound(path: &Path, reading: Reading) -> Result<Reading, Error> {
    let path = path.to_owned();
    match (&reading.fault, reading.newer) {
        (_, Some(version)) => Err(Error::Newer { path, version }),
        (Some(fault), _) => Err(Error::Broken { path, fault: fault.clone() }),
        (None, None) => Ok(reading),
    }
}
