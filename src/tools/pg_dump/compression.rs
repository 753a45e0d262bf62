//! Readers of what is compressed.

use std::io::{self, Read};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::sort::Compression;

/// Returns a reader of what the whole stream holds.
///
/// # Errors
/// If this version does not read the compression, or the stream's head is damaged.
pub(super) fn reader<'a>(
    compression: Compression,
    from: impl Read + 'a,
) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match compression {
        Compression::None => Box::new(from),
        Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(from)),
        Compression::Lz4 => Box::new(Lz4::new(from)),
        Compression::Zstd => Box::new(Zstd { from, frame: FrameDecoder::new(), open: false }),
        Compression::Bzip2 | Compression::Xz => {
            let why = format!("this version does not read {}", compression.word());
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
    })
}

/// Returns a reader of the data of one entry of a custom archive, whose gzip is bare zlib.
pub(super) fn block<'a>(
    compression: Compression,
    from: impl Read + 'a,
) -> io::Result<Box<dyn Read + 'a>> {
    match compression {
        Compression::Gzip => Ok(Box::new(flate2::read::ZlibDecoder::new(from))),
        other => reader(other, from),
    }
}

/// LZ4 frames one after the other. The decoder takes a file that ends between two blocks for
/// the end of the frame; here it is an error.
struct Lz4<R: Read> {
    frames: lz4_flex::frame::FrameDecoder<Watched<R>>,
    /// True once a frame has ended and nothing of the next was read.
    between: bool,
}

impl<R: Read> Lz4<R> {
    fn new(from: R) -> Self {
        let from = Watched { from, ended: false };
        Self { frames: lz4_flex::frame::FrameDecoder::new(from), between: false }
    }
}

impl<R: Read> Read for Lz4<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while !buf.is_empty() {
            let taken = self.frames.read(buf)?;
            let ended = self.frames.get_ref().ended;
            match (taken, ended) {
                (1.., _) => {
                    self.between = false;
                    return Ok(taken);
                }
                (0, true) if self.between => return Ok(0),
                (0, true) => return Err(io::ErrorKind::UnexpectedEof.into()),
                (0, false) => self.between = true,
            }
        }
        Ok(0)
    }
}

/// A reader that remembers whether its end was met.
struct Watched<R> {
    from: R,
    ended: bool,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let taken = self.from.read(buf)?;
        self.ended |= taken == 0 && !buf.is_empty();
        Ok(taken)
    }
}

/// Zstandard frames one after the other; a frame whose window is above 128 MiB is refused,
/// as `zstd` itself does without `--long`.
struct Zstd<R> {
    from: R,
    frame: FrameDecoder,
    open: bool,
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while !buf.is_empty() {
            if !self.open && !self.next()? {
                return Ok(0);
            }
            let taken = self.frame.read(buf)?;
            if taken > 0 {
                return Ok(taken);
            }
            if self.frame.is_finished() {
                self.is_as_summed()?;
                self.open = false;
            } else {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.frame.decode_blocks(&mut self.from, one).map_err(io::Error::other)?;
            }
        }
        Ok(0)
    }
}

impl<R: Read> Zstd<R> {
    /// Compares the sum at the end of a frame, if it has one, with what was decoded.
    fn is_as_summed(&self) -> io::Result<()> {
        match (self.frame.get_checksum_from_data(), self.frame.get_calculated_checksum()) {
            (Some(told), Some(found)) if told != found => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum is another"))
            }
            _ => Ok(()),
        }
    }

    /// Goes to the next frame; false at the end of the file.
    fn next(&mut self) -> io::Result<bool> {
        loop {
            let mut magic = [0; 4];
            if self.from.read(&mut magic[..1])? == 0 {
                return Ok(false);
            }
            self.from.read_exact(&mut magic[1..])?;
            if (magic[0] & 0xf0, &magic[1..]) != (0x50, &[0x2a, 0x4d, 0x18][..]) {
                let whole = (&magic[..]).chain(&mut self.from);
                self.frame.reset(whole).map_err(io::Error::other)?;
                self.open = true;
                return Ok(true);
            }
            // A frame that is to be passed over.
            self.from.read_exact(&mut magic)?;
            let length = u64::from(u32::from_le_bytes(magic));
            if io::copy(&mut (&mut self.from).take(length), &mut io::sink())? < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
