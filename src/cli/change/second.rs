//! Waiting for a second person, where policy asks for one.

use crate::cli::lines::{Line, Lines};
use crate::cli::seat::{Heard, Seat};
use crate::cli::{confirm, prompt, say};
use crate::io::terminal::{self, Signal, Signals};
use crate::panels::Wanted;
use crate::session::effect::Event;

/// Who can be asked for the way out.
#[derive(Debug)]
pub(super) struct Asking {
    /// What somebody types, if somebody sits at the terminal: read by one reader only.
    pub lines: Option<Lines>,
    /// Why it goes on without anybody's approval, as a flag says it.
    pub alone: Option<String>,
    /// What asks for the end, heard at every wait: once it is listened to, it ends nothing by
    /// itself any more.
    pub signals: Signals,
}

/// Waits until a signal asks for the end.
pub(super) async fn ended(signals: &mut Signals) {
    loop {
        match signals.next().await {
            // Where nobody could continue us, it goes on.
            Signal::Suspend => drop(terminal::stop()),
            Signal::Continue => {}
            Signal::HangUp | Signal::Interrupt | Signal::Terminate => return,
        }
    }
}

/// Waits until what waits is approved, or somebody says why it goes on without; returns what was
/// heard then. `None`: they left.
pub(super) async fn wait(seat: &mut Seat, asking: &mut Asking) -> Option<Vec<Heard>> {
    if let Some(reason) = &asking.alone {
        return Some(seat.tell(Event::Alone(reason.clone())));
    }
    let second = seat.session.second()?;
    say(&confirm::waits(second).join("\n"));
    let Asking { lines, signals, .. } = asking;
    if let Some(lines) = lines {
        lines.discard();
        prompt(&format!("{} (empty leaves)> ", Wanted::Alone.question()));
    }
    let mut heard = Vec::new();
    while seat.session.second().is_some() {
        tokio::select! {
            biased;
            () = ended(signals) => {
                seat.tell(Event::Dismissed);
                return None;
            }
            more = seat.next() => {
                more.iter().for_each(tell);
                heard.extend(more);
            }
            line = next(lines) => {
                let text = line.map(|line| line.text).unwrap_or_default();
                if text.trim().is_empty() {
                    seat.tell(Event::Dismissed);
                    return None;
                }
                heard.extend(seat.tell(Event::Alone(text)));
            }
        }
    }
    Some(heard)
}

/// Returns the next line of the terminal; without one, never.
async fn next(lines: &mut Option<Lines>) -> Option<Line> {
    match lines {
        Some(lines) => lines.next().await,
        None => std::future::pending().await,
    }
}

fn tell(heard: &Heard) {
    if let Heard::Said(_, text) = heard {
        say(text);
    }
}
