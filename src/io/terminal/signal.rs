//! The signals that concern the loop, one at a time.

use std::io;

use rustix::process::Signal as Raw;
use tokio::signal::unix::{self, SignalKind};

/// A signal, by what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// `SIGTERM`: end.
    Terminate,
    /// `SIGHUP`: the terminal or the session is gone; end.
    HangUp,
    /// `SIGINT` from outside: in raw mode Ctrl-C is a key. End.
    Interrupt,
    /// `SIGTSTP` from outside: suspend.
    Suspend,
    /// `SIGCONT`: something continued us; the screen may be anybody's.
    Continue,
}

impl Signal {
    /// Returns what a shell reports for a process that the signal ended, or
    /// `None` if the signal does not ask for the end.
    #[must_use]
    pub fn exit_code(self) -> Option<u8> {
        match self {
            Self::HangUp => Some(129),
            Self::Interrupt => Some(130),
            Self::Terminate => Some(143),
            Self::Suspend | Self::Continue => None,
        }
    }
}

/// The stream of signals.
#[derive(Debug)]
pub struct Signals {
    terminate: unix::Signal,
    hang_up: unix::Signal,
    interrupt: unix::Signal,
    suspend: unix::Signal,
    resume: unix::Signal,
}

impl Signals {
    /// Starts to listen; from then on none of these signals ends the process by
    /// itself.
    ///
    /// # Errors
    ///
    /// Fails if a handler cannot be installed.
    pub fn listen() -> io::Result<Self> {
        let raw = |signal: Raw| unix::signal(SignalKind::from_raw(signal.as_raw()));
        Ok(Self {
            terminate: raw(Raw::TERM)?,
            hang_up: raw(Raw::HUP)?,
            interrupt: raw(Raw::INT)?,
            suspend: raw(Raw::TSTP)?,
            resume: raw(Raw::CONT)?,
        })
    }

    /// Waits for a signal that asks for the end.
    pub async fn asked_to_end(&mut self) {
        while self.next().await.exit_code().is_none() {}
    }

    /// Waits for the next signal; those that end come first. Dropping the future
    /// loses none.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.hang_up.recv() => Signal::HangUp,
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.suspend.recv() => Signal::Suspend,
            _ = self.resume.recv() => Signal::Continue,
        }
    }
}
