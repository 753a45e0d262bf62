//! Amounts of bytes, in the units of `pg_size_pretty`.

const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];

/// Returns `bytes` in the largest unit that leaves at least one: `812 B`, `1.4 GB`.
#[expect(clippy::cast_precision_loss, reason = "a size on the screen needs no more digits")]
#[must_use]
pub fn bytes(bytes: i64) -> String {
    let mut size = bytes.max(0) as f64;
    if size < 1024.0 {
        return format!("{size:.0} B");
    }
    let mut unit = 0;
    size /= 1024.0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// Returns a rate: `1.4 MB/s`.
#[expect(clippy::cast_possible_truncation, reason = "no server writes 2^63 bytes per second")]
#[must_use]
pub fn per_second(rate: f64) -> String {
    format!("{}/s", bytes(rate as i64))
}
