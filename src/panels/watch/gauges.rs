//! The triggers as gauges: how far each is from where it fires, and which of them cannot tell.

use super::super::Scene;
use super::block::{Block, Piece, Row};
use crate::domain::trigger::State;
use crate::session::vitals::Gauge;
use crate::ui::text;
use crate::ui::theme::{Tone, symbol};

/// Narrower than this, a gauge is its words.
const ROOMY: usize = 100;
/// Cells of a bar.
const BAR: usize = 10;

/// Returns the block, once there is something to hold the triggers against: a line for each
/// where there is room, else one after the other.
pub(super) fn block(scene: &Scene<'_>, width: usize) -> Option<Block> {
    let gauges = scene.facts.gauges();
    if gauges.is_empty() {
        return None;
    }
    let rows = if width < ROOMY {
        vec![Row::Flowing(gauges.iter().enumerate().map(|(at, one)| short(at, one)).collect())]
    } else {
        gauges.iter().map(row).collect()
    };
    Some(Block::new("TRIGGERS", rows, 5))
}

fn tone(gauge: &Gauge) -> Tone {
    match (gauge.state, &gauge.aside) {
        (State::Fire, None) => Tone::Alarm,
        (State::Calm, _) => Tone::Plain,
        _ => Tone::Warn,
    }
}

/// Returns the state with its symbol: colour is never alone.
fn state(gauge: &Gauge) -> String {
    match gauge.state {
        State::Fire => format!("{} FIRES", symbol::BAD),
        State::Warn => format!("{} warns", symbol::WARN),
        State::Unknown => format!("{} unknown", symbol::WARN),
        State::Calm => format!("{} calm", symbol::OK),
    }
}

/// Returns e.g. `✓ calm     health            0%  ▕██        ▏ more than 50%`.
fn row(gauge: &Gauge) -> Row {
    let tone = tone(gauge);
    let value = match gauge.state {
        State::Unknown => gauge.value.clone(),
        _ => format!("{} {}", text::right(&gauge.value, 9), bar(gauge.share)),
    };
    let limit = match gauge.state {
        State::Unknown => String::new(),
        _ => format!("  fires at {}", gauge.limit),
    };
    let aside = gauge.aside.as_ref().map(|why| format!("  put aside: {why}"));
    let name = format!(" {} ", text::left(&gauge.says, 16));
    Row::Cut(vec![
        (text::left(&state(gauge), 10), tone),
        (name, Tone::Plain),
        (value, tone),
        (limit, Tone::Dim),
        (aside.unwrap_or_default(), Tone::Warn),
    ])
}

/// Returns a bar as long as the way to the limit that was gone; none where that is no number.
fn bar(share: Option<f64>) -> String {
    let Some(share) = share.filter(|share| share.is_finite()) else {
        return " ".repeat(BAR + 2);
    };
    let cells = (0..BAR).filter(|cell| {
        #[expect(clippy::cast_precision_loss, reason = "there are ten cells")]
        let from = (*cell as f64 + 0.5) / BAR as f64;
        share >= from
    });
    let full = cells.count();
    format!("▕{}{}▏", "█".repeat(full), " ".repeat(BAR - full))
}

/// Returns e.g. `✓ health 0%`.
fn short(at: usize, gauge: &Gauge) -> Piece {
    let word = match gauge.state {
        State::Fire => format!("{} {} FIRES: {}", symbol::BAD, gauge.says, gauge.value),
        State::Warn => format!("{} {} {}", symbol::WARN, gauge.says, gauge.value),
        State::Unknown => format!("{} {} unknown", symbol::WARN, gauge.says),
        State::Calm => format!("{} {} {}", symbol::OK, gauge.says, gauge.value),
    };
    let aside = if gauge.aside.is_some() { " (put aside)" } else { "" };
    let gap = if at == 0 { "" } else { "   " };
    (format!("{gap}{word}{aside}"), tone(gauge))
}
