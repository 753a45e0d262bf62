//! Backups in object stores (S3): listed, read by pieces and proven where they lie.
//!
//! Credentials come from the environment (`AWS_ACCESS_KEY_ID` and the like) or the machine's
//! role, and go nowhere else. Nothing is removed, pinned or adopted there.

mod bucket;
mod held;
mod object;
mod seen;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, Utc};
use object_store::ObjectMeta;

use bucket::Bucket;
use held::{Held, Parts, named};

use super::not_a_backup_named;
use crate::domain::backup::manifest::{BESIDE, SUFFIX};
use crate::domain::backup::{Backup, object as address};
use crate::domain::untrusted::Untrusted;
use crate::tools::catalog::Told;

pub(super) use held::open;

/// So many are read at the same time: an answer takes some 50 ms.
const READERS: usize = 8;
/// So many of what lies below an address are looked into; the newest.
const MOST: usize = 200;

/// Returns the backups below each address, within `limit`.
pub(super) fn told(addresses: &[String], limit: Duration, now: DateTime<Utc>) -> Told {
    let all = thread::scope(|scope| {
        let asked: Vec<_> = addresses
            .iter()
            .map(|address| (address, scope.spawn(move || one(address, limit, now))))
            .collect();
        let told = asked.into_iter().map(|(address, asked)| {
            let failed = |_| Err("reading it has failed".to_owned());
            (address, asked.join().unwrap_or_else(failed))
        });
        told.collect::<Vec<_>>()
    });
    let mut told = Told::default();
    for (address, one) in all {
        told.extend(one.unwrap_or_else(|why| {
            Told::problem(format!("{address}: what is kept there cannot be told: {why}"))
        }));
    }
    told
}

fn one(address: &str, limit: Duration, now: DateTime<Utc>) -> Result<Told, String> {
    let (name, prefix) = address::parse(address).ok_or("it is no s3://BUCKET/PREFIX")?;
    let bucket = Bucket::named(name, Some(limit))?;
    let listing = bucket.list(prefix).map_err(|error: io::Error| error.to_string())?;
    let mut told = Told::default();
    if listing.is_cut {
        told.problems.push(shown(&format!("{address}: it holds too much: the rest is left out")));
    }
    let (mut places, manifests) = places(listing.objects);
    // What has a manifest before what only looks like a backup, and the newest first.
    places.sort_by_key(|(key, parts)| std::cmp::Reverse((manifests.contains(key), parts.put_at())));
    if places.len() > MOST {
        let more = places.len() - MOST;
        let text = format!("{address}: {more} older objects were not looked into");
        told.problems.push(shown(&text));
        places.truncate(MOST);
    }
    for read in all(&bucket, places, &manifests, now) {
        match read {
            Ok(backup) => told.backups.extend(backup),
            Err(why) => told.problems.push(shown(&why)),
        }
    }
    Ok(told)
}

/// Returns what may be a backup, by its key, and the keys that have a manifest.
fn places(objects: Vec<ObjectMeta>) -> (Vec<(String, Parts)>, BTreeSet<String>) {
    let directories: BTreeSet<String> = objects
        .iter()
        .filter(|meta| matches!(meta.location.filename(), Some("toc.dat" | "backup_manifest")))
        .filter_map(|meta| above(meta.location.as_ref()).next().map(str::to_owned))
        .collect();
    let mut manifests = BTreeSet::new();
    let mut files = Vec::new();
    let mut whole: BTreeMap<String, BTreeMap<String, ObjectMeta>> = BTreeMap::new();
    for meta in objects {
        let key = meta.location.to_string();
        let above = above(&key).find(|above| directories.contains(*above)).map(str::to_owned);
        if let Some(backup) = key.strip_suffix(SUFFIX) {
            manifests.insert(backup.to_owned());
        } else if let Some(directory) = above {
            whole.entry(directory.clone()).or_default().extend(named(&directory, meta));
        } else if !self::above(&key).any(|above| above.ends_with(BESIDE)) {
            files.push((key, Parts::File(meta)));
        }
    }
    files.extend(whole.into_iter().map(|(key, files)| (key, Parts::Directory(files))));
    (files, manifests)
}

/// Returns the directories that a key lies in, the nearest first.
fn above(key: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(key.rsplit_once('/'), |(above, _)| above.rsplit_once('/'))
        .map(|(above, _)| above)
}

type Read = Result<Option<Backup>, String>;

/// Reads them, some at the same time.
fn all(
    bucket: &Bucket,
    places: Vec<(String, Parts)>,
    manifests: &BTreeSet<String>,
    now: DateTime<Utc>,
) -> Vec<Read> {
    let left = Mutex::new(places.into_iter());
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        let reader = || {
            let mut read = Vec::new();
            while let Some((key, parts)) = next() {
                let has_manifest = manifests.contains(&key);
                read.push(seen::read(
                    &Held { bucket: Loan(bucket), key, parts },
                    has_manifest,
                    now,
                ));
            }
            read
        };
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(reader)).collect();
        let read = readers.into_iter().flat_map(|reader| {
            reader.join().unwrap_or_else(|_| vec![Err("reading an object has failed".to_owned())])
        });
        read.collect()
    })
}

/// A bucket that somebody else holds.
struct Loan<'a>(&'a Bucket);

impl AsRef<Bucket> for Loan<'_> {
    fn as_ref(&self) -> &Bucket {
        self.0
    }
}

fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}
