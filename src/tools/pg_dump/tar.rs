//! Tar archives: member after member, each header with its own sum.

use std::collections::HashMap;
use std::io::{self, Read, SeekFrom};

use super::decode::{self, Decoded, Progress, Tally};
use super::input::{Input, Stop};
use super::revision::{self, Held};
use super::rows::Counter;
use super::toc::{Data, Toc};
use super::{Bytes, Depth, Found, Kind, Steps, Structure, TOO_LONG};

/// The unit of a tar file.
const BLOCK: u64 = 512;
/// No table of contents is larger than this (1 GiB).
const LARGEST_TOC: u64 = 1 << 30;

/// Where the members are: name to begin and size.
type Members = HashMap<String, (u64, u64)>;

/// Reads a tar file; `None` if it does not begin with a table of contents, as those of
/// `pg_dump` do.
pub(super) fn read(
    bytes: &mut dyn Bytes,
    size: u64,
    depth: Depth,
    tell: &mut dyn FnMut(Progress),
) -> io::Result<Option<Found>> {
    let first = match member(bytes, 0, size) {
        Ok(Some(first)) if first.name == "toc.dat" => first,
        _ => return Ok(None),
    };
    let toc = contents(bytes, &first);
    let toc = match toc {
        Ok(toc) => toc,
        Err(stop) => {
            return Ok(Some(Found::broken(Kind::Tar, stop.words("its table of contents")?)));
        }
    };
    let mut found = toc.found(Kind::Tar);
    let Some(mut steps) = Steps::of(depth) else { return Ok(Some(found)) };
    let mut members = Members::new();
    found.structure = match walk(bytes, size, &mut members, &mut steps) {
        Ok(true) => judged(bytes, &toc, &members)?,
        Ok(false) => Structure::Unknown(TOO_LONG.to_owned()),
        Err(stop) => Structure::Broken(stop.words("the data")?),
    };
    if found.structure.complete() == Some(false) {
        found.notes.push("pg_restore reads a damaged tar archive without end: do not".to_owned());
    }
    revisions(bytes, &toc, &members, &mut found);
    if depth == Depth::Rows {
        found.decoded = Some(decoded(bytes, &toc, &members, &found.structure, tell)?);
    }
    Ok(Some(found))
}

/// Reads the rows of every table; nothing in a tar archive is compressed, or has a sum.
fn decoded(
    bytes: &mut dyn Bytes,
    toc: &Toc,
    members: &Members,
    structure: &Structure,
    tell: &mut dyn FnMut(Progress),
) -> io::Result<Decoded> {
    let mut tally = Tally::new(Some(toc.data.len()), tell);
    if let Structure::Broken(why) = structure {
        return Ok(tally.decoded(Some(why.clone()), false));
    }
    for entry in &toc.data {
        tally.next();
        let Data::In(name) = &entry.data else { continue };
        let Some((begin, size)) = members.get(name).filter(|_| entry.is_table) else { continue };
        bytes.seek(SeekFrom::Start(*begin))?;
        let mut counter = Counter::default();
        decode::through((&mut *bytes).take(*size), &mut counter)?;
        match entry.is_copy.then(|| counter.end()).transpose() {
            Ok(rows) => tally.table(entry.name.clone(), rows),
            Err(why) => {
                let why = format!("{}: {why}", super::shown(&entry.name));
                return Ok(tally.decoded(Some(why), false));
            }
        }
    }
    let is_object = |name: &&String| name.starts_with("blob_");
    members.keys().filter(is_object).for_each(|_| tally.object());
    Ok(tally.decoded(None, false))
}

struct Member {
    name: String,
    begin: u64,
    size: u64,
}

impl Member {
    fn end(&self) -> u64 {
        self.begin.saturating_add(self.size.div_ceil(BLOCK).saturating_mul(BLOCK))
    }
}

/// Reads the table of contents, which lies inside of the file.
fn contents(bytes: &mut dyn Bytes, first: &Member) -> Result<Toc, Stop> {
    if first.size > LARGEST_TOC {
        return Err(Stop::Wrong(format!("{} bytes", first.size)));
    }
    bytes.seek(SeekFrom::Start(first.begin))?;
    let mut text = Vec::new();
    bytes.take(first.size).read_to_end(&mut text)?;
    let size = text.len() as u64;
    let mut text = io::Cursor::new(text);
    let mut input = Input::new(&mut text, size);
    let toc = Toc::read(&mut input)?;
    if toc.format == 1 {
        return Err(Stop::Wrong("it is that of a custom archive".into()));
    }
    Ok(toc)
}

/// Notes every member up to the mark of the end; false if the steps were used up.
fn walk(
    bytes: &mut dyn Bytes,
    size: u64,
    members: &mut Members,
    steps: &mut Steps,
) -> Result<bool, Stop> {
    let mut at = 0;
    loop {
        if !steps.take() {
            return Ok(false);
        }
        let Some(member) = member(bytes, at, size)? else { return ends(bytes, at, size) };
        at = member.end();
        if at > size {
            return Err(Stop::Cut);
        }
        members.insert(member.name, (member.begin, member.size));
    }
}

/// The mark of the end is two blocks of zeros; more may follow as padding.
fn ends(bytes: &mut dyn Bytes, at: u64, size: u64) -> Result<bool, Stop> {
    /// No tar pads further than this.
    const PADDING: u64 = 1 << 20;
    let left = size - at;
    if left < 2 * BLOCK || !left.is_multiple_of(BLOCK) {
        return Err(Stop::Cut);
    }
    if left > PADDING {
        return Err(Stop::Wrong(format!("{left} bytes behind its end")));
    }
    bytes.seek(SeekFrom::Start(at))?;
    let mut rest = Vec::new();
    bytes.take(left).read_to_end(&mut rest)?;
    match rest.iter().all(|byte| *byte == 0) {
        true => Ok(true),
        false => Err(Stop::Wrong("something stands behind its end".into())),
    }
}

/// Reads the header at `at`; `None` for a block of zeros.
fn member(bytes: &mut dyn Bytes, at: u64, size: u64) -> Result<Option<Member>, Stop> {
    if size.saturating_sub(at) < BLOCK {
        return Err(Stop::Cut);
    }
    bytes.seek(SeekFrom::Start(at))?;
    let mut head = [0; 512];
    bytes.read_exact(&mut head)?;
    if head.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let wrong = |what: &str| Stop::Wrong(format!("the header of a member at {at}: {what}"));
    let told = octal(&head[148..156]).ok_or_else(|| wrong("its sum"))?;
    if told != sum(&head) {
        return Err(wrong("its sum is another"));
    }
    let name = head[..100].split(|byte| *byte == 0).next().unwrap_or_default();
    let name = String::from_utf8_lossy(name).into_owned();
    let length = number(&head[124..136]).ok_or_else(|| wrong("its size"))?;
    Ok(Some(Member { name, begin: at + BLOCK, size: length }))
}

/// The sum of all bytes, with blanks in place of the sum itself.
fn sum(head: &[u8; 512]) -> u64 {
    let bytes = head.iter().enumerate();
    bytes.map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) }).sum()
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let text = text.trim_matches(['\0', ' ']);
    u64::from_str_radix(text, 8).ok()
}

/// A size: octal digits, or, from 8 GiB on, base 256 behind a byte of 0x80.
fn number(field: &[u8]) -> Option<u64> {
    match field.split_first() {
        Some((0x80, rest)) => {
            rest.iter().try_fold(0_u64, |n, byte| n.checked_mul(256)?.checked_add((*byte).into()))
        }
        _ => octal(field),
    }
}

/// Every file that the contents name is there, and rows end as rows do.
fn judged(bytes: &mut dyn Bytes, toc: &Toc, members: &Members) -> io::Result<Structure> {
    for entry in &toc.data {
        let Data::In(name) = &entry.data else { continue };
        if !entry.is_table {
            // The contents name a file for large objects that nobody writes.
            if let Some(missing) = objects(bytes, members)? {
                return Ok(Structure::Broken(missing));
            }
            continue;
        }
        let Some((begin, size)) = members.get(name) else {
            return Ok(Structure::Broken(format!("{} is missing", super::shown(name))));
        };
        if !entry.is_copy {
            continue;
        }
        let tail = (*size).min(super::END_OF_ROWS.len() as u64);
        bytes.seek(SeekFrom::Start(begin + size - tail))?;
        let mut end = Vec::new();
        bytes.take(tail).read_to_end(&mut end)?;
        if end != super::END_OF_ROWS {
            let name = super::shown(name);
            return Ok(Structure::Broken(format!("the rows in {name} do not end")));
        }
    }
    Ok(Structure::Complete(format!("all {} members, up to the mark of the end", members.len())))
}

/// Returns what is missing of the large objects: `blobs.toc` names them, a line each.
fn objects(bytes: &mut dyn Bytes, members: &Members) -> io::Result<Option<String>> {
    /// A list longer than this (64 MiB) is not read through.
    const LONGEST: u64 = 64 << 20;
    let is_list = |name: &str| {
        name.strip_prefix("blobs").is_some_and(|rest| rest.strip_suffix(".toc").is_some())
    };
    let lists: Vec<_> = members.iter().filter(|(name, _)| is_list(name)).collect();
    if lists.is_empty() {
        return Ok(Some("the list of large objects is missing".to_owned()));
    }
    for (_, (begin, size)) in lists {
        bytes.seek(SeekFrom::Start(*begin))?;
        let mut text = Vec::new();
        (&mut *bytes).take((*size).min(LONGEST)).read_to_end(&mut text)?;
        let text = String::from_utf8_lossy(&text);
        let mut named = text.lines().filter_map(|line| line.split_once(' '));
        if let Some((oid, _)) = named.find(|(_, file)| !members.contains_key(*file)) {
            return Ok(Some(format!("the large object {} is missing", super::shown(oid))));
        }
    }
    Ok(None)
}

fn revisions(bytes: &mut dyn Bytes, toc: &Toc, members: &Members, found: &mut Found) {
    let mut held = Vec::new();
    for versions in &toc.versions {
        let Data::In(name) = &toc.data[versions.entry].data else { continue };
        let Some((begin, size)) = members.get(name) else { continue };
        let rows = bytes.seek(SeekFrom::Start(*begin)).map_err(|error| error.to_string());
        let rows = rows.and_then(|_| revision::bounded((&mut *bytes).take(*size)));
        held.push(Held { versions, rows });
    }
    revision::fill(found, held);
}
