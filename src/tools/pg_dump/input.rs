//! Numbers and texts of an archive, each checked against what is left of the file.

use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};

use super::Bytes;
use super::sort::HEAD;

/// A text longer than this is no name.
const NAME: u64 = 64 << 10;

/// Returns the first bytes of a file, and goes back to its start.
pub(super) fn head(bytes: &mut dyn Bytes) -> io::Result<Vec<u8>> {
    bytes.seek(SeekFrom::Start(0))?;
    let mut head = Vec::with_capacity(HEAD);
    bytes.take(HEAD as u64).read_to_end(&mut head)?;
    bytes.seek(SeekFrom::Start(0))?;
    Ok(head)
}

/// Why reading stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The file ended too early.
    Cut,
    /// What stands there cannot be, and why.
    Wrong(String),
    /// The system could not read.
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Cut,
            _ => Self::Io(error),
        }
    }
}

impl Stop {
    /// Returns what is wrong with the backup.
    ///
    /// # Errors
    /// If the system could not read: this says nothing of the backup.
    pub fn words(self, during: &str) -> io::Result<String> {
        match self {
            Self::Cut => Ok(format!("cut off in {during}")),
            Self::Wrong(why) => Ok(format!("damaged in {during}: {why}")),
            Self::Io(error) => Err(error),
        }
    }
}

/// An archive that is read from the front.
pub(super) struct Input<'a> {
    from: BufReader<&'a mut dyn Bytes>,
    at: u64,
    size: u64,
    /// Bytes of an integer besides its sign; the header tells it.
    pub int: usize,
    /// Bytes of an offset besides its flag.
    pub offset: usize,
}

impl<'a> Input<'a> {
    /// Returns the input of a file of `size` bytes that stands at its start.
    pub fn new(bytes: &'a mut dyn Bytes, size: u64) -> Self {
        Self { from: BufReader::with_capacity(64 << 10, bytes), at: 0, size, int: 4, offset: 8 }
    }

    /// Returns where it stands.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Returns true if nothing is left.
    pub fn is_at_end(&mut self) -> Result<bool, Stop> {
        Ok(self.from.fill_buf()?.is_empty())
    }

    /// Goes to a place in the file.
    pub fn go(&mut self, at: u64) -> Result<(), Stop> {
        self.from.seek(SeekFrom::Start(at))?;
        self.at = at;
        Ok(())
    }

    /// Reads exactly the bytes that fit.
    pub fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Stop> {
        self.from.read_exact(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Passes over so many bytes, which must be there.
    pub fn skip(&mut self, length: u64) -> Result<(), Stop> {
        if length > self.size.saturating_sub(self.at) {
            return Err(Stop::Cut);
        }
        let step = i64::try_from(length).map_err(|_| Stop::Cut)?;
        self.from.seek_relative(step)?;
        self.at += length;
        Ok(())
    }

    /// Reads one byte.
    pub fn byte(&mut self) -> Result<u8, Stop> {
        let mut one = [0];
        self.fill(&mut one)?;
        Ok(one[0])
    }

    /// Reads an integer: a sign byte, then the bytes, the lowest first.
    pub fn int(&mut self) -> Result<i64, Stop> {
        // At once: without compression each row of a table has a number before it.
        let mut raw = [0; 9];
        self.fill(&mut raw[..=self.int])?;
        let [sign, value @ ..] = raw;
        let value = i64::try_from(u64::from_le_bytes(value))
            .map_err(|_| Stop::Wrong("a number is too large".into()))?;
        Ok(if sign == 0 { value } else { -value })
    }

    /// Reads the flag and the place of an entry's data.
    pub fn offset(&mut self) -> Result<(u8, u64), Stop> {
        let flag = self.byte()?;
        Ok((flag, self.little(self.offset)?))
    }

    fn little(&mut self, bytes: usize) -> Result<u64, Stop> {
        let mut raw = [0; 8];
        self.fill(&mut raw[..bytes])?;
        Ok(u64::from_le_bytes(raw))
    }

    /// Returns the length of a text; `None` for no text at all.
    fn length(&mut self) -> Result<Option<u64>, Stop> {
        let length = u64::try_from(self.int()?).ok();
        match length {
            Some(length) if length > self.size.saturating_sub(self.at) => Err(Stop::Cut),
            length => Ok(length),
        }
    }

    /// Reads a text, its first 64 KiB at most.
    pub fn text(&mut self) -> Result<Option<Vec<u8>>, Stop> {
        let Some(length) = self.length()? else { return Ok(None) };
        let kept = length.min(NAME);
        let mut text = vec![0; usize::try_from(kept).unwrap_or_default()];
        self.fill(&mut text)?;
        self.skip(length - kept)?;
        Ok(Some(text))
    }

    /// Passes over a text; returns false if there is none at all.
    pub fn skip_text(&mut self) -> Result<bool, Stop> {
        let Some(length) = self.length()? else { return Ok(false) };
        self.skip(length)?;
        Ok(true)
    }
}
