//! Reading the output of a program while it grows, never more of it than a person can
//! use: the file keeps everything.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use crate::domain::untrusted::Untrusted;
use crate::io::journal::file::read_from;

/// The most that one look reads, in bytes; of more only the end is read.
pub const WINDOW: usize = 256 * 1024;
/// The longest line, in bytes; of a longer one only the beginning is kept.
pub const LINE: usize = 8 * 1024;

/// What one look brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Whole lines, without their ends.
    pub lines: Vec<Untrusted>,
    /// Bytes that were not read or not kept.
    pub dropped: u64,
}

/// A place in a file that grows.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    at: u64,
    line: Vec<u8>,
}

impl Tail {
    /// Starts at the beginning of the file at `path`, which need not exist yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, at: 0, line: Vec::new() }
    }

    /// Returns the lines that were finished since the last look.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn look(&mut self) -> io::Result<Batch> {
        let file = match read_from(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Batch::default()),
            Err(error) => return Err(error),
        };
        let mut batch = Batch { dropped: self.skip(&file)?, ..Batch::default() };
        let mut bytes = vec![0; WINDOW];
        let read = file.read_at(&mut bytes, self.at)?;
        self.at += read as u64;
        self.split(&bytes[..read], &mut batch);
        Ok(batch)
    }

    /// Returns what is left, with the last line even if it has no end. Looks at what is
    /// there now: a grandchild may write for ever.
    ///
    /// # Errors
    /// As [`Tail::look`].
    pub fn finish(&mut self) -> io::Result<Batch> {
        let mut batch = self.look()?;
        if !self.line.is_empty() {
            self.end_line(&mut batch);
        }
        Ok(batch)
    }

    /// Passes over all but the last [`WINDOW`]; returns how many bytes that were.
    fn skip(&mut self, file: &File) -> io::Result<u64> {
        let unread = file.metadata()?.len().saturating_sub(self.at);
        let over = unread.saturating_sub(WINDOW as u64);
        if over == 0 {
            return Ok(0);
        }
        self.at += over;
        let begun = std::mem::take(&mut self.line).len() as u64;
        Ok(over + begun)
    }

    fn split(&mut self, bytes: &[u8], batch: &mut Batch) {
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            let (text, ends) = match part.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (part, false),
            };
            let room = LINE.saturating_sub(self.line.len()).min(text.len());
            self.line.extend_from_slice(&text[..room]);
            batch.dropped += (text.len() - room) as u64;
            if ends {
                self.end_line(batch);
            }
        }
    }

    fn end_line(&mut self, batch: &mut Batch) {
        let line = std::mem::take(&mut self.line);
        let text = line.strip_suffix(b"\r").unwrap_or(&line);
        batch.lines.push(Untrusted::from_bytes(text));
    }
}
