//! One backup of a bucket, as the inventory tells it.

use chrono::{DateTime, Utc};

use super::bucket::Bucket;
use super::held::Held;
use super::not_a_backup_named;
use crate::domain::backup::{Backup, Manifest};
use crate::domain::verify::Level;
use crate::io::store::kept::Kept as _;
use crate::tools::pg_dump::Depth;

/// So far an object is read unasked: each step of an archive may be an answer of its own.
const STEPS: u64 = 64;

/// Reads one; `None`: it is no backup, and does not look like one.
///
/// # Errors
/// A sentence: why nothing can be told of what should be one.
pub(super) fn read<B: AsRef<Bucket>>(
    held: &Held<B>,
    has_manifest: bool,
    now: DateTime<Utc>,
) -> Result<Option<Backup>, String> {
    let location = format!("s3://{}/{}", held.bucket.as_ref().name, held.key);
    let told = |why: String| format!("{location}: {why}");
    let found = held.look(Depth::Steps(STEPS), &mut |_| {}).map_err(told)?;
    let Some(found) = found else {
        let why = not_a_backup_named(&held.key, held.parts.size(), has_manifest);
        return why.map_or(Ok(None), |why| Err(told(why.to_owned())));
    };
    let (manifest, problem) = match has_manifest.then(|| held.manifest()) {
        None => (None, None),
        Some(Ok(manifest)) => (manifest, None),
        Some(Err(why)) => (None, Some(why)),
    };
    let mut backup = found.backup(&location, held.parts.size(), manifest.as_ref(), now);
    backup.problems.extend(problem);
    if let (Some(manifest), Some(put)) = (&manifest, held.parts.put_at()) {
        only_of_these_bytes(&mut backup, manifest, put);
    }
    Ok(Some(backup))
}

/// A manifest that was copied along tells what was proven of other bytes, unless the sum of
/// these was compared with its own since they were put there.
fn only_of_these_bytes(backup: &mut Backup, manifest: &Manifest, put: DateTime<Utc>) {
    let here = |level: Level| {
        manifest.verified.iter().any(|tried| tried.level == level && tried.ok && tried.at >= put)
    };
    if here(Level::L1) {
        let passed_whole =
            manifest.verified.iter().any(|tried| tried.ok && tried.level >= Level::L2);
        if backup.complete.is_none() && passed_whole && !backup.has_failed() {
            backup.complete = Some(true);
        }
        return;
    }
    let before = backup.verified.len();
    backup.verified.retain(|proof| proof.at >= put);
    if backup.verified.len() < before {
        let why = "what was proven of it was proven before it was put there: verify compares it \
                   with its manifest";
        backup.problems.push(why.to_owned());
    }
}
