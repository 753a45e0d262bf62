//! Custom archives: blocks behind the table of contents, each in pieces with their lengths.

use std::collections::HashMap;
use std::io::{self, Read};

use super::decode::{self, Decoded, Progress, Tally};
use super::input::{Input, Stop};
use super::revision::{self, Held};
use super::rows::Counter;
use super::sort::Compression;
use super::toc::{Data, Entry, Toc};
use super::{Bytes, Depth, Found, Kind, Steps, Structure, TOO_LONG, compression};

/// Rows of a table, or one large object after the other.
const ROWS: u8 = 1;
const OBJECTS: u8 = 3;

/// Reads a file that begins with `PGDMP`.
pub(super) fn read(
    bytes: &mut dyn Bytes,
    size: u64,
    depth: Depth,
    tell: &mut dyn FnMut(Progress),
) -> io::Result<Found> {
    let mut input = Input::new(bytes, size);
    let toc = match Toc::read(&mut input) {
        Ok(toc) => toc,
        Err(stop) => {
            let why = stop.words("header or table of contents")?;
            return Ok(Found::broken(Kind::Custom, why));
        }
    };
    if toc.format != 1 {
        let why = "it is the table of contents of a directory or tar archive, without its data";
        return Ok(Found::broken(Kind::Directory, why));
    }
    let mut found = toc.found(Kind::Custom);
    let Some(mut steps) = Steps::of(depth) else { return Ok(found) };
    let walked = walk(&mut input, &toc, &mut steps);
    let (structure, places) = match walked {
        Ok(Walk { places, enough: true }) => (judged(&toc, &places), places),
        Ok(Walk { places, .. }) => (Structure::Unknown(TOO_LONG.to_owned()), places),
        Err((stop, places)) => (Structure::Broken(stop.words("the data")?), places),
    };
    found.structure = structure;
    if toc.data.iter().any(|entry| entry.data == Data::Unplaced) {
        let note =
            "where its data lies is not written down: it went through a pipe, or pg_dump was ended";
        found.notes.push(note.to_owned());
    }
    revisions(&mut input, &toc, &places, &mut found);
    if depth == Depth::Rows {
        found.decoded = Some(decoded(&mut input, &toc, &places, &found.structure, tell)?);
    }
    Ok(found)
}

/// Where the block of each entry begins: behind its number.
type Places = HashMap<i64, u64>;

struct Walk {
    places: Places,
    /// False if there were not enough steps to come to the end.
    enough: bool,
}

/// Goes over every block to the end of the file.
fn walk(input: &mut Input<'_>, toc: &Toc, steps: &mut Steps) -> Result<Walk, (Stop, Places)> {
    let mut places = Places::new();
    // A block that no entry knows is damage; this also bounds the map.
    let known: HashMap<i64, &Data> = toc.data.iter().map(|entry| (entry.id, &entry.data)).collect();
    loop {
        match one(input, &known, &mut places, steps) {
            Ok(On::Next) => {}
            Ok(On::End) => return Ok(Walk { places, enough: true }),
            Ok(On::Stop) => return Ok(Walk { places, enough: false }),
            Err(stop) => return Err((stop, places)),
        }
    }
}

enum On {
    Next,
    End,
    Stop,
}

fn one(
    input: &mut Input<'_>,
    known: &HashMap<i64, &Data>,
    places: &mut Places,
    steps: &mut Steps,
) -> Result<On, Stop> {
    if input.is_at_end()? {
        return Ok(On::End);
    }
    let begin = input.at();
    let kind = input.byte()?;
    let id = input.int()?;
    let Some(data) = known.get(&id) else {
        return Err(Stop::Wrong(format!("a block of entry {id}, which is not in the contents")));
    };
    if let Data::At(at) = data
        && *at != begin
    {
        return Err(Stop::Wrong(format!("the block of entry {id} is at {begin}, not at {at}")));
    }
    if places.insert(id, input.at()).is_some() {
        return Err(Stop::Wrong(format!("two blocks of entry {id}")));
    }
    let enough = match kind {
        ROWS => pieces(input, steps)?,
        OBJECTS => objects(input, steps)?,
        other => return Err(Stop::Wrong(format!("a block of kind {other}"))),
    };
    Ok(if enough { On::Next } else { On::Stop })
}

/// Passes over pieces up to the empty one; false if the steps were used up.
fn pieces(input: &mut Input<'_>, steps: &mut Steps) -> Result<bool, Stop> {
    loop {
        if !steps.take() {
            return Ok(false);
        }
        match piece(input)? {
            0 => return Ok(true),
            length => input.skip(length)?,
        }
    }
}

fn piece(input: &mut Input<'_>) -> Result<u64, Stop> {
    let length = input.int()?;
    u64::try_from(length).map_err(|_| Stop::Wrong(format!("a piece of {length} bytes")))
}

fn objects(input: &mut Input<'_>, steps: &mut Steps) -> Result<bool, Stop> {
    while input.int()? != 0 {
        if !pieces(input, steps)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Every entry with data must have had its block.
fn judged(toc: &Toc, places: &Places) -> Structure {
    let missing = toc.data.iter().filter(|entry| !places.contains_key(&entry.id)).count();
    match missing {
        0 => Structure::Complete(format!("all {} blocks, up to the end", places.len())),
        _ => Structure::Broken(format!(
            "cut off: {missing} of {} blocks of data are missing",
            toc.data.len()
        )),
    }
}

/// Decodes the blocks of the version tables, nothing else.
fn revisions(input: &mut Input<'_>, toc: &Toc, places: &Places, found: &mut Found) {
    let mut held = Vec::new();
    for versions in &toc.versions {
        let Some(at) = places.get(&toc.data[versions.entry].id) else { continue };
        let rows = input.go(*at).map_err(|_| "it cannot be reached".to_owned()).and_then(|()| {
            let pieces = Pieces { input, left: 0, ended: false };
            let decoded = compression::block(toc.compression, pieces);
            decoded.map_err(|error| error.to_string()).and_then(revision::bounded)
        });
        held.push(Held { versions, rows });
    }
    revision::fill(found, held);
}

/// Decodes every block, as they lie in the file. Of what is cut off nothing more is asked.
fn decoded<'a>(
    input: &mut Input<'_>,
    toc: &'a Toc,
    places: &Places,
    structure: &Structure,
    tell: &mut dyn FnMut(Progress),
) -> io::Result<Decoded> {
    let is_summed = toc.compression == Compression::Gzip;
    let place = |entry: &'a Entry| Some((*places.get(&entry.id)?, entry));
    let mut blocks: Vec<(u64, &Entry)> = toc.data.iter().filter_map(place).collect();
    blocks.sort_by_key(|(at, _)| *at);
    let mut tally = Tally::new(Some(blocks.len()), tell);
    if let Structure::Broken(why) = structure {
        return Ok(tally.decoded(Some(why.clone()), is_summed));
    }
    for (at, entry) in blocks {
        tally.next();
        if let Err(error) = block(input, toc.compression, at, entry, &mut tally) {
            let why = decode::damage(&entry.name, error)?;
            return Ok(tally.decoded(Some(why), is_summed));
        }
    }
    Ok(tally.decoded(None, is_summed))
}

fn block(
    input: &mut Input<'_>,
    how: Compression,
    at: u64,
    entry: &Entry,
    tally: &mut Tally<'_>,
) -> io::Result<()> {
    input.go(at).map_err(broken)?;
    let mut counter = Counter::default();
    if !entry.is_table {
        while input.int().map_err(broken)? != 0 {
            stream(input, how, &mut counter)?;
            tally.object();
        }
        return Ok(());
    }
    stream(input, how, &mut counter)?;
    let ended = |()| counter.end().map_err(io::Error::other);
    let rows = entry.is_copy.then_some(()).map(ended).transpose()?;
    tally.table(entry.name.clone(), rows);
    Ok(())
}

/// Decodes one stream of pieces to its end. `pg_dump` from 16 on writes none at all for an
/// empty large object.
fn stream(input: &mut Input<'_>, how: Compression, counter: &mut Counter) -> io::Result<()> {
    let left = piece(input).map_err(broken)?;
    if left == 0 {
        return Ok(());
    }
    let mut pieces = Pieces { input, left, ended: false };
    decode::through(compression::block(how, &mut pieces)?, counter)?;
    // The decoder may leave the mark of the end; what else it leaves is none of the data.
    decode::through(&mut pieces, &mut Counter::default())
}

/// The pieces of one block as one stream.
struct Pieces<'a, 'b> {
    input: &'a mut Input<'b>,
    left: u64,
    ended: bool,
}

impl Read for Pieces<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.ended {
            self.left = piece(self.input).map_err(broken)?;
            self.ended = self.left == 0;
        }
        let wanted = buf.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.input.fill(&mut buf[..wanted]).map_err(broken)?;
        self.left -= wanted as u64;
        Ok(wanted)
    }
}

fn broken(stop: Stop) -> io::Error {
    match stop {
        Stop::Cut => io::ErrorKind::UnexpectedEof.into(),
        Stop::Wrong(why) => io::Error::new(io::ErrorKind::InvalidData, why),
        Stop::Io(error) => error,
    }
}
