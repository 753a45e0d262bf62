//! `lint`: what SQL does to others and to the data, judged without running a line of it.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use color_eyre::eyre::{Result, WrapErr as _};

use super::{args, json, print, site, words};
use crate::domain::hazard::Catalog;
use crate::io::postgres::reader::Reader;
use crate::tools::status::{self, Lint, LintError};

/// The longest text that is read; a dump is no migration.
const LONGEST: u64 = 32 << 20;

/// Prints the dangers: exit 0 if there are none, 1 if there are, 2 if it cannot be told.
///
/// # Errors
/// When the named target cannot be read.
pub fn run(flags: &args::Lint) -> Result<ExitCode> {
    let mut catalog = catalog(&flags.target)?;
    let (mut texts, mut unread) = (Vec::new(), Vec::new());
    for file in &flags.files {
        let name = file.display().to_string();
        match read(file) {
            Ok(text) => texts.push((name, text)),
            Err(error) => {
                unread.push(LintError { file: name, line: None, message: format!("{error:#}") });
            }
        }
    }
    let files = texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let mut lint = status::lint(files, &mut catalog);
    lint.errors.extend(unread);
    if flags.target.json {
        json::print(&lint);
    } else {
        print(&words::lint(&lint).join("\n"));
    }
    Ok(ExitCode::from(code(&lint)))
}

fn code(lint: &Lint) -> u8 {
    match (lint.is_bad(), lint.is_whole()) {
        (true, _) => 1,
        (false, false) => 2,
        (false, true) => 0,
    }
}

/// Returns the live schema, if a target was named for it: nobody who lints a file expects
/// that it connects anywhere by itself.
fn catalog(flags: &args::Target) -> Result<Catalog> {
    if flags.dsn.is_none() && flags.target.is_none() {
        return Ok(Catalog::default());
    }
    let site = site::open(flags)?;
    let runtime = super::runtime()?;
    runtime.block_on(async {
        let mut reader = Reader::new(site.target.spec.clone());
        let identity = reader.identity().await?;
        site.target.check(&identity)?;
        Ok(reader.catalog(identity.version_num).await?)
    })
}

fn read(file: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().take(LONGEST + 1).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(file)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > LONGEST {
        color_eyre::eyre::bail!("it is longer than {} MiB: no migration is", LONGEST >> 20);
    }
    String::from_utf8(bytes).wrap_err("it is no UTF-8 text")
}
