//! Header and table of contents of an archive, the same for custom, directory and tar.

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveDateTime};

use super::input::{Input, Stop};
use super::revision;
use super::sort::Compression;
use super::{Found, Kind};
use crate::domain::backup::Scope;
use crate::domain::untrusted::Untrusted;

/// More entries than this no database has: the number is damaged.
const ENTRIES: i64 = 20_000_000;

/// Where the data of an entry lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Data {
    /// At this place in a custom archive.
    At(u64),
    /// Somewhere in it: `pg_dump` could not go back to write it down, or was ended.
    Unplaced,
    /// In this file of a directory or tar archive.
    In(String),
}

/// An entry that has data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// `dumpId`.
    pub id: i64,
    /// True for the rows of a table.
    pub is_table: bool,
    /// `schema.table` of a table, else what the entry is called.
    pub name: String,
    /// True if the rows are text of COPY, which ends with `\.`.
    pub is_copy: bool,
    /// Where.
    pub data: Data,
}

/// The rows of a version table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Versions {
    /// Which of the entries with data.
    pub entry: usize,
    /// The table.
    pub table: String,
    /// The statement that its rows belong to; empty if they are no COPY rows.
    pub copy: String,
}

/// Header and table of contents.
#[derive(Debug)]
pub(super) struct Toc {
    /// `1.14`.
    pub version: (u8, u8),
    /// The format byte: 1 custom, 3 tar or directory.
    pub format: u8,
    /// How the data is compressed, as far as the header tells.
    pub compression: Compression,
    created_local: Option<NaiveDateTime>,
    database: Option<Untrusted>,
    server: Option<Untrusted>,
    tool: Option<Untrusted>,
    entries: i64,
    /// The entries that have data, in their order.
    pub data: Vec<Entry>,
    /// Version tables among them.
    pub versions: Vec<Versions>,
    defines: bool,
    schemas: BTreeSet<Vec<u8>>,
    namespaces: BTreeSet<Vec<u8>>,
}

impl Toc {
    /// Reads header and table of contents.
    pub fn read(input: &mut Input<'_>) -> Result<Self, Stop> {
        let mut toc = Self::header(input)?;
        toc.entries = input.int()?;
        if !(0..=ENTRIES).contains(&toc.entries) {
            return Err(Stop::Wrong(format!("{} entries", toc.entries)));
        }
        for _ in 0..toc.entries {
            toc.entry(input)?;
        }
        Ok(toc)
    }

    fn header(input: &mut Input<'_>) -> Result<Self, Stop> {
        let mut magic = [0; 11];
        input.fill(&mut magic)?;
        let [b'P', b'G', b'D', b'M', b'P', major, minor, _, int, offset, format] = magic else {
            return Err(Stop::Wrong("it does not begin with PGDMP".into()));
        };
        if (major, minor) < (1, 12) || (major, minor) > (1, 16) {
            return Err(Stop::Wrong(format!(
                "archive version {major}.{minor}: this version reads 1.12 to 1.16"
            )));
        }
        if !matches!((int, offset), (4 | 8, 4 | 8)) {
            return Err(Stop::Wrong(format!("integers of {int} and offsets of {offset} bytes")));
        }
        if !matches!(format, 1 | 3 | 5) {
            return Err(Stop::Wrong(format!("format {format}: known are 1 and 3")));
        }
        (input.int, input.offset) = (usize::from(int), usize::from(offset));
        Ok(Self {
            version: (major, minor),
            format,
            compression: compression(input, minor)?,
            created_local: local_time(input)?,
            database: text(input)?,
            server: text(input)?,
            tool: text(input)?,
            entries: 0,
            data: Vec::new(),
            versions: Vec::new(),
            defines: false,
            schemas: BTreeSet::new(),
            namespaces: BTreeSet::new(),
        })
    }

    /// Reads one entry; `pg_backup_archiver.c`, `ReadToc`.
    fn entry(&mut self, input: &mut Input<'_>) -> Result<(), Stop> {
        let id = input.int()?;
        if id <= 0 {
            return Err(Stop::Wrong(format!("entry number {id}")));
        }
        input.int()?; // whether it has data; so says its place, too
        input.skip_text()?; // the catalog's OID
        input.skip_text()?; // the object's OID
        let tag = input.text()?.unwrap_or_default();
        let kind = input.text()?.unwrap_or_default();
        input.int()?; // the section
        input.skip_text()?; // how it is made
        input.skip_text()?; // how it is dropped
        let copy = input.text()?.unwrap_or_default();
        let namespace = input.text()?.unwrap_or_default();
        input.skip_text()?; // the tablespace
        if self.version >= (1, 14) {
            input.skip_text()?; // the access method
        }
        if self.version >= (1, 16) {
            input.int()?; // relkind
        }
        input.skip_text()?; // the owner
        input.skip_text()?; // WITH OIDS
        while input.skip_text()? {} // what it depends on
        let data = self.place(input)?;
        self.define(&kind, &tag, &namespace);
        if let Some(data) = data {
            let named = Named { kind: &kind, tag: &tag, namespace: &namespace };
            self.remember(id, &named, &copy, data);
        }
        Ok(())
    }

    /// Reads where the data is: an offset in a custom archive, else a file's name.
    fn place(&self, input: &mut Input<'_>) -> Result<Option<Data>, Stop> {
        if self.format != 1 {
            let name = input.text()?.filter(|name| !name.is_empty());
            return Ok(name.map(|name| Data::In(String::from_utf8_lossy(&name).into_owned())));
        }
        match input.offset()? {
            (1, _) => Ok(Some(Data::Unplaced)),
            (2, at) => Ok(Some(Data::At(at))),
            (3, _) => Ok(None),
            (flag, _) => Err(Stop::Wrong(format!("offset flag {flag}"))),
        }
    }

    fn define(&mut self, kind: &[u8], tag: &[u8], namespace: &[u8]) {
        match kind {
            b"SCHEMA" => {
                self.schemas.insert(tag.to_vec());
            }
            b"TABLE" => {
                self.defines = true;
                if namespace != b"public" {
                    self.namespaces.insert(namespace.to_vec());
                }
            }
            b"VIEW" | b"FUNCTION" | b"TYPE" | b"SEQUENCE" | b"EXTENSION" | b"CONSTRAINT" => {
                self.defines = true;
            }
            _ => {}
        }
    }

    fn remember(&mut self, id: i64, named: &Named<'_>, copy: &[u8], data: Data) {
        let is_table = named.kind == b"TABLE DATA";
        let table = String::from_utf8_lossy(named.tag);
        if is_table && revision::is_version_table(&table) {
            self.versions.push(Versions {
                entry: self.data.len(),
                table: table.clone().into_owned(),
                copy: String::from_utf8_lossy(copy).into_owned(),
            });
        }
        let name = match is_table {
            true => format!("{}.{table}", String::from_utf8_lossy(named.namespace)),
            false => String::from_utf8_lossy(named.kind).into_owned(),
        };
        let is_copy = is_table && !copy.is_empty();
        self.data.push(Entry { id, is_table, name, is_copy, data });
    }

    fn tables(&self) -> usize {
        self.data.iter().filter(|entry| entry.is_table).count()
    }

    /// Returns how much is in it, as far as that leaves a trace.
    fn scope(&self) -> Scope {
        let has_rows = self.tables() > 0;
        match (self.defines, has_rows) {
            // `-t` takes tables without the schema that they are in.
            (true, true) if !self.namespaces.is_subset(&self.schemas) => Scope::Tables,
            (true, true) => Scope::Full,
            (true, false) => Scope::Schema,
            (false, _) => Scope::Data,
        }
    }

    /// Returns what is known so far.
    pub fn found(&self, kind: Kind) -> Found {
        let (major, minor) = self.version;
        let tables = self.tables();
        let head = format!(
            "archive version {major}.{minor}, {} entries, rows of {tables} tables",
            self.entries
        );
        Found {
            created_local: self.created_local,
            database: self.database.clone(),
            server_version: self.server.clone(),
            tool_version: self.tool.clone(),
            scope: Some(self.scope()),
            tables: Some(tables),
            head: Ok(head),
            ..Found::of(kind)
        }
    }
}

/// What an entry is, and what it is called.
struct Named<'a> {
    kind: &'a [u8],
    tag: &'a [u8],
    namespace: &'a [u8],
}

/// Up to 1.14 an integer: −1 for zlib's own level, 0 for none; since 1.15 one byte.
fn compression(input: &mut Input<'_>, minor: u8) -> Result<Compression, Stop> {
    if minor < 15 {
        return match input.int()? {
            0 => Ok(Compression::None),
            -1..=9 => Ok(Compression::Gzip),
            other => Err(Stop::Wrong(format!("compression level {other}"))),
        };
    }
    match input.byte()? {
        0 => Ok(Compression::None),
        1 => Ok(Compression::Gzip),
        2 => Ok(Compression::Lz4),
        3 => Ok(Compression::Zstd),
        other => Err(Stop::Wrong(format!("compression {other}"))),
    }
}

/// Seven fields of `struct tm`; a time that does not exist is not known.
fn local_time(input: &mut Input<'_>) -> Result<Option<NaiveDateTime>, Stop> {
    let mut field = || Ok::<_, Stop>(u32::try_from(input.int()?).ok());
    let (second, minute, hour) = (field()?, field()?, field()?);
    let (day, month, year) = (field()?, field()?, field()?);
    input.int()?; // whether summer time was on
    let whole = || {
        let year = i32::try_from(year?.checked_add(1900)?).ok()?;
        let date = NaiveDate::from_ymd_opt(year, month?.checked_add(1)?, day?)?;
        date.and_hms_opt(hour?, minute?, second?)
    };
    Ok(whole())
}

fn text(input: &mut Input<'_>) -> Result<Option<Untrusted>, Stop> {
    let text = input.text()?.filter(|text| !text.is_empty());
    Ok(text.map(|text| Untrusted::from_bytes(&text)))
}
