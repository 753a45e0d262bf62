//! Plain scripts, read once from front to end, compressed or not.

use std::io::{self, BufRead, BufReader, Cursor, Read as _};

use super::copy;
use super::decode::{Progress, Tally};
use super::revision;
use super::sort::{Compression, Sort, sort};
use super::{Bytes, Depth, Found, Kind, Steps, Structure, TOO_LONG, compression};
use crate::domain::backup::Scope;
use crate::domain::untrusted::Untrusted;

/// Of each row so much is looked at.
const LINE: usize = 4096;
/// Of each other line: COPY with 1600 columns of the longest names fits.
const STATEMENT: usize = 256 << 10;
/// No version table has more rows in a script than this many bytes.
const VERSIONS: usize = 1 << 20;
const DUMP_END: &str = "-- PostgreSQL database dump complete";
const CLUSTER_END: &str = "-- PostgreSQL database cluster dump complete";

/// Reads a script that is not compressed.
pub(super) fn read(
    bytes: &mut dyn Bytes,
    depth: Depth,
    tell: &mut dyn FnMut(Progress),
) -> io::Result<Found> {
    scan(&mut BufReader::with_capacity(64 << 10, bytes), depth, Compression::None, tell)
}

/// Reads what is compressed; `None` if no script of `pg_dump` is inside.
pub(super) fn compressed(
    bytes: &mut dyn Bytes,
    how: Compression,
    depth: Depth,
    tell: &mut dyn FnMut(Progress),
) -> io::Result<Option<Found>> {
    let from = match compression::reader(how, BufReader::with_capacity(64 << 10, bytes)) {
        Ok(from) => from,
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            let why =
                format!("it is compressed with {}, which this version cannot read", how.word());
            return Ok(Some(Found::closed(Kind::Plain, why)));
        }
        Err(_) => return Ok(None),
    };
    let mut from = BufReader::with_capacity(64 << 10, from);
    let mut head = Vec::new();
    // What does not decode from the start on is no dump that anybody could tell.
    let read = (&mut from).take(super::sort::HEAD as u64).read_to_end(&mut head);
    let mut found = match sort(&head) {
        Some(Sort::Plain) => {
            let rest: Box<dyn BufRead + '_> = match read {
                Ok(_) => Box::new(Cursor::new(head).chain(from)),
                Err(_) => Box::new(Cursor::new(head)),
            };
            let mut rest = rest;
            scan(&mut *rest, depth, how, tell)?
        }
        Some(Sort::Archive | Sort::Tar) => {
            let why =
                format!("an archive inside of {}: unpack it, pg_restore does not", how.word());
            Found::closed(Kind::Custom, why)
        }
        _ => return Ok(None),
    };
    if let Ok(head) = &mut found.head {
        *head = format!("{head}, {}", how.word());
    }
    Ok(Some(found))
}

/// What was seen of a script so far.
struct Script<'a> {
    tally: Tally<'a>,
    /// The table whose rows are read now, and how many so far.
    table: Option<(String, u64)>,
    cluster: bool,
    token: Option<Vec<u8>>,
    server: Option<Untrusted>,
    tool: Option<Untrusted>,
    database: Option<Untrusted>,
    /// Of several databases, the one that comes now.
    connected: Option<String>,
    defines: bool,
    tables: usize,
    inserts: bool,
    /// The version table whose rows are read now, its statement, and its rows so far.
    versions: Option<(String, String, Vec<u8>)>,
    in_rows: bool,
    revisions: Vec<Result<Vec<String>, String>>,
    end: End,
}

/// How far the end of the script has been seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    NotYet,
    /// The line that says so; a line `--` closes it.
    Said,
    Closed,
    /// The line `\unrestrict` with the token of the head.
    Released,
}

/// Reads a script to its end; where it is decoded on the way, an error is damage of its own.
fn scan(
    from: &mut dyn BufRead,
    depth: Depth,
    how: Compression,
    tell: &mut dyn FnMut(Progress),
) -> io::Result<Found> {
    let mut script = Script::new(tell);
    let mut steps = match depth {
        // The first lines tell the versions.
        Depth::Head => Steps::so_many(1),
        Depth::Steps(steps) => Steps::so_many(steps),
        Depth::Whole | Depth::Rows => Steps::default(),
    };
    let mut line = Vec::new();
    let ended = loop {
        let most = if script.in_rows { LINE } else { STATEMENT };
        match next(from, &mut line, most, &mut steps) {
            Ok(Line::Whole) => script.line(&line),
            Ok(Line::Last) => {
                script.line(&line);
                break Some(Ok(()));
            }
            Ok(Line::None) => break Some(Ok(())),
            Ok(Line::Stopped) => break None,
            Err(error) if how != Compression::None => break Some(Err(error)),
            Err(error) => return Err(error),
        }
    };
    Ok(script.found(ended.as_ref(), depth, how))
}

enum Line {
    /// With its newline.
    Whole,
    /// Without.
    Last,
    None,
    /// The steps were used up.
    Stopped,
}

/// Reads a line, and keeps so much of it as is looked at.
fn next(
    from: &mut dyn BufRead,
    line: &mut Vec<u8>,
    most: usize,
    steps: &mut Steps,
) -> io::Result<Line> {
    line.clear();
    let mut seen = false;
    loop {
        let piece = match from.fill_buf() {
            Ok(piece) => piece,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if piece.is_empty() {
            return Ok(if seen { Line::Last } else { Line::None });
        }
        let newline = memchr::memchr(b'\n', piece);
        let (text, used) = newline.map_or((piece, piece.len()), |at| (&piece[..at], at + 1));
        let room = most.saturating_sub(line.len()).min(text.len());
        line.extend_from_slice(&text[..room]);
        seen = true;
        from.consume(used);
        if !steps.read(used) {
            return Ok(Line::Stopped);
        }
        if newline.is_some() {
            return Ok(Line::Whole);
        }
    }
}

impl<'a> Script<'a> {
    fn new(tell: &'a mut dyn FnMut(Progress)) -> Self {
        Self {
            tally: Tally::new(None, tell),
            table: None,
            cluster: false,
            token: None,
            server: None,
            tool: None,
            database: None,
            connected: None,
            defines: false,
            tables: 0,
            inserts: false,
            versions: None,
            in_rows: false,
            revisions: Vec::new(),
            end: End::NotYet,
        }
    }

    fn line(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.in_rows {
            return self.row(line);
        }
        self.end = self.end_after(line);
        match line.first() {
            Some(b'-') => self.comment(line),
            Some(b'C') => self.statement(line),
            Some(b'I') => self.insert(line),
            Some(b'\\') => self.command(line),
            _ => {}
        }
    }

    fn insert(&mut self, line: &[u8]) {
        let Some(rest) = line.strip_prefix(b"INSERT INTO ") else { return };
        self.inserts = true;
        let rest = &rest[..rest.len().min(LINE)];
        let table = self.named(&String::from_utf8_lossy(rest));
        self.tally.table(table, None);
    }

    /// Returns the table that a statement begins with; of several databases, with its own.
    fn named(&self, rest: &str) -> String {
        let table = copy::table(rest);
        match &self.connected {
            Some(database) => format!("{database}.{table}"),
            None => table,
        }
    }

    fn row(&mut self, line: &[u8]) {
        let is_end = line == b"\\.";
        if let Some((table, rows)) = &mut self.table {
            match is_end {
                true => self.tally.table(std::mem::take(table), Some(*rows)),
                false => *rows += 1,
            }
        }
        if let Some((_, _, rows)) = &mut self.versions
            && rows.len() < VERSIONS
        {
            rows.extend_from_slice(line);
            rows.push(b'\n');
        }
        if is_end {
            self.in_rows = false;
            if let Some((table, copy, rows)) = self.versions.take() {
                self.revisions.push(revision::revisions(&table, &copy, &rows));
            }
        }
    }

    fn end_after(&self, line: &[u8]) -> End {
        let marker = if self.cluster { CLUSTER_END } else { DUMP_END };
        match (self.end, line) {
            (_, line) if line == marker.as_bytes() => End::Said,
            (end, b"") => end,
            (End::Said, b"--") => End::Closed,
            (End::Closed, line) if self.releases(line) => End::Released,
            _ => End::NotYet,
        }
    }

    fn releases(&self, line: &[u8]) -> bool {
        let token = line.strip_prefix(b"\\unrestrict ");
        token.is_some() && token == self.token.as_deref()
    }

    fn comment(&mut self, line: &[u8]) {
        let after = |mark: &str| line.strip_prefix(mark.as_bytes()).map(Untrusted::from_bytes);
        if self.server.is_none() {
            self.server = after("-- Dumped from database version ");
        }
        if self.tool.is_none() {
            self.tool = after("-- Dumped by pg_dump version ");
        }
        self.cluster |= line == b"-- PostgreSQL database cluster dump";
    }

    fn command(&mut self, line: &[u8]) {
        if let Some(token) = line.strip_prefix(b"\\restrict ") {
            self.token = Some(token.to_vec());
        } else if let Some(name) = line.strip_prefix(b"\\connect ") {
            match self.cluster {
                true => self.connected = Some(copy::table(&String::from_utf8_lossy(name))),
                false => self.database = Some(Untrusted::from_bytes(name)),
            }
        }
    }

    fn statement(&mut self, line: &[u8]) {
        let Some(rest) = line.strip_prefix(b"COPY ") else {
            self.defines |= line.starts_with(b"CREATE ");
            return;
        };
        if !line.ends_with(b" FROM stdin;") {
            return;
        }
        self.in_rows = true;
        self.tables += 1;
        let name = self.named(&String::from_utf8_lossy(rest));
        let table = name.rsplit('.').next().unwrap_or_default().to_owned();
        self.table = Some((name, 0));
        self.tally.next();
        if revision::is_version_table(&table) {
            let copy = String::from_utf8_lossy(line).into_owned();
            self.versions = Some((table, copy, Vec::new()));
        }
    }

    fn scope(&self) -> Option<Scope> {
        match (self.defines, self.tables > 0 || self.inserts) {
            (true, true) => Some(Scope::Full),
            (true, false) => Some(Scope::Schema),
            (false, true) => Some(Scope::Data),
            (false, false) => None,
        }
    }

    /// Returns whether the script ended as it should.
    fn is_complete(&self) -> bool {
        match (self.end, &self.token) {
            // Of several databases, each has a token of its own, and the last line none.
            (End::Closed, _) if self.cluster => true,
            (End::Closed, None) | (End::Released, _) => true,
            _ => false,
        }
    }

    fn found(self, ended: Option<&io::Result<()>>, depth: Depth, how: Compression) -> Found {
        let what = if self.cluster { "script of pg_dumpall" } else { "script of pg_dump" };
        let found = Found {
            server_version: self.server.clone(),
            tool_version: self.tool.clone(),
            database: self.database.clone(),
            head: Ok(what.to_owned()),
            ..Found::of(Kind::Plain)
        };
        let structure = match ended {
            None if depth == Depth::Head => found.structure.clone(),
            None => Structure::Unknown(TOO_LONG.to_owned()),
            Some(Err(error)) => {
                Structure::Broken(format!("it does not decode to its end: {error}"))
            }
            Some(Ok(())) if self.is_complete() => {
                Structure::Complete("the marker of its end is there".to_owned())
            }
            Some(Ok(())) => {
                Structure::Broken("cut off: the marker of its end is missing".to_owned())
            }
        };
        if ended.is_none() {
            return Found { structure, ..found };
        }
        let mut found = Found {
            structure,
            scope: self.scope(),
            tables: (!self.inserts).then_some(self.tables),
            ..found
        };
        revision(self.revisions, &mut found);
        if depth == Depth::Rows {
            let is_broken = found.structure.complete() != Some(true);
            let wrong = is_broken.then(|| found.structure.words().to_owned());
            found.decoded = Some(self.tally.decoded(wrong, how == Compression::Gzip));
        }
        found
    }
}

fn revision(mut revisions: Vec<Result<Vec<String>, String>>, found: &mut Found) {
    match (revisions.len(), revisions.pop()) {
        (1, Some(Ok(ids))) => found.revisions = Some(ids),
        (1, Some(Err(why))) => {
            found.notes.push(format!("the revision in it cannot be read: {why}"));
        }
        (0, _) => {}
        _ => found
            .notes
            .push("it holds several version tables: which one counts is not known".to_owned()),
    }
}
