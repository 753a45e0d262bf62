//! The child's command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::backup::Scope;
use crate::domain::verify::Level;
use crate::io::tool::{self, Tool};
use crate::session::options::{self, number, value};

/// What the child does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// How much of the database.
    pub scope: Scope,
    /// The directory that the file goes to.
    pub directory: PathBuf,
    /// The program.
    pub pg_dump: Tool,
    /// The server that is meant.
    pub system_identifier: String,
    /// The database that is meant.
    pub database_oid: u32,
    /// How long `pg_dump` waits for each of its locks.
    pub lock_wait: Duration,
    /// How long the rows of one table may be counted.
    pub count: Duration,
    /// The level that the file has to pass before it is a backup: L2 or L3.
    pub level: Level,
    /// Whether the contents of each table are summed too.
    pub contents: bool,
    /// The migration tool whose revision is noted.
    pub tool: Option<String>,
    /// The tables that are dumped; none: all.
    pub tables: Vec<String>,
    /// The tables that are written as CSV too.
    pub csv: Vec<String>,
    /// The `pg_dumpall` that writes the roles beside it; none: they are left out.
    pub roles: Option<Tool>,
}

const OPTIONS: [&str; 13] = [
    "--contents",
    "--table",
    "--csv",
    "--roles",
    "--scope",
    "--directory",
    "--pg-dump",
    "--system",
    "--oid",
    "--lock-ms",
    "--count-ms",
    "--level",
    "--tool",
];

impl Job {
    /// Reads the command line.
    ///
    /// # Errors
    /// If a word is unknown, missing or not what it must be.
    pub fn parse(args: &[OsString]) -> Result<Self, String> {
        let words = options::words(args)?;
        let known = [OPTIONS.as_slice(), &tool::OPTIONS].concat();
        let given = options::read(&words, &known)?;
        let text = |name: &str| value(&given, name);
        let ms = |name: &str| number(&given, name).map(Duration::from_millis);
        let pg_dump = Tool::read(text("--pg-dump")?, &words, &given);
        Ok(Self {
            scope: match text("--scope")?.as_str() {
                "full" => Scope::Full,
                "schema" => Scope::Schema,
                "tables" => Scope::Tables,
                other => {
                    return Err(format!("--scope: {other} is neither full, schema nor tables"));
                }
            },
            directory: PathBuf::from(text("--directory")?),
            system_identifier: text("--system")?,
            database_oid: number(&given, "--oid")?,
            lock_wait: ms("--lock-ms")?,
            count: ms("--count-ms")?,
            level: level(given.get("--level").copied())?,
            contents: given.contains_key("--contents"),
            tool: given.get("--tool").map(|tool| (*tool).to_owned()),
            tables: options::list(&words, "--table"),
            csv: options::list(&words, "--csv"),
            roles: given.get("--roles").map(|path| pg_dump.beside(PathBuf::from(path))),
            pg_dump,
        })
    }
}

fn level(text: Option<&str>) -> Result<Level, String> {
    match text.map(|text| (text, Level::parse(text))) {
        None => Ok(Level::L3),
        Some((_, Some(level @ (Level::L2 | Level::L3)))) => Ok(level),
        Some((text, _)) => Err(format!("--level: {text} is neither L2 nor L3")),
    }
}
