//! A backup in a bucket: one object, or those of a directory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read as _};

use object_store::ObjectMeta;

use super::bucket::Bucket;
use super::object::Object;
use crate::domain::backup::manifest::{self, Evidence};
use crate::domain::backup::{Manifest, object};
use crate::io::store::kept::{Kept, digest, sum_of};
use crate::tools::pg_dump::{self, Bytes, Depth, Folder, Found, Progress};

/// A longer manifest was not written by us (16 MiB).
const LONGEST: u64 = 16 << 20;

/// What a backup is made of.
pub(super) enum Parts {
    File(ObjectMeta),
    /// By their names in the directory.
    Directory(BTreeMap<String, ObjectMeta>),
}

impl Parts {
    /// Returns its bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::File(meta) => meta.size,
            Self::Directory(files) => files.values().map(|meta| meta.size).sum(),
        }
    }

    /// Returns when the last of it was put there.
    pub fn put_at(&self) -> Option<chrono::DateTime<chrono::Utc>> {
        match self {
            Self::File(meta) => Some(meta.last_modified),
            Self::Directory(files) => files.values().map(|meta| meta.last_modified).max(),
        }
    }
}

/// A backup in a bucket that was looked up.
pub(super) struct Held<B> {
    /// The bucket, or a loan of it.
    pub bucket: B,
    /// Its key; of a directory, what stands before its files.
    pub key: String,
    pub parts: Parts,
}

/// Looks a backup up by its address.
pub(in crate::io::store) fn open(address: &str) -> Result<impl Kept + use<>, String> {
    let (bucket, key) = object::parse(address)
        .ok_or("it is no address of an object: s3://BUCKET/KEY".to_owned())?;
    let bucket = Bucket::named(bucket, None)?;
    let unread = |error: io::Error| format!("it cannot be read: {error}");
    let parts = if let Some(meta) = bucket.head(key).map_err(unread)? {
        Parts::File(meta)
    } else {
        let files = bucket.list(key).map_err(unread)?.objects;
        Parts::Directory(files.into_iter().filter_map(|meta| named(key, meta)).collect())
    };
    if matches!(&parts, Parts::Directory(files) if files.is_empty()) {
        return Err("it cannot be read: it is not there".to_owned());
    }
    Ok(Held { bucket, key: key.to_owned(), parts })
}

/// Returns the name of a file below a directory's key, as it is known there.
pub(super) fn named(directory: &str, meta: ObjectMeta) -> Option<(String, ObjectMeta)> {
    let name = meta.location.as_ref().strip_prefix(directory)?.strip_prefix('/')?.to_owned();
    Some((name, meta))
}

impl<B: AsRef<Bucket>> Held<B> {
    fn text(&self, meta: &ObjectMeta) -> io::Result<String> {
        let failed = RefCell::default();
        let mut text = String::new();
        Object::new(self.bucket.as_ref(), meta, &failed).take(LONGEST).read_to_string(&mut text)?;
        Ok(text)
    }

    fn read_manifest(&self) -> Result<Option<(ObjectMeta, Manifest)>, String> {
        let name = manifest::name_for(&self.key);
        let told = |why: String| format!("s3://{}/{name}: {why}", self.bucket.as_ref().name);
        let meta = self.bucket.as_ref().head(&name).map_err(|error| told(error.to_string()))?;
        let Some(meta) = meta else { return Ok(None) };
        let text = self.text(&meta).map_err(|error| told(error.to_string()))?;
        let read = Manifest::read(&text).map_err(|refused| told(refused.to_string()))?;
        Ok(Some((meta, read)))
    }
}

impl AsRef<Self> for Bucket {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl<B: AsRef<Bucket>> Kept for Held<B> {
    fn look(&self, depth: Depth, tell: &mut dyn FnMut(Progress)) -> Result<Option<Found>, String> {
        let bucket = self.bucket.as_ref();
        let failed = RefCell::default();
        let found = match &self.parts {
            Parts::File(meta) => {
                let mut object = Object::new(bucket, meta, &failed);
                pg_dump::file(&mut object, meta.size, depth, tell)
            }
            Parts::Directory(files) => {
                pg_dump::directory(&Prefix { bucket, files, failed: &failed }, depth, tell)
            }
        };
        // What could not be fetched says nothing of the backup, whatever a decoder made of it.
        match (failed.into_inner(), found) {
            (Some(why), _) => Err(format!("it cannot be read: {why}")),
            (None, found) => found.map_err(|error| format!("it cannot be read: {error}")),
        }
    }

    fn manifest(&self) -> Result<Option<Manifest>, String> {
        Ok(self.read_manifest()?.map(|(_, manifest)| manifest))
    }

    fn sum(&self) -> io::Result<String> {
        let failed = RefCell::default();
        let open = |meta| Object::new(self.bucket.as_ref(), meta, &failed);
        match &self.parts {
            Parts::File(meta) => digest(open(meta)),
            Parts::Directory(files) => {
                sum_of(files.iter().map(|(name, meta)| (name.as_str(), || Ok(open(meta)))))
            }
        }
    }

    fn side(&self, name: &str) -> io::Result<String> {
        let key = format!("{}/{name}", manifest::beside(&self.key));
        let meta = self.bucket.as_ref().head(&key)?;
        let meta = meta.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        digest(Object::new(self.bucket.as_ref(), &meta, &RefCell::default()))
    }

    fn append(&self, evidence: Vec<Evidence>) -> Result<(), String> {
        let Some((meta, mut manifest)) = self.read_manifest()? else { return Ok(()) };
        manifest.verified.extend(evidence);
        self.bucket.as_ref().replace(&meta, manifest.text()).map_err(|error| {
            format!("{}: it cannot be written: {error}", manifest::name_for(&self.key))
        })
    }
}

/// The objects of a directory, as a folder.
struct Prefix<'a> {
    bucket: &'a Bucket,
    files: &'a BTreeMap<String, ObjectMeta>,
    failed: &'a RefCell<Option<String>>,
}

impl Folder for Prefix<'_> {
    fn size(&self, name: &str) -> Option<u64> {
        self.files.get(name).map(|meta| meta.size)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Bytes + '_>> {
        let meta = self.files.get(name).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(Box::new(Object::new(self.bucket, meta, self.failed)))
    }
}
