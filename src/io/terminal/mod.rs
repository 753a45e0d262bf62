//! The terminal: entered, drawn to, and given back whatever happens.

mod hangup;
mod mode;
mod signal;

use std::io::{self, BufWriter, IsTerminal as _, Stdout};
use std::mem::ManuallyDrop;

use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::layout::{Rect, Size};
use ratatui::{Frame, Terminal};
use rustix::process;

pub use mode::restore;
pub use signal::{Signal, Signals};

/// How the terminal is entered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Takes the mouse; it then no longer selects text, so only if asked for.
    pub mouse: bool,
}

/// Why the terminal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Standard input or output is a pipe, a file or nothing.
    #[error(
        "the console needs a terminal, and standard {0} is none; \
         use --plain for numbered lines, or a command with --json"
    )]
    NotATerminal(&'static str),
    /// A task panicked and the terminal was given back: drawing must end.
    #[error("a part of the console panicked; the terminal was restored, the report is above")]
    Panicked,
    /// The console leads its session: nobody could bring it back.
    #[error("there is no shell below the console that could bring it back; not suspended")]
    CannotSuspend,
    /// The terminal refused to be read, written or set.
    #[error("the terminal does not answer: {0}")]
    Io(#[from] io::Error),
}

impl Error {
    /// Returns the exit code for a console that ends by this error: 129, as after
    /// `SIGHUP`, where the terminal is gone; 101, as after a panic; else 2.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Io(_) => 129,
            Self::Panicked => 101,
            Self::NotATerminal(_) | Self::CannotSuspend => 2,
        }
    }
}

/// The entered terminal. Dropping it gives the terminal back.
#[derive(Debug)]
pub struct Screen {
    /// Never dropped: its own drop would print to a terminal that may be gone,
    /// which panics, and write out a half-drawn frame after the restore.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
    options: Options,
}

impl Screen {
    /// Enters raw mode and the alternate screen, installs the panic hook that
    /// leaves them, and watches for the terminal to vanish.
    ///
    /// # Errors
    ///
    /// Fails without a terminal on standard input and output, or if it cannot be set.
    pub fn enter(options: Options) -> Result<Self, Error> {
        if !io::stdin().is_terminal() {
            return Err(Error::NotATerminal("input"));
        }
        if !io::stdout().is_terminal() {
            return Err(Error::NotATerminal("output"));
        }
        mode::restore_on_panic();
        hangup::watch();
        let out = BufWriter::with_capacity(64 * 1024, io::stdout());
        let terminal = Terminal::new(CrosstermBackend::new(out))?;
        mode::enter(options)?;
        Ok(Self { terminal: ManuallyDrop::new(terminal), options })
    }

    /// Draws a frame, unless suspended; follows the terminal's size by itself.
    ///
    /// # Errors
    ///
    /// Fails if the terminal cannot be written to, or if any thread panicked
    /// since the terminal was entered: it is no longer ours then.
    pub fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> Result<(), Error> {
        if mode::panicked() {
            return Err(Error::Panicked);
        }
        if !mode::entered() {
            return Ok(());
        }
        self.terminal.draw(view)?;
        Ok(())
    }

    /// Makes the next [`Screen::draw`] paint every cell, without asking the
    /// terminal anything (`Terminal::clear` asks for the cursor, and a slow
    /// line makes that time out).
    ///
    /// # Errors
    ///
    /// Fails if the terminal cannot be written to.
    pub fn repaint(&mut self) -> Result<(), Error> {
        let Size { width, height } = self.terminal.backend().size()?;
        self.terminal.resize(Rect::new(0, 0, width, height))?;
        Ok(())
    }

    /// Gives the terminal back and stops the process group, as Ctrl-Z does.
    /// Nothing is drawn until [`Signal::Continue`] came and [`Screen::resume`]
    /// was called: the stop may take effect only after this returned.
    ///
    /// # Errors
    ///
    /// Fails if nobody could continue us.
    pub fn suspend(&mut self) -> Result<(), Error> {
        is_stoppable()?;
        mode::restore();
        stop()
    }

    /// Enters again on [`Signal::Continue`], whoever had stopped the process;
    /// the next draw paints everything.
    ///
    /// # Errors
    ///
    /// Fails if the terminal cannot be set; a hang-up brings `SIGCONT` too.
    pub fn resume(&mut self) -> Result<(), Error> {
        // A shell resets the modes of what it stopped without our knowing.
        mode::restore();
        mode::enter(self.options)?;
        self.repaint()
    }

    /// Returns the terminal's size in cells.
    ///
    /// # Errors
    ///
    /// Fails if the terminal does not tell.
    pub fn size(&self) -> Result<(u16, u16), Error> {
        let Size { width, height } = self.terminal.backend().size()?;
        Ok((width, height))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        mode::restore();
    }
}

/// Stops the process group, as Ctrl-Z does by itself where nobody listens to signals.
///
/// # Errors
///
/// Fails if nobody could continue us.
pub fn stop() -> Result<(), Error> {
    is_stoppable()?;
    process::kill_current_process_group(process::Signal::STOP).map_err(io::Error::from)?;
    Ok(())
}

fn is_stoppable() -> Result<(), Error> {
    match process::getsid(None) {
        Ok(session) if session == process::getpid() => Err(Error::CannotSuspend),
        _ => Ok(()),
    }
}
