//! A program that changes nothing: its exit status and what it prints.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{MOST, first_line};
use crate::domain::evidence::Value;
use crate::io::act::Environment;
use crate::io::process::pid;

/// How long the ends of its output may take to close after it has ended: somebody whom it
/// has left behind may hold them.
const DRAIN: Duration = Duration::from_millis(200);

/// Runs `argv` in `cwd` in a process group of its own, without a shell, with nothing of our
/// environment but what an act's program gets, and `env`.
///
/// Nothing of it lives on after `limit`, nor when the future is dropped.
pub async fn run(argv: &[String], cwd: &Path, env: &Environment, limit: Duration) -> Value {
    match output(argv, cwd, env, Bounds { limit, most: MOST }).await {
        Ok(output) => answer(&output),
        Err(why) => Value::unknown(why),
    }
}

/// How long a program may run, and how much of each of its outputs is kept.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Then it is ended.
    pub limit: Duration,
    /// Bytes; what comes after them is read and dropped.
    pub most: usize,
}

/// What a program printed, and how it ended.
#[derive(Clone, Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// The first bytes of its standard output.
    pub out: Vec<u8>,
    /// The first bytes of its standard error.
    pub err: Vec<u8>,
}

/// Runs `argv` as [`run`] does, and returns all that it printed, within the bounds.
///
/// # Errors
/// A sentence: it could not be started, or did not end in time.
pub async fn output(
    argv: &[String],
    cwd: &Path,
    env: &Environment,
    bounds: Bounds,
) -> Result<Output, String> {
    let mut child =
        start(argv, cwd, env).map_err(|error| format!("{}: {error}", argv.join(" ")))?;
    let _group = Group(child.id());
    match timeout(bounds.limit, finish(&mut child, bounds.most)).await {
        Ok(ended) => ended.map_err(|error| error.to_string()),
        Err(_) => Err(format!("it did not end within {} s", bounds.limit.as_secs_f64())),
    }
}

fn start(argv: &[String], cwd: &Path, env: &Environment) -> std::io::Result<Child> {
    let (program, arguments) =
        argv.split_first().ok_or_else(|| std::io::Error::other("no program is named"))?;
    Command::new(program)
        .args(arguments)
        .current_dir(cwd)
        .env_clear()
        .envs(crate::io::act::inherited())
        .envs(env.iter().map(|(name, value)| (name, value.expose())))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// Waits for the end, and returns what was printed before it.
async fn finish(child: &mut Child, most: usize) -> std::io::Result<Output> {
    let leader = child.id();
    let (mut out, mut errors) = (child.stdout.take(), child.stderr.take());
    let (mut said, mut complained) = (Vec::new(), Vec::new());
    let status = {
        let mut reading = std::pin::pin!(async {
            tokio::join!(
                read(out.as_mut(), &mut said, most),
                read(errors.as_mut(), &mut complained, most)
            )
        });
        let mut read = false;
        loop {
            tokio::select! {
                status = child.wait() => {
                    let status = status?;
                    drop(Group(leader));
                    if !read {
                        // What was printed before the end is there.
                        drop(timeout(DRAIN, &mut reading).await);
                    }
                    break status;
                }
                _ = &mut reading, if !read => read = true,
            }
        }
    };
    Ok(Output { status, out: said, err: complained })
}

/// Keeps the first `most` bytes and reads the rest too: a full pipe would hold it up.
async fn read(from: Option<&mut (impl AsyncRead + Unpin)>, kept: &mut Vec<u8>, most: usize) {
    let Some(from) = from else { return };
    let mut chunk = vec![0; 8192];
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        let room = most.saturating_sub(kept.len()).min(count);
        kept.extend_from_slice(&chunk[..room]);
    }
}

/// The first line of its output, or of its errors if it printed nothing else.
fn answer(Output { status, out, err }: &Output) -> Value {
    let text = Some(first_line(out)).filter(|line| !line.is_empty());
    let text = text.unwrap_or_else(|| first_line(err));
    match status.code().and_then(|code| u16::try_from(code).ok()) {
        Some(status) => Value::Answer { status, text },
        None => Value::unknown(format!("it was ended: {status}")),
    }
}

/// The process group of a program; dropping it leaves nothing of it alive.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0.and_then(pid) {
            // One that is gone needs nothing.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}
