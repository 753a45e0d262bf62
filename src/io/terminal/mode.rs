//! Entering and leaving the terminal's modes; leaving works from any thread.

use std::io::{self, Write as _};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
    KeyboardEnhancementFlags, PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};

use super::Options;

/// True while the terminal is ours.
static ENTERED: AtomicBool = AtomicBool::new(false);
/// True once any thread panicked while the terminal was ours.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// Enters raw mode, the alternate screen, bracketed paste, and key releases
/// where the terminal knows them.
///
/// The enhancement is asked for without probing: terminals that do not know the
/// sequence ignore it (kitty keyboard protocol, "progressive enhancement"),
/// while a probe waits up to two seconds for one that does not answer.
pub(super) fn enter(options: Options) -> io::Result<()> {
    ENTERED.store(true, Ordering::SeqCst);
    let entered = enable_raw_mode().and_then(|()| switch_on(options));
    if entered.is_err() {
        restore();
    }
    entered
}

fn switch_on(options: Options) -> io::Result<()> {
    let mut out = io::stdout().lock();
    // A console that was killed has left its screen behind, and this one draws only what
    // differs from nothing.
    queue!(out, EnterAlternateScreen, MoveTo(0, 0), Clear(ClearType::FromCursorDown))?;
    queue!(out, EnableBracketedPaste, Hide)?;
    queue!(
        out,
        PushKeyboardEnhancementFlags(
            KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES
                | KeyboardEnhancementFlags::REPORT_EVENT_TYPES
        )
    )?;
    if options.mouse {
        queue!(out, EnableMouseCapture)?;
    }
    out.flush()
}

/// Gives the terminal back if it is ours; otherwise, and the second time, does
/// nothing. What fails is passed over: the terminal may be gone.
pub fn restore() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = execute!(
        io::stdout(),
        PopKeyboardEnhancementFlags,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _ = disable_raw_mode();
}

/// Installs, once per process, a panic hook that gives the terminal back before
/// the report is printed, in whatever thread or task the panic is.
pub(super) fn restore_on_panic() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if ENTERED.load(Ordering::SeqCst) {
                PANICKED.store(true, Ordering::SeqCst);
            }
            restore();
            report(info);
        }));
    });
}

/// Returns true once any thread panicked while the terminal was ours.
pub(super) fn panicked() -> bool {
    PANICKED.load(Ordering::SeqCst)
}

/// Returns true while the terminal is ours.
pub(super) fn entered() -> bool {
    ENTERED.load(Ordering::SeqCst)
}
