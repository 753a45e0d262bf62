//! Standard input, line by line, and only as far as somebody asked: what is typed ahead
//! stays with the terminal, where it can be thrown away.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::sync::mpsc as blocking;
use std::thread;
use std::time::Instant;

use rustix::termios::{QueueSelector, tcflush};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::prompt;

/// The longest line that is taken, in bytes: nobody types a longer one.
const LONGEST: u64 = 64 * 1024;

/// A line that was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its text, without its end.
    pub text: String,
    /// When it arrived.
    pub at: Instant,
}

/// The lines of standard input.
#[derive(Debug)]
pub struct Lines {
    wanted: blocking::Sender<()>,
    read: mpsc::UnboundedReceiver<Line>,
    asked: bool,
    terminal: bool,
}

/// Returns what a person types after `question`: what was typed ahead of it is no answer to it.
/// `None`: nobody can be asked, or the terminal ended.
pub fn answered(runtime: Runtime, question: &str) -> Option<String> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return None;
    }
    let mut lines = Lines::stdin();
    let answer = runtime.block_on(lines.answer(question));
    // The reader of the terminal may still wait.
    runtime.shutdown_background();
    answer
}

impl Lines {
    /// Returns the lines of standard input; reads nothing yet.
    #[must_use]
    pub fn stdin() -> Self {
        let (wanted, asked) = blocking::channel::<()>();
        let (lines, read) = mpsc::unbounded_channel();
        thread::spawn(move || {
            while asked.recv().is_ok() {
                let Some(line) = line() else { return };
                if lines.send(line).is_err() {
                    return;
                }
            }
        });
        Self { wanted, read, asked: false, terminal: io::stdin().is_terminal() }
    }

    /// Returns true if a person types them.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Waits for the next line; `None` at the end of the input. Dropping the future loses
    /// none.
    pub async fn next(&mut self) -> Option<Line> {
        if !self.asked {
            // A reader that has ended is seen in what it sent.
            let _ = self.wanted.send(());
            self.asked = true;
        }
        let line = self.read.recv().await;
        self.asked = false;
        line
    }

    /// Returns what is typed after `question`; `None` at the end of the input.
    pub async fn answer(&mut self, question: &str) -> Option<String> {
        self.discard();
        prompt(question);
        self.next().await.map(|line| line.text)
    }

    /// Throws away what a person typed before a question was put to them.
    pub fn discard(&self) {
        if self.terminal {
            // A terminal that is gone is seen at the next line.
            let _ = tcflush(io::stdin(), QueueSelector::IFlush);
        }
    }
}

/// Reads one line; `None` at the end of the input, and where it cannot be read.
fn line() -> Option<Line> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(LONGEST).read_until(b'\n', &mut bytes).ok()?;
    if read == 0 {
        return None;
    }
    let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    Some(Line { text: String::from_utf8_lossy(text).into_owned(), at: Instant::now() })
}
