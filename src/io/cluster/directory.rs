//! A throwaway server's directory: the socket and `owner.json` lie in it, the
//! data in `data`, the server's log in `log`.

use std::env;
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::{Signal, kill_process};

use super::{Account, Error, Programs, Stop};
use crate::io::process::{self, Identity};

/// `sun_path` has 104 bytes on macOS and the BSDs, 108 on Linux.
const LONGEST_SOCKET: usize = 100;

/// Returns where a new server may lie: nothing is there yet.
pub(super) fn unused() -> Result<PathBuf, Error> {
    let parent = env::temp_dir();
    let directory = parent.join(unused_name());
    if directory.as_os_str().len() + "/.s.PGSQL.5432".len() > LONGEST_SOCKET {
        return Err(Error::TooLong(parent));
    }
    Ok(directory)
}

/// Creates a private directory for a server, owned by `account`.
pub(super) fn create(account: Account, directory: &Path) -> Result<(), Error> {
    DirBuilder::new()
        .mode(0o700)
        .create(directory)
        .map_err(|source| Error::file("create", directory, source))?;
    account.give(directory)
}

/// Returns a name that no other process and no other call has made.
fn unused_name() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("lockkeeper-{:x}-{:x}", std::process::id(), now.as_nanos())
}

pub(super) fn data(directory: &Path) -> PathBuf {
    directory.join("data")
}

/// Appends our settings and `settings` to postgresql.conf; the last one of a name counts.
pub(super) fn configure(directory: &Path, settings: &[(String, String)]) -> Result<(), Error> {
    let socket = directory.display().to_string();
    let own = [
        ("listen_addresses", ""),
        ("unix_socket_directories", &socket),
        ("unix_socket_permissions", "0700"),
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
    ];
    let given = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let text = own.into_iter().chain(given).fold(String::from("\n"), |mut text, (name, value)| {
        let _ = writeln!(text, "{name} = '{}'", value.replace('\'', "''"));
        text
    });
    let path = data(directory).join("postgresql.conf");
    OpenOptions::new()
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| Error::file("write", &path, source))
}

/// Returns the system identifier: the first eight bytes of `global/pg_control`, in the
/// machine's order (`ControlFileData` in `src/include/catalog/pg_control.h` of PostgreSQL 13–18).
pub(super) fn system_identifier(directory: &Path) -> Result<String, Error> {
    let path = data(directory).join("global/pg_control");
    let bytes = fs::read(&path).map_err(|source| Error::file("read", &path, source))?;
    let first = bytes
        .first_chunk::<8>()
        .ok_or_else(|| Error::file("read", &path, io::Error::from(io::ErrorKind::UnexpectedEof)))?;
    Ok(u64::from_ne_bytes(*first).to_string())
}

/// Returns whether a postmaster runs in `directory`: a look at a file and a process,
/// without a connection.
#[must_use]
pub fn is_running(directory: &Path) -> bool {
    postmaster(directory).and_then(Identity::of).is_some()
}

/// Returns the postmaster's pid: the first line of `postmaster.pid`, which a crash leaves behind.
pub(super) fn postmaster(directory: &Path) -> Option<u32> {
    let text = fs::read_to_string(data(directory).join("postmaster.pid")).ok()?;
    text.lines().next()?.trim().parse().ok()
}

/// Starts the server: `pg_ctl` puts it into a session of its own.
pub(super) fn start_server(
    account: Account,
    programs: &Programs,
    directory: &Path,
) -> Result<(), Error> {
    let data = data(directory);
    let data = data.to_string_lossy();
    let log = directory.join("log");
    let args = ["start", "-D", &data, "-l", &log.to_string_lossy(), "-w", "-t", "120", "-s"];
    match account.run(programs, "pg_ctl", directory, &args) {
        Ok(_) => Ok(()),
        Err(error) => Err(with_log(error, &log)),
    }
}

fn with_log(error: Error, log: &Path) -> Error {
    let Error::Program { program, status, output } = error else { return error };
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(5)..].join("\n");
    Error::Program { program, status, output: format!("{output}\n{last}") }
}

/// Stops the server; nothing happens when it does not run.
pub(super) fn stop_server(
    account: Account,
    programs: &Programs,
    directory: &Path,
    how: Stop,
) -> Result<(), Error> {
    let Some(postmaster) = postmaster(directory) else { return Ok(()) };
    // One that was halted (SIGSTOP) would hear nothing, however it is asked; to one that runs
    // this means nothing.
    if let Some(pid) = process::pid(postmaster) {
        let _ = kill_process(pid, Signal::CONT);
    }
    let data = data(directory);
    let args = ["stop", "-D", &data.to_string_lossy(), "-m", how.mode(), "-w", "-t", "60", "-s"];
    match account.run(programs, "pg_ctl", directory, &args) {
        // It ended between the two looks, or had crashed and left its file.
        Err(_) if !is_running(directory) => Ok(()),
        done => done.map(|_| ()),
    }
}

/// Stops the server, the hard way if need be, and removes the directory.
pub(super) fn remove(account: Account, programs: &Programs, directory: &Path) -> Result<(), Error> {
    if !directory.exists() {
        return Ok(());
    }
    stop_server(account, programs, directory, Stop::Fast)
        .or_else(|_| stop_server(account, programs, directory, Stop::Immediate))?;
    // The record goes last: by it whatever cannot be removed now is known to the next sweep.
    gone(&data(directory))?;
    gone(directory)
}

fn gone(directory: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(directory) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::file("remove", directory, source))
        }
        _ => Ok(()),
    }
}
