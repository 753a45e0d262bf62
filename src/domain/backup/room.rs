//! Whether there is room for one more backup.

use super::Scope;
use crate::domain::quantity::size;

/// What is known of the room before a backup is made; `None` is always "not known".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Bytes that are free where it would go.
    pub free: Option<u64>,
    /// Bytes of the database.
    pub database: Option<u64>,
    /// Bytes of the last backup of the same target and scope.
    pub last: Option<u64>,
}

/// What no backup does with less: a schema, a manifest, and the file system's own.
const LEAST: u64 = 16 << 20;
/// A database of 1 GB came to 136 MB (`-Fc -Z1`, measured); rows that compress badly to more. With
/// a twentieth no database was ever seen to do.
const SMALLEST: u64 = 20;

impl Room {
    /// Returns why a backup of that scope would not fit, where that is known.
    #[must_use]
    pub fn lacks(self, scope: Scope) -> Option<String> {
        let free = self.free?;
        let (needed, why) = self.needed(scope);
        (free < needed).then(|| {
            format!("only {} are free, and {} are needed ({why})", size(free), size(needed))
        })
    }

    /// Returns the bytes without which it is not begun, and where they come from.
    fn needed(self, scope: Scope) -> (u64, &'static str) {
        let (bytes, why) = match (scope, self.last, self.database) {
            (_, Some(last), _) => {
                (last.saturating_add(last / 10), "the last one, and a tenth more")
            }
            (Scope::Full | Scope::Data, None, Some(database)) => {
                (database / SMALLEST, "a twentieth of the database: compressed, it takes more")
            }
            _ => (0, ""),
        };
        match bytes > LEAST {
            true => (bytes, why),
            false => (LEAST, "the least that any takes"),
        }
    }
}
