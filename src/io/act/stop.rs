//! Stopping a program: INT, then TERM, then KILL, each to its whole process group.

use rustix::process::{Signal, kill_process, kill_process_group};
use tokio::signal::unix::{self, SignalKind};

use crate::io::process::{Identity, pid};

/// How hard a program is asked to stop. What is cancelled on the server is the caller's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Not at all.
    #[default]
    No,
    /// By SIGINT, as Ctrl-C would; harder ones follow after the grace.
    Interrupt,
    /// By SIGTERM; SIGKILL follows after the grace.
    Terminate,
    /// By SIGKILL, at once.
    Kill,
}

impl Stop {
    /// Returns what follows when this was not enough.
    pub(super) fn harder(self) -> Self {
        match self {
            Self::No => Self::Interrupt,
            Self::Interrupt => Self::Terminate,
            Self::Terminate | Self::Kill => Self::Kill,
        }
    }

    fn signal(self) -> Option<Signal> {
        match self {
            Self::No => None,
            Self::Interrupt => Some(Signal::INT),
            Self::Terminate => Some(Signal::TERM),
            Self::Kill => Some(Signal::KILL),
        }
    }

    /// Sends this to a process group; one that is gone already needs nothing.
    pub(super) fn send_to_group(self, leader: u32) {
        if let (Some(signal), Some(leader)) = (self.signal(), pid(leader)) {
            let _ = kill_process_group(leader, signal);
        }
    }

    /// Asks the process of a job to send this to its program.
    pub(super) fn ask(self, act: &Identity) {
        let signal = match self {
            Self::No => return,
            Self::Interrupt => Signal::INT,
            Self::Terminate => Signal::TERM,
            Self::Kill => Signal::QUIT,
        };
        if let Some(pid) = act.is_alive().then(|| pid(act.pid)).flatten() {
            let _ = kill_process(pid, signal);
        }
    }
}

/// The requests that reach the process of a job, as signals.
pub(super) struct Requests {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    quit: unix::Signal,
    /// Caught, never asked for: a hang-up does not concern a process of its own session.
    _hangup: unix::Signal,
}

impl Requests {
    /// Listens from now on; none of these signals ends this process any more, and the
    /// program gets their defaults back when it is executed.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
            quit: unix::signal(SignalKind::quit())?,
            _hangup: unix::signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next request.
    pub async fn next(&mut self) -> Stop {
        tokio::select! {
            biased;
            _ = self.quit.recv() => Stop::Kill,
            _ = self.terminate.recv() => Stop::Terminate,
            _ = self.interrupt.recv() => Stop::Interrupt,
        }
    }
}
