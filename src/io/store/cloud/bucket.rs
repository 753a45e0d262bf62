//! One bucket of an S3 store: every answer is waited for no longer than it may take.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Key;
use object_store::{
    ClientOptions, Error, GetOptions, GetRange, ObjectMeta, ObjectStore as _, ObjectStoreExt as _,
    PutMode, PutOptions, RetryConfig, UpdateVersion,
};
use tokio::runtime::{Builder, Runtime};

use crate::domain::untrusted::Untrusted;

/// One answer takes no longer, whatever else is allowed.
const ANSWER: Duration = Duration::from_secs(30);
/// What carries no bytes of a backup takes no longer: whoever hangs is known within seconds.
const SIGN: Duration = Duration::from_secs(8);
/// Connecting takes no longer.
const CONNECT: Duration = Duration::from_secs(5);
/// More objects than this below a prefix are not looked at.
const MOST: usize = 10_000;

/// A bucket, asked from threads that may wait.
pub(super) struct Bucket {
    /// Its name.
    pub name: String,
    store: Arc<AmazonS3>,
    /// Taken when this goes: it must not wait for a name that is still looked up.
    runtime: Option<Runtime>,
    /// When nothing is waited for any longer; `None`: each answer has its own time.
    end: Option<Instant>,
}

impl Drop for Bucket {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What a listing came to.
pub(super) struct Listing {
    pub objects: Vec<ObjectMeta>,
    /// Whether there were more than are looked at.
    pub is_cut: bool,
}

impl Bucket {
    /// Returns the bucket as the environment leads to it (`AWS_ACCESS_KEY_ID`,
    /// `AWS_ENDPOINT_URL` and the like); asks nobody yet.
    ///
    /// # Errors
    /// A sentence: what the environment says cannot be.
    pub fn named(name: &str, limit: Option<Duration>) -> Result<Self, String> {
        // Whoever was first has installed the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = ClientOptions::new()
            .with_connect_timeout(CONNECT)
            .with_timeout(ANSWER)
            .with_allow_http(is_http());
        let retry =
            RetryConfig { max_retries: 2, retry_timeout: CONNECT, ..RetryConfig::default() };
        let store = AmazonS3Builder::from_env()
            .with_bucket_name(name)
            .with_client_options(client)
            .with_retry(retry)
            .build();
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Ok(Self {
            name: name.to_owned(),
            store: Arc::new(store.map_err(|error| words(&error))?),
            runtime: Some(runtime.map_err(|error| error.to_string())?),
            end: limit.map(|limit| Instant::now() + limit),
        })
    }

    /// Returns everything below a prefix.
    pub fn list(&self, prefix: &str) -> io::Result<Listing> {
        let prefix = key(prefix)?;
        self.wait(async {
            let mut listed = self.store.list(Some(&prefix));
            let mut objects = Vec::new();
            while let Some(object) = listed.try_next().await? {
                if objects.len() == MOST {
                    return Ok(Listing { objects, is_cut: true });
                }
                objects.push(object);
            }
            Ok(Listing { objects, is_cut: false })
        })
    }

    /// Returns what is known of an object; `None`: there is none.
    pub fn head(&self, of: &str) -> io::Result<Option<ObjectMeta>> {
        let key = key(of)?;
        match self.within(SIGN, self.store.head(&key)) {
            Ok(meta) => Ok(Some(meta)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns bytes of an object, at least one and no more than were asked for, if it still is
    /// the one that was listed.
    pub fn bytes(&self, of: &ObjectMeta, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(from..to)),
            if_match: of.e_tag.clone(),
            ..GetOptions::default()
        };
        let read =
            self.wait(async { self.store.get_opts(&of.location, options).await?.bytes().await })?;
        let asked = to.saturating_sub(from);
        match read.len() as u64 {
            // Nothing would be taken for its end.
            0 if asked > 0 => Err(io::Error::other("it gave nothing of what it has")),
            given if given > asked => Err(io::Error::other("it gave more than was asked for")),
            _ => Ok(read.to_vec()),
        }
    }

    /// Waits before something is asked for again, no longer than anything is waited for.
    pub fn pause(&self, pause: Duration) {
        let left = self.end.map(|end| end.saturating_duration_since(Instant::now()));
        std::thread::sleep(left.map_or(pause, |left| left.min(pause)));
    }

    /// Puts a text in the place of an object, if that still is the one that was read.
    pub fn replace(&self, object: &ObjectMeta, text: String) -> io::Result<()> {
        let version = UpdateVersion { e_tag: object.e_tag.clone(), version: None };
        let options = PutOptions { mode: PutMode::Update(version), ..PutOptions::default() };
        self.wait(self.store.put_opts(&object.location, text.into(), options)).map(drop)
    }

    fn wait<T>(&self, answer: impl Future<Output = object_store::Result<T>>) -> io::Result<T> {
        self.within(ANSWER, answer)
    }

    fn within<T>(
        &self,
        limit: Duration,
        answer: impl Future<Output = object_store::Result<T>>,
    ) -> io::Result<T> {
        let left =
            self.end.map_or(limit, |end| end.saturating_duration_since(Instant::now()).min(limit));
        let runtime = self.runtime.as_ref().expect("it is taken only when this goes");
        match runtime.block_on(async { tokio::time::timeout(left, answer).await }) {
            Ok(answer) => answer.map_err(|error| told(&error)),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it does not answer in time")),
        }
    }
}

/// An endpoint without TLS is meant only if somebody wrote it down.
fn is_http() -> bool {
    ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]
        .iter()
        .any(|name| std::env::var(name).is_ok_and(|url| url.starts_with("http://")))
}

fn key(text: &str) -> io::Result<Key> {
    Key::parse(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

fn told(error: &Error) -> io::Error {
    let kind = match error {
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            io::ErrorKind::PermissionDenied
        }
        Error::Precondition { .. } => io::ErrorKind::InvalidData,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, words(error))
}

/// A store's answer may be a page.
const LONGEST: usize = 300;

fn words(error: &Error) -> String {
    let text = error.to_string();
    let what = match error {
        // A listing tells its status in its text only.
        Error::Generic { .. } if text.contains("status code: 403") => "access is denied",
        Error::Generic { .. } if text.contains("status code: 401") => {
            "the credentials are not accepted"
        }

        Error::NotFound { .. } => "it is not there",
        Error::PermissionDenied { .. } => "access is denied",
        Error::Unauthenticated { .. } => "the credentials are not accepted",
        Error::Precondition { .. } => "it has changed meanwhile",
        _ => "",
    };
    if !what.is_empty() {
        return what.to_owned();
    }
    let text = Untrusted::from(text).one_line();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
