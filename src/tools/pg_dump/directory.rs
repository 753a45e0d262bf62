//! Directory archives: `toc.dat` and a file for each entry with data.

use std::io::{self, Read};

use super::decode::{Progress, Tally};
use super::input::Input;
use super::revision::{self, Held};
use super::rows::Counter;
use super::sort::Compression;
use super::toc::{Data, Entry, Toc};
use super::{Depth, Folder, Found, Kind, Steps, Structure, TOO_LONG, base, compression};

/// What stands behind the name of a file by its compression.
const ENDINGS: [(&str, Compression); 4] = [
    ("", Compression::None),
    (".gz", Compression::Gzip),
    (".lz4", Compression::Lz4),
    (".zst", Compression::Zstd),
];

/// More lists of large objects in a file than this no database has.
const OBJECTS: usize = 10_000_000;

/// Reads a directory; `None` if nothing of `pg_dump` or `pg_basebackup` is in it.
pub(super) fn read(
    folder: &dyn Folder,
    depth: Depth,
    tell: &mut dyn FnMut(Progress),
) -> io::Result<Option<Found>> {
    let Some(size) = folder.size("toc.dat") else { return base::read(folder, depth) };
    let toc = {
        let mut file = folder.open("toc.dat")?;
        let mut input = Input::new(&mut file, size);
        match Toc::read(&mut input) {
            Ok(toc) => toc,
            Err(stop) => {
                let why = stop.words("toc.dat")?;
                return Ok(Some(Found::broken(Kind::Directory, why)));
            }
        }
    };
    let mut found = toc.found(Kind::Directory);
    let Some(mut steps) = Steps::of(depth) else { return Ok(Some(found)) };
    let mut read = Reading {
        steps: &mut steps,
        tally: Tally::new(Some(toc.data.len()), tell),
        is_summed: true,
    };
    found.structure = walk(folder, &toc, &mut read)?;
    if depth == Depth::Rows {
        // Each file was decoded to tell where it ends.
        let wrong = match &found.structure {
            Structure::Complete(_) => None,
            other => Some(other.words().to_owned()),
        };
        found.decoded = Some(read.tally.decoded(wrong, read.is_summed));
    }
    revisions(folder, &toc, &mut found);
    Ok(Some(found))
}

/// A file of an entry, with its compression.
struct Stored {
    name: String,
    size: u64,
    compression: Compression,
}

fn stored(folder: &dyn Folder, name: &str) -> Option<Stored> {
    // A name out of an archive never leads out of its directory.
    let is_plain = !name.contains(['/', '\\']) && name != ".." && name != ".";
    ENDINGS.iter().filter(|_| is_plain).find_map(|(ending, compression)| {
        let name = format!("{name}{ending}");
        folder.size(&name).map(|size| Stored { name, size, compression: *compression })
    })
}

/// What goes along from file to file.
struct Reading<'a> {
    steps: &'a mut Steps,
    tally: Tally<'a>,
    /// Whether every file so far has a checksum.
    is_summed: bool,
}

fn walk(folder: &dyn Folder, toc: &Toc, read: &mut Reading<'_>) -> io::Result<Structure> {
    let mut files = 0_usize;
    for entry in &toc.data {
        let Data::In(name) = &entry.data else { continue };
        read.tally.next();
        let outcome = match entry.is_table {
            true => rows(folder, entry, name, read)?,
            false => objects(folder, name, read)?,
        };
        match outcome {
            Ok(seen) => files += seen,
            Err(structure) => return Ok(structure),
        }
    }
    Ok(Structure::Complete(format!("toc.dat and all {files} files that it names, to their ends")))
}

/// How many files were seen to be whole, or why not.
type Seen = Result<usize, Structure>;

fn broken(why: String) -> Seen {
    Err(Structure::Broken(why))
}

fn rows(
    folder: &dyn Folder,
    entry: &Entry,
    name: &str,
    read: &mut Reading<'_>,
) -> io::Result<Seen> {
    let shown = super::shown(name);
    let Some(file) = stored(folder, name) else { return Ok(broken(format!("{shown} is missing"))) };
    let shown = format!("{}, {}", super::shown(&file.name), super::shown(&entry.name));
    if file.size == 0 {
        // pg_restore takes it for an empty table.
        return Ok(broken(format!("{shown}: the file is empty, its rows are gone")));
    }
    let counter = match through(folder, &file, read)? {
        Ok(counter) => counter,
        Err(structure) => return Ok(Err(structure)),
    };
    match entry.is_copy.then(|| counter.end()).transpose() {
        Ok(rows) => read.tally.table(entry.name.clone(), rows),
        Err(why) => return Ok(broken(format!("{shown}: {why}"))),
    }
    Ok(Ok(1))
}

/// Decodes a file to its end, and counts its lines.
fn through(
    folder: &dyn Folder,
    file: &Stored,
    read: &mut Reading<'_>,
) -> io::Result<Result<Counter, Structure>> {
    read.is_summed &= file.compression == Compression::Gzip;
    let from = folder.open(&file.name)?;
    let name = super::shown(&file.name);
    let damaged = |error: io::Error| Structure::Broken(format!("{name} is damaged: {error}"));
    let mut from = match compression::reader(file.compression, from) {
        Ok(from) => from,
        Err(error) => return Ok(Err(damaged(error))),
    };
    let mut counter = Counter::default();
    let mut piece = vec![0; 64 << 10];
    let mut enough = read.steps.take();
    while enough {
        let length = match from.read(&mut piece) {
            Ok(0) => return Ok(Ok(counter)),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Ok(Err(damaged(error))),
        };
        counter.feed(&piece[..length]);
        enough = read.steps.read(length);
    }
    Ok(Err(Structure::Unknown(TOO_LONG.to_owned())))
}

/// `blobs.toc` names the large objects, a line each: `OID FILE`.
fn objects(folder: &dyn Folder, name: &str, read: &mut Reading<'_>) -> io::Result<Seen> {
    let shown = super::shown(name);
    let Some(list) = stored(folder, name) else { return Ok(broken(format!("{shown} is missing"))) };
    let mut text = String::new();
    let from = compression::reader(list.compression, folder.open(&list.name)?);
    let listed = from.and_then(|from| from.take(1 << 30).read_to_string(&mut text));
    if listed.is_err() || (!text.is_empty() && !text.ends_with('\n')) {
        return Ok(broken(format!("{shown} is damaged")));
    }
    let mut seen = 1;
    for line in text.lines().take(OBJECTS) {
        let file = line.split_once(' ').and_then(|(_, file)| stored(folder, file));
        let Some(file) = file else {
            return Ok(broken(format!("a large object of {shown} is missing")));
        };
        // An empty object is an empty file only where nothing is compressed.
        if file.compression != Compression::None
            && let Err(structure) = through(folder, &file, read)?
        {
            return Ok(Err(structure));
        }
        read.tally.object();
        seen += 1;
    }
    Ok(Ok(seen))
}

fn revisions(folder: &dyn Folder, toc: &Toc, found: &mut Found) {
    let mut held = Vec::new();
    for versions in &toc.versions {
        let Data::In(name) = &toc.data[versions.entry].data else { continue };
        let Some(file) = stored(folder, name) else { continue };
        let from = folder.open(&file.name);
        let decoded = from.and_then(|from| compression::reader(file.compression, from));
        let rows = decoded.map_err(|error| error.to_string()).and_then(revision::bounded);
        held.push(Held { versions, rows });
    }
    revision::fill(found, held);
}
