//! How long a proof takes, before it begins: by the backup's size alone, so only roughly.

use std::time::Duration;

use super::Level;

/// The archive that was measured: `pg_dump -Fc -Z1` of a 1 GB database, in bytes.
const MEASURED: f64 = 127e6;
/// Making and removing a scratch server takes so long, whatever the size (in seconds).
const SERVER: f64 = 2.0;

/// Returns how long `level` alone took for the archive that was measured, at most.
fn measured(level: Level) -> f64 {
    match level {
        Level::L0 => 0.03,
        Level::L1 => 1.0,
        Level::L2 => 0.6,
        Level::L3 => 7.0,
        Level::L4 => 40.0,
        Level::L5 => 2.0,
        Level::L6 => 6.0,
    }
}

/// Returns how long proving a backup of so many bytes takes, up to `level` and with all levels
/// below it, on a machine like the one where it was measured.
#[must_use]
pub fn estimate(level: Level, bytes: u64) -> Duration {
    let below = Level::ALL.into_iter().filter(|one| *one <= level);
    #[expect(clippy::cast_precision_loss, reason = "it is rough")]
    let parts = below.map(measured).sum::<f64>() * (bytes as f64 / MEASURED);
    let server = if level >= Level::L4 { SERVER } else { 0.0 };
    Duration::from_secs_f64(parts + server)
}

/// Returns the same in words that say what it is; `bytes` as far as they are known.
#[must_use]
pub fn estimated(level: Level, bytes: Option<u64>) -> String {
    match bytes {
        None => "its size is not known, so neither is the time".to_owned(),
        Some(_) => format!("{}, an estimate by its size", rough(level, bytes)),
    }
}

/// Returns the same in as few words as a list has room for.
#[must_use]
pub fn rough(level: Level, bytes: Option<u64>) -> String {
    let Some(bytes) = bytes else { return "time unknown".to_owned() };
    match estimate(level, bytes).as_secs() {
        0..3 => "a few seconds".to_owned(),
        seconds @ 3..90 => format!("about {seconds} s"),
        seconds => format!("about {} min", seconds.div_ceil(60)),
    }
}
