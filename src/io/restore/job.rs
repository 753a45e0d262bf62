//! The child's command line.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::domain::restore::Act;
use crate::io::tool::{self, Tool};
use crate::session::options::{self, number, value};

/// What the child does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The act.
    pub act: Act,
    /// The server that is meant.
    pub system_identifier: String,
    /// The live database.
    pub database: String,
    /// Its OID.
    pub oid: u32,
    /// The database that is made, filled, swapped in or dropped.
    pub new: String,
    /// Its OID, once there is one.
    pub new_oid: Option<u32>,
    /// The replicas on which a swap ends the sessions.
    pub replicas: Vec<String>,
    /// The console of the pooler that is paused around a swap.
    pub pooler: Option<String>,
    /// What is loaded.
    pub load: Option<Load>,
}

/// What is loaded, and by which program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// The backup.
    pub backup: PathBuf,
    /// `pg_restore`, or for a script `psql`.
    pub client: Tool,
    /// How many connections load at the same time.
    pub jobs: usize,
    /// The migration tool whose revision is compared.
    pub tool: Option<String>,
}

const OPTIONS: [&str; 11] = [
    "--replica",
    "--pooler",
    "--system",
    "--database",
    "--oid",
    "--new",
    "--new-oid",
    "--backup",
    "--client",
    "--jobs",
    "--tool",
];

impl Job {
    /// Reads the command line.
    ///
    /// # Errors
    /// If a word is unknown, missing or not what it must be.
    pub fn parse(args: &[OsString]) -> Result<Self, String> {
        let words = options::words(args)?;
        let (act, rest) = words.split_first().ok_or("the act is missing")?;
        let act = Act::parse(act).ok_or_else(|| format!("{act} is no act of a restore"))?;
        let known = [OPTIONS.as_slice(), &tool::OPTIONS].concat();
        let given = options::read(rest, &known)?;
        let text = |name: &str| value(&given, name);
        let load = match act {
            Act::Load => Some(Load {
                backup: PathBuf::from(text("--backup")?),
                client: Tool::read(text("--client")?, rest, &given),
                jobs: number(&given, "--jobs")?,
                tool: given.get("--tool").map(|tool| (*tool).to_owned()),
            }),
            _ => None,
        };
        let new_oid = if act == Act::Load { None } else { Some(number(&given, "--new-oid")?) };
        Ok(Self {
            act,
            system_identifier: text("--system")?,
            database: text("--database")?,
            oid: number(&given, "--oid")?,
            new: text("--new")?,
            new_oid,
            replicas: options::list(rest, "--replica"),
            pooler: given.get("--pooler").map(|console| (*console).to_owned()),
            load,
        })
    }
}
