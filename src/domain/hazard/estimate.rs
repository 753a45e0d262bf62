//! How long a statement takes here, by how long it took on a copy.
//!
//! A duration is only ever one that was measured. On a smaller copy it is a lower bound: what
//! reads or writes every row grows with its relations, everything else does not.

use super::{Answer, Hazard};

/// What was measured of a statement on a copy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// From its start to its end, in seconds.
    pub took_s: f64,
    /// The bytes of the relations that it read or wrote anew there, by `relpages`; `None` if
    /// nobody has looked.
    pub bytes: Option<u64>,
}

impl Measured {
    /// Returns the seconds that `hazard` is estimated to take here; `None` where its work grows
    /// with a size that is not known here or there.
    ///
    /// Never less than was measured: a copy is read from a warm cache, and alone.
    #[must_use]
    pub fn estimate(&self, hazard: &Hazard) -> Option<f64> {
        if !(self.took_s.is_finite() && self.took_s >= 0.0) {
            return None;
        }
        if hazard.rewrite.max(hazard.scan) == Answer::No {
            return Some(self.took_s);
        }
        let there = self.bytes.filter(|bytes| *bytes > 0)?;
        Some(self.took_s * ratio(hazard.bytes?, there).max(1.0))
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate needs no 53 bits")]
fn ratio(here: u64, there: u64) -> f64 {
    here as f64 / there as f64
}
