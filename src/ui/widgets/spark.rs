//! Sparklines as text: `▁▂▂▃▅▇`.

/// The eight heights.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Returns the last `width` values as bars, scaled from 0 to the largest of
/// them; a value that is unknown (or not a number) is `·`, never a low bar.
#[must_use]
pub fn line(values: &[Option<f64>], width: usize) -> String {
    let shown = &values[values.len().saturating_sub(width)..];
    let known = shown.iter().flatten().copied().filter(|value| value.is_finite());
    let top = known.fold(0.0_f64, f64::max);
    shown.iter().map(|value| value.map_or('·', |value| bar(value, top))).collect()
}

fn bar(value: f64, top: f64) -> char {
    if !value.is_finite() {
        return '·';
    }
    if top <= 0.0 {
        return BARS[0];
    }
    let share = (value / top).clamp(0.0, 1.0);
    let steps = [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875];
    BARS[steps.iter().filter(|step| share > **step).count()]
}
