//! A program that changes nothing: its exit status and the first line that it prints.

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
    let mut child = match start(argv, cwd, env) {
        Ok(child) => child,
        Err(error) => return Value::unknown(format!("{}: {error}", argv.join(" "))),
    };
    let _group = Group(child.id());
    match timeout(limit, finish(&mut child)).await {
        Ok(Ok((status, text))) => answer(status, text),
        Ok(Err(error)) => Value::unknown(error.to_string()),
        Err(_) => Value::unknown(format!("it did not end within {} s", limit.as_secs_f64())),
    }
}

fn start(argv: &[String], cwd: &Path, env: &Environment) -> std::io::Result<Child> {
    let (program, arguments) =
        argv.split_first().ok_or_else(|| std::io::Error::other("the probe names no program"))?;
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

/// Waits for the end, and returns the first line of its output, or of its errors if it
/// printed nothing else.
async fn finish(child: &mut Child) -> std::io::Result<(ExitStatus, String)> {
    let leader = child.id();
    let (mut out, mut errors) = (child.stdout.take(), child.stderr.take());
    let (mut said, mut complained) = (Vec::new(), Vec::new());
    let status = {
        let mut reading = std::pin::pin!(async {
            tokio::join!(read(out.as_mut(), &mut said), read(errors.as_mut(), &mut complained))
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
    let text = Some(first_line(&said)).filter(|line| !line.is_empty());
    Ok((status, text.unwrap_or_else(|| first_line(&complained))))
}

/// Keeps the first [`MOST`] bytes and reads the rest too: a full pipe would hold it up.
async fn read(from: Option<&mut (impl AsyncRead + Unpin)>, kept: &mut Vec<u8>) {
    let Some(from) = from else { return };
    let mut chunk = vec![0; 8192];
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        let room = MOST.saturating_sub(kept.len()).min(count);
        kept.extend_from_slice(&chunk[..room]);
    }
}

fn answer(status: ExitStatus, text: String) -> Value {
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
