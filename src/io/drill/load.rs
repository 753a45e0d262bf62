//! Loading a backup into the scratch database, by `pg_restore` or `psql`.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::scratch::{DATABASE, Scratch, shown};
use super::sql;
use crate::domain::backup::Kind;
use crate::io::{process, restore};

/// What no scratch server has: owners and grants of other roles, disks, providers, publishers.
const WITHOUT: [&str; 6] = [
    "--no-owner",
    "--no-acl",
    "--no-tablespaces",
    "--no-security-labels",
    "--no-subscriptions",
    "--no-password",
];
/// A backup that asks for more roles than this is not understood.
const ROLES: usize = 64;
/// Of the last words of a failure so many lines are told.
const LAST: usize = 4;
/// The statement that makes the database is in the head of a script of this length.
const HEAD: u64 = 256 << 10;
/// At most so many tables are loaded at once.
const JOBS: usize = 4;

/// Errors that lie with the scratch server, not with the backup: it lacks a module, a locale, a
/// setting, room, or has already what a script of a whole cluster makes.
const OURS: [&str; 12] = [
    "is not available",
    "could not open extension control file",
    "could not access file",
    "shared_preload_libraries",
    "invalid locale name",
    "could not create locale",
    "for encoding",
    "unrecognized configuration parameter",
    "No space left",
    "can only create extension in database",
    "already exists",
    "could not connect",
];

/// A backup that is to be loaded.
pub(super) struct Load<'a> {
    pub path: &'a Path,
    pub kind: Kind,
    pub tables: Option<usize>,
    /// Whatever takes longer hangs.
    pub limit: Duration,
}

/// Why it was not loaded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// Something is missing here; nothing is said of the backup.
    CannotTell(String),
    /// The backup does not load.
    Bad(String),
}

impl Failed {
    /// Returns why, whosever fault it is.
    pub fn why(self) -> String {
        match self {
            Self::CannotTell(why) | Self::Bad(why) => why,
        }
    }
}

impl Load<'_> {
    /// Loads it, and returns what holds then.
    pub fn run(&self, scratch: &Scratch, tell: &mut dyn FnMut(&str)) -> Result<String, Failed> {
        if self.kind == Kind::Plain {
            with_roles(scratch, "", tell, &|tell| self.script(scratch, tell))?;
        } else {
            let options = self.options(scratch);
            // Definitions alone take seconds, and tell what is missing here before the rows do.
            with_roles(scratch, &options, tell, &|tell| {
                tell("trying the definitions");
                self.restore(scratch, &["--schema-only"], tell)
            })?;
            scratch.database(&options).map_err(Failed::CannotTell)?;
            let jobs = thread::available_parallelism().map_or(1, usize::from).min(JOBS);
            self.restore(scratch, &[&format!("--jobs={jobs}")], tell)
                .map_err(|words| judged(&words))?;
        }
        sql::holds(scratch).map_err(Failed::CannotTell)
    }

    /// Returns how the archive wants its database to be made: encoding, provider, locale. They
    /// decide what is unique and which partition a row belongs to.
    fn options(&self, scratch: &Scratch) -> String {
        let mut command = scratch.program("pg_restore");
        command.args(["--create", "--schema-only", "--no-tablespaces", "-f", "-"]).arg(self.path);
        let mut head = Vec::new();
        if let Ok(mut child) = command.stderr(Stdio::null()).spawn() {
            if let Some(stdout) = child.stdout.take() {
                // What cannot be read is not needed: the load itself will tell.
                drop(stdout.take(HEAD).read_to_end(&mut head));
            }
            end(&mut child);
        }
        options_in(&String::from_utf8_lossy(&head))
    }

    fn restore(
        &self,
        scratch: &Scratch,
        args: &[&str],
        tell: &mut dyn FnMut(&str),
    ) -> Result<(), String> {
        let mut command = scratch.program("pg_restore");
        command.args(WITHOUT).args(["--exit-on-error", "--verbose", "-d", DATABASE]);
        command.args(args).arg(self.path).stdout(Stdio::null());
        let mut told = Told { tables: self.tables, at: 0 };
        self.follow(command, None, &mut |line| {
            if let Some(text) = told.line(line) {
                tell(&text);
            }
        })
    }

    fn script(&self, scratch: &Scratch, tell: &mut dyn FnMut(&str)) -> Result<(), String> {
        tell("psql runs the script");
        let mut command = scratch.program("psql");
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse"]);
        command.args(["-d", DATABASE, "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null());
        self.follow(command, Some(self.path), &mut |_| {})
    }

    /// Follows a program to its end; the error is its last words.
    fn follow(
        &self,
        mut command: Command,
        input: Option<&Path>,
        heard: &mut dyn FnMut(&str),
    ) -> Result<(), String> {
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let (done, ended) = mpsc::channel::<()>();
        let (pid, limit) = (child.id(), self.limit);
        let watch = thread::spawn(move || {
            let late = ended.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
            if let Some(pid) = process::pid(pid).filter(|_| late) {
                // It may have ended just now.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
            late
        });
        let fed = input.zip(child.stdin.take()).map(|(path, mut stdin)| {
            let path = path.to_owned();
            // The server is nobody's, but psql runs on this machine as we do.
            thread::spawn(move || restore::feed(&path, &restore::May::Connect, &mut stdin))
        });
        let last = child.stderr.take().map_or_else(VecDeque::new, |said| words(said, heard));
        let status = child.wait().map_err(|error| error.to_string());
        drop(done);
        let late = watch.join().unwrap_or(false);
        let unread = fed.and_then(|fed| fed.join().ok()).and_then(Result::err);
        match status?.code() {
            Some(0) => match unread {
                Some(error) => Err(format!("it cannot be read: {error}")),
                None => Ok(()),
            },
            _ if late => Err(format!("it was not loaded within {} s: it hangs", limit.as_secs())),
            _ => Err(Vec::from(last).join("; ")),
        }
    }
}

/// Loads once; the error is the last words of what did.
type Loader<'a> = &'a dyn Fn(&mut dyn FnMut(&str)) -> Result<(), String>;

/// Loads into an empty database, again with each role that turns out to be missing.
fn with_roles(
    scratch: &Scratch,
    options: &str,
    tell: &mut dyn FnMut(&str),
    load: Loader<'_>,
) -> Result<(), Failed> {
    for _ in 0..ROLES {
        scratch.database(options).map_err(Failed::CannotTell)?;
        let Err(words) = load(tell) else { return Ok(()) };
        let Some(role) = missing_role(&words) else { return Err(judged(&words)) };
        tell(&format!("making the role {}, which can do nothing", shown(&role)));
        scratch.role(&role).map_err(Failed::CannotTell)?;
    }
    Err(Failed::CannotTell(format!("it asks for more than {ROLES} roles")))
}

/// Reads what a program says to its end, and returns the last of what went wrong.
fn words(said: impl std::io::Read, heard: &mut dyn FnMut(&str)) -> VecDeque<String> {
    let (mut last, mut from, mut line) = (VecDeque::new(), BufReader::new(said), Vec::new());
    let mut quotes = false;
    while matches!(from.by_ref().take(HEAD).read_until(b'\n', &mut line), Ok(1..)) {
        let text = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
        line.clear();
        heard(&text);
        // The statement that failed follows, on many lines; what it says is no error.
        quotes = text.starts_with("Command was:") || (quotes && !text.starts_with("pg_restore:"));
        if !quotes && is_trouble(&text) {
            last.push_back(text);
            last.drain(..last.len().saturating_sub(LAST));
        }
    }
    last
}

/// Returns true for what goes wrong and its details; that a worker died follows from that.
fn is_trouble(line: &str) -> bool {
    match line.strip_prefix("pg_restore: ") {
        Some(rest) => {
            let begins = |word: &str| rest.starts_with(word);
            !rest.contains("worker process died")
                && ["error:", "warning:", "detail:", "hint:"].into_iter().any(begins)
        }
        None => !line.is_empty(),
    }
}

fn end(child: &mut Child) {
    // Its end is all that is wanted; it may have come already.
    let _ = child.kill();
    let _ = child.wait();
}

/// Returns whose fault a failure is. Only errors are asked: a detail quotes rows, which may say
/// anything (`Key (id)=(1) already exists`).
fn judged(words: &str) -> Failed {
    let shown = shown(words);
    let errors = words.split("; ").filter(|line| !line.starts_with("DETAIL"));
    if errors.into_iter().any(|line| OURS.iter().any(|ours| line.contains(ours))) {
        return Failed::CannotTell(format!("the scratch server lacks what it needs: {shown}"));
    }
    Failed::Bad(format!("it does not load: {shown}"))
}

/// Returns the role that a failure names as missing (PostgreSQL's `role "%s" does not exist`; the
/// scratch server speaks English).
fn missing_role(words: &str) -> Option<String> {
    let (_, rest) = words.split_once("ERROR:  role \"")?;
    let (name, _) = rest.split_once("\" does not exist")?;
    Some(name.to_owned())
}

/// Returns the options of the CREATE DATABASE in the head of a script, or none.
fn options_in(head: &str) -> String {
    let line = head.lines().find(|line| line.starts_with("CREATE DATABASE "));
    let after = line.and_then(|line| line.split_once(" WITH TEMPLATE = template0"));
    let options = after.and_then(|(_, options)| options.strip_suffix(';'));
    options.unwrap_or_default().to_owned()
}

/// What `pg_restore --verbose` tells, as one would say it.
struct Told {
    tables: Option<usize>,
    at: usize,
}

impl Told {
    fn line(&mut self, line: &str) -> Option<String> {
        let rest = line.strip_prefix("pg_restore: ")?;
        let began = rest.strip_prefix("launching item ").and_then(|item| item.split_once(' '));
        let what = match (began, rest.strip_prefix("processing data for table ")) {
            (Some((_, item)), _) => item,
            (None, Some(table)) => return Some(self.table(table.trim_matches('"'))),
            _ => {
                return rest
                    .strip_prefix("creating ")
                    .map(|what| format!("making {}", shown(what)));
            }
        };
        Some(match what.strip_prefix("TABLE DATA ") {
            Some(table) => self.table(table),
            None => format!("making {}", shown(what)),
        })
    }

    fn table(&mut self, name: &str) -> String {
        self.at += 1;
        let of = self.tables.map(|of| format!("/{of}")).unwrap_or_default();
        format!("loading table {}{of}: {}", self.at, shown(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_role_is_named_and_what_the_server_lacks_is_no_fault_of_the_backup() {
        let words =
            "pg_restore: error: could not execute query: ERROR:  role \"odd \"one\" does not exist";
        assert_eq!(missing_role(words).as_deref(), Some("odd \"one"));
        let lacks = judged("ERROR:  extension \"postgis\" is not available");
        assert!(matches!(lacks, Failed::CannotTell(_)), "{lacks:?}");
        let broken =
            judged("ERROR:  insert or update on table \"o\" violates foreign key constraint");
        assert!(matches!(broken, Failed::Bad(_)), "{broken:?}");
        let twice = judged("ERROR:  duplicate key; DETAIL:  Key (id)=(1) already exists.");
        assert!(matches!(twice, Failed::Bad(_)), "{twice:?}");
    }

    #[test]
    fn the_database_is_made_as_the_archive_says() {
        let head = "--\nCREATE DATABASE \"a b\" WITH TEMPLATE = template0 ENCODING = 'UTF8' \
                    LOCALE_PROVIDER = libc LOCALE = 'C';\n\n\\connect";
        assert_eq!(options_in(head), " ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C'");
        assert_eq!(options_in("CREATE TABLE t ();"), "");
    }

    #[test]
    fn rows_and_what_follows_them_are_told_apart() {
        let mut told = Told { tables: Some(3), at: 0 };
        let mut line = |text: &str| told.line(text);
        assert_eq!(
            line("pg_restore: launching item 3379 TABLE DATA users").as_deref(),
            Some("loading table 1/3: users")
        );
        assert_eq!(
            line("pg_restore: processing data for table \"public.t\"").as_deref(),
            Some("loading table 2/3: public.t")
        );
        let made = line("pg_restore: creating INDEX \"public.i\"");
        assert_eq!(made.as_deref(), Some("making INDEX \"public.i\""));
        assert_eq!(line("pg_restore: connecting to database for restore"), None);
    }
}
