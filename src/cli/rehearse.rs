//! `rehearse`: the round trip of every pending migration on a copy.

mod markdown;
mod words;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chrono::Utc;
use clap::Args as Arguments;
use color_eyre::eyre::{Result, WrapErr as _, eyre};

use super::lines::answered;
use super::{args, json, print, say, site};
use crate::domain::identity::Class;
use crate::domain::quantity::Period;
use crate::io::output;
use crate::io::postgres::reader::Reader;
use crate::io::rehearsal::{self, From, Order};
use crate::io::site::Site;
use crate::io::store::Store;

/// What it takes.
#[derive(Arguments, Debug)]
pub struct Args {
    #[command(flatten)]
    pub target: args::Target,
    /// What the copy is made of: `target` (a dump of it, made now), `newest` (the newest full backup that is known to be of the target), or the path of a backup
    #[arg(long, visible_alias = "from", value_name = "WHAT", default_value = "target")]
    pub source: String,
    /// Copy the definitions without a row: nothing is proven about rows
    #[arg(long)]
    pub schema_only: bool,
    /// Leave the rows of these tables out (a pattern as `pg_dump` takes it; several times)
    #[arg(long, value_name = "PATTERN")]
    pub exclude_table: Vec<String>,
    /// Where it is held: on this target of lockkeeper.toml, never one of production, in a database of its own that is dropped afterwards; in a scratch server on this machine if left out
    #[arg(long, value_name = "NAME")]
    pub on: Option<String>,
    /// The name of that target once more, where nobody can be asked to type it
    #[arg(long, value_name = "NAME", requires = "on")]
    pub confirm: Option<String>,
    /// How long one run of the tool may take, e.g. 90s or 10m
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub limit: String,
    /// What is LOSSY is bad, too
    #[arg(long)]
    pub strict: bool,
    /// Write a summary in Markdown into this file
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
}

/// What stands below the command's help.
pub const EXIT_CODES: &str = "Nothing runs on the target: it is read by pg_dump, the copy lies in a scratch server on this machine, which goes with this program; or with --on in a database of its own there, which the next rehearsal there drops if this program was killed.\n\
Exit codes: 0 every way back does what it says (REVERSIBLE or LOSSY), 1 one does not (FALSE DOWN, IRREVERSIBLE, BLOCKED, PARTIAL), 2 cannot tell.";

/// Rehearses, and prints what came of it.
///
/// # Errors
/// When what is asked for cannot be read.
pub fn run(flags: &Args) -> Result<ExitCode> {
    let site = site::open(&flags.target)?;
    let runtime = super::console::runtime()?;
    let order = runtime.block_on(order(flags, &site))?;
    notice(&order);
    if let Some(name) = &flags.on
        && !agreed(&site, name, flags.confirm.as_deref())?
    {
        say("nothing was rehearsed");
        return Ok(ExitCode::from(2));
    }
    let is_told = std::io::stderr().is_terminal() || !flags.target.json;
    let mut tell = |text: &str| {
        if is_told {
            say(text);
        }
    };
    let report = runtime.block_on(rehearsal::rehearse(&site, &order, &mut tell));
    runtime.shutdown_timeout(Duration::from_millis(200));
    if let Some(why) = &report.unkept {
        say(&format!("it is not kept as evidence: {why}"));
    }
    if let Some(path) = &flags.markdown {
        let text = markdown::of(&report);
        output::replace(path, &text).wrap_err_with(|| format!("{}", path.display()))?;
    }
    if flags.target.json {
        print(&json::document(&report));
    } else {
        print(&words::of(&report).join("\n"));
    }
    Ok(ExitCode::from(report.exit_code()))
}

async fn order(flags: &Args, site: &Site) -> Result<Order> {
    let limit: Period =
        flags.limit.parse().map_err(|why| eyre!("--limit {}: {why}", flags.limit))?;
    let exclude = &flags.exclude_table;
    let made = made_of(site, &flags.source, flags.schema_only, exclude).await?;
    let (limit, strict) = (limit.duration(), flags.strict);
    Ok(Order { on: flags.on.clone(), limit, strict, ..made })
}

/// Returns the order for a copy of what is named.
///
/// # Errors
/// When there is no such thing, or it cannot be copied so.
pub(super) async fn made_of(
    site: &Site,
    source: &str,
    schema_only: bool,
    exclude: &[String],
) -> Result<Order> {
    let from = match source {
        "target" => From::Target,
        "newest" => From::Backup(newest(site).await?),
        path => {
            let path = std::path::absolute(path).wrap_err("the source cannot be read")?;
            if !path.exists() {
                let named = path.display();
                return Err(eyre!(
                    "the source {named} does not exist; it is target, newest, or the path of a backup"
                ));
            }
            From::Backup(path)
        }
    };
    let is_backup = matches!(from, From::Backup(_));
    if is_backup && !exclude.is_empty() {
        return Err(eyre!("--exclude-table: of a backup all is loaded; leave it out"));
    }
    if is_backup && schema_only {
        return Err(eyre!("--schema-only: of a backup all is loaded; leave it out"));
    }
    let exclude = exclude.to_vec();
    Ok(Order { from, schema_only, exclude, on: None, limit: Duration::MAX, strict: false })
}

/// Returns the newest full backup of the target that can be loaded.
async fn newest(site: &Site) -> Result<PathBuf> {
    let mut reader = Reader::new(site.target.spec.clone());
    let identity = reader.identity().await;
    reader.close().await;
    let identity = identity.map_err(|why| {
        eyre!(
            "which backups are the target's cannot be told: {why}; name one by its path, \
             `lockkeeper backups` lists what is there"
        )
    })?;
    site.target.check(&identity)?;
    let mut inventory = Store::of(&site.loaded, &site.project).read(Utc::now());
    inventory.backups.retain(|backup| !backup.is_bad());
    let newest = inventory.newest(&identity).ok_or_else(|| {
        eyre!(
            "there is no full backup that is known to be of this database and not known to be \
             damaged; `lockkeeper backups` lists what is there, and one that you know is named \
             by its path"
        )
    })?;
    Ok(PathBuf::from(&newest.location))
}

/// Returns whether the target's name was typed; what is thrown away after use needs no word.
fn agreed(site: &Site, name: &str, confirm: Option<&str>) -> Result<bool> {
    let Some(target) = site.config().targets.get(name) else { return Ok(true) };
    if matches!(target.class, Class::Scratch | Class::Production) {
        // What is refused needs no word, either.
        return Ok(true);
    }
    if let Some(confirm) = confirm {
        return Ok(confirm == name);
    }
    say(&format!(
        "a database is made on {name} ({}), loaded with what is copied, migrated up and down, and dropped",
        target.class.word()
    ));
    let question =
        format!("Type {name} to rehearse there; anything else leaves, and makes nothing: ");
    if let Some(text) = answered(super::runtime()?, &question) {
        return Ok(text == name);
    }
    say(&format!(
        "nobody was asked, or nothing was typed: --confirm {name} agrees where no terminal is"
    ));
    Ok(false)
}

/// Tells what is about to be copied.
pub(super) fn notice(order: &Order) {
    if order.schema_only {
        return;
    }
    let excluded = match order.exclude.as_slice() {
        [] => "leave rows out with --exclude-table, or all with --schema-only".to_owned(),
        tables => format!("without the rows of {}", tables.join(", ")),
    };
    let place = match &order.on {
        None => "this machine".to_owned(),
        Some(name) => format!("this machine and to {name}"),
    };
    say(&format!(
        "all rows are copied to {place}, personal data included, and removed at the end; {excluded}"
    ));
}
