//! An object that is read as a file is: by pieces, the next one when it is needed.

use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use object_store::ObjectMeta;

use super::bucket::Bucket;

/// So much is asked for after a jump.
const LEAST: u64 = 64 << 10;
/// So much at most, where it is read on and on.
const MOST: u64 = 4 << 20;
/// So often a piece is asked for again by a store that has answered before: one that restarts, or
/// sheds load, is back within seconds.
const AGAIN: u32 = 4;
/// How long after the first failure; twice as long after each further one.
const PAUSE: Duration = Duration::from_millis(500);
/// After so long nobody asks again, however often that was.
const PATIENCE: Duration = Duration::from_mins(1);

/// An object, and what of it is here.
pub(super) struct Object<'a> {
    bucket: &'a Bucket,
    meta: &'a ObjectMeta,
    /// What a decoder would take for damage: why a piece could not be fetched.
    failed: &'a RefCell<Option<String>>,
    at: u64,
    piece: Vec<u8>,
    /// Where the piece begins.
    from: u64,
    /// How much is asked for next.
    ahead: u64,
}

impl<'a> Object<'a> {
    /// Returns the object at its start.
    pub fn new(
        bucket: &'a Bucket,
        meta: &'a ObjectMeta,
        failed: &'a RefCell<Option<String>>,
    ) -> Self {
        Self { bucket, meta, failed, at: 0, piece: Vec::new(), from: 0, ahead: LEAST }
    }

    fn end(&self) -> u64 {
        self.from + self.piece.len() as u64
    }

    fn fetch(&mut self) -> io::Result<()> {
        // Whoever reads block after block passes over the rest of one: that is no jump.
        let is_next = (self.end()..=self.end() + self.ahead).contains(&self.at);
        self.ahead = match is_next && !self.piece.is_empty() {
            true => (self.ahead * 2).min(MOST),
            false => LEAST,
        };
        let piece = self.ask().inspect_err(|error| {
            self.failed.borrow_mut().get_or_insert_with(|| error.to_string());
        })?;
        (self.from, self.piece) = (self.at, piece);
        Ok(())
    }

    /// Asks for the piece, of a store that has answered before several times: hours of reading
    /// are not lost to one that broke off. Each time for less, which a slow line may carry in time.
    fn ask(&mut self) -> io::Result<Vec<u8>> {
        let mut left = if self.piece.is_empty() { 0 } else { AGAIN };
        let (mut pause, end) = (PAUSE, Instant::now() + PATIENCE);
        loop {
            let to = (self.at + self.ahead).min(self.meta.size);
            let asked = self.bucket.bytes(self.meta, self.at, to);
            match asked {
                Err(error) if left > 0 && may_pass(&error) && Instant::now() < end => {
                    self.bucket.pause(pause);
                    (left, pause) = (left - 1, pause * 2);
                    self.ahead = (self.ahead / 4).max(LEAST);
                }
                asked => return asked,
            }
        }
    }
}

/// Returns true for what may be otherwise in a moment: no denial, and no other object.
fn may_pass(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, NotFound, PermissionDenied};
    ![NotFound, PermissionDenied, InvalidData].contains(&error.kind())
}

impl Read for Object<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.meta.size || into.is_empty() {
            return Ok(0);
        }
        if self.at < self.from || self.at >= self.end() {
            self.fetch()?;
        }
        let start = usize::try_from(self.at - self.from).unwrap_or(usize::MAX);
        let here = self.piece.get(start..).unwrap_or_default();
        let length = here.len().min(into.len());
        into[..length].copy_from_slice(&here[..length]);
        self.at += length as u64;
        Ok(length)
    }
}

impl Seek for Object<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.meta.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
