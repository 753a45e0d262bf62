//! The page of a step: what is weighed scrolls; what can be answered stays in sight below it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::lines;
use crate::panels::Scene;
use crate::session::walk::Walk;
use crate::ui::theme::Theme;
use crate::ui::widgets::pairs::{self, Pair};

/// The rows that are kept for what is weighed, if there are any.
const WEIGHED: u16 = 2;

/// Paints the page of the current step below `above`, scrolled as `place` says.
pub fn view(
    (walk, above): (&Walk, Vec<Pair>),
    scene: &Scene<'_>,
    place: &pairs::State,
    theme: Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let area = area.intersection(buf.area);
    let inner = area.width.saturating_sub(1);
    let page = lines::page(walk, scene);
    let whole = [above.clone(), page.whole()].concat();
    if page.answers.is_empty() || pairs::height(&whole, inner) <= usize::from(area.height) {
        return pairs::view(&whole, place, theme, area, buf);
    }
    let brief = lines::brief(&page, usize::from(inner));
    let height = u16::try_from(pairs::height(&brief, inner)).unwrap_or(u16::MAX);
    let height = height.min(area.height.saturating_sub(WEIGHED));
    let top = Rect { height: area.height - height, ..area };
    let low = Rect { y: top.bottom(), height, ..area };
    pairs::view(&[above, page.weighed, page.rest].concat(), place, theme, top, buf);
    pairs::view(&brief, &pairs::State::default(), theme, low, buf);
}
