//! The child's command line: `up --to V --from F --source DIR --checksum HEX`, `down …`, `probe`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use sqlx::migrate::Migration;

/// What the child does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Connects and shows itself.
    Probe,
    /// Runs one migration one way.
    Step(Step),
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Migrating.
    Up,
    /// Rolling back.
    Down,
}

impl Way {
    /// Returns `up` or `down`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// One migration, one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which way.
    pub way: Way,
    /// Up: the version that runs. Down: the version that stays on top, 0 for none.
    pub to: i64,
    /// The highest version that the database must be at before, 0 for none.
    pub from: i64,
    /// The directory of the migrations.
    pub source: PathBuf,
    /// The beginning of the SHA-384 of the file that was confirmed, in hexadecimal: another
    /// content is not run.
    pub checksum: Option<String>,
}

impl Step {
    /// Returns the version of the one migration that may run.
    #[must_use]
    pub fn migration(&self) -> i64 {
        match self.way {
            Way::Up => self.to,
            Way::Down => self.from,
        }
    }

    /// Returns true if this is the content that was confirmed.
    #[must_use]
    pub fn is_confirmed(&self, migration: &Migration) -> bool {
        let found =
            migration.checksum.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        self.checksum.as_ref().is_none_or(|wanted| found.starts_with(wanted))
    }

    /// Returns true if sqlx would run this migration, by the rules of its migrator.
    #[must_use]
    pub fn would_run(&self, migration: &Migration, applied: &[i64]) -> bool {
        let has = applied.contains(&migration.version);
        match self.way {
            Way::Up => {
                migration.migration_type.is_up_migration() && !has && migration.version <= self.to
            }
            Way::Down => {
                migration.migration_type.is_down_migration() && has && migration.version > self.to
            }
        }
    }
}

impl Job {
    /// Reads the command line.
    ///
    /// # Errors
    /// If a word is unknown, missing or no version.
    pub fn parse(args: &[OsString]) -> Result<Self, String> {
        let words: Option<Vec<&str>> = args.iter().map(|word| word.to_str()).collect();
        let words = words.ok_or("an argument is not UTF-8")?;
        let (first, rest) = words.split_first().ok_or("up, down or probe is missing")?;
        let way = match *first {
            "probe" if rest.is_empty() => return Ok(Self::Probe),
            "up" => Way::Up,
            "down" => Way::Down,
            other => return Err(format!("unknown: {other}")),
        };
        let options = options(rest)?;
        let version = |name: &str| {
            let text = options.get(name).ok_or_else(|| format!("{name} is missing"))?;
            text.parse::<i64>().map_err(|_| format!("{name}: {text} is no version"))
        };
        let source = options.get("--source").ok_or("--source is missing")?;
        Ok(Self::Step(Step {
            way,
            to: version("--to")?,
            from: version("--from")?,
            source: PathBuf::from(source),
            checksum: options.get("--checksum").map(|text| (*text).to_owned()),
        }))
    }
}

fn options<'a>(words: &[&'a str]) -> Result<BTreeMap<&'a str, &'a str>, String> {
    words
        .chunks(2)
        .map(|pair| match pair {
            [name @ ("--to" | "--from" | "--source" | "--checksum"), value] => Ok((*name, *value)),
            [name, ..] => Err(format!("unknown or without value: {name}")),
            [] => Err(String::from("an option is missing")),
        })
        .collect()
}
