//! The door to the copy: a socket of one run's own, through which its program comes to the
//! scratch server once it is opened. So a program that takes half a second to start can be
//! started while the copy is still being looked at, and touches nothing before its turn.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tokio::io::copy_bidirectional;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant};

use crate::io::cluster::PORT;

/// A door, closed until it is opened; whoever comes waits.
pub(super) struct Door {
    directory: PathBuf,
    opened: watch::Sender<bool>,
    /// When the first one came.
    came: Arc<OnceLock<Instant>>,
    listening: JoinHandle<()>,
}

impl Door {
    /// Makes a door named `name` to the server whose socket lies in `server`.
    ///
    /// # Errors
    /// Why there can be none: the path of a socket has room for 107 bytes.
    pub fn make(server: &Path, name: &str) -> io::Result<Self> {
        let directory = server.join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&directory)?;
        let socket = format!(".s.PGSQL.{PORT}");
        let listener = UnixListener::bind(directory.join(&socket));
        let listener = listener.inspect_err(|_| drop(std::fs::remove_dir(&directory)))?;
        let (opened, is_open) = watch::channel(false);
        let came = Arc::default();
        let listening =
            tokio::spawn(listen(listener, server.join(socket), is_open, Arc::clone(&came)));
        Ok(Self { directory, opened, came, listening })
    }

    /// Returns where its socket lies.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns how long ago the first one came; zero while nobody has.
    pub fn waited(&self) -> Duration {
        self.came.get().map(Instant::elapsed).unwrap_or_default()
    }

    /// Lets in whoever waits and whoever comes; returns how long the first one has waited.
    pub fn open(&self) -> Duration {
        let waited = self.waited();
        self.opened.send_replace(true);
        waited
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.listening.abort();
        // It goes with the copy at the latest.
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

async fn listen(
    listener: UnixListener,
    server: PathBuf,
    is_open: watch::Receiver<bool>,
    came: Arc<OnceLock<Instant>>,
) {
    while let Ok((client, _)) = listener.accept().await {
        came.get_or_init(Instant::now);
        tokio::spawn(pass(client, server.clone(), is_open.clone()));
    }
}

/// Passes on what both sides say, until one of them leaves. A door that goes unopened lets nobody
/// in any more.
async fn pass(mut client: UnixStream, server: PathBuf, mut is_open: watch::Receiver<bool>) {
    if is_open.wait_for(|is_open| *is_open).await.is_err() {
        return;
    }
    if let Ok(mut server) = UnixStream::connect(server).await {
        // How they part is theirs.
        drop(copy_bidirectional(&mut client, &mut server).await);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// A server that says `hello` to whoever comes, and counts them.
    fn greeter(directory: &Path) -> Arc<AtomicUsize> {
        let listener = UnixListener::bind(directory.join(format!(".s.PGSQL.{PORT}")));
        let listener = listener.expect("it binds");
        let came = Arc::new(AtomicUsize::new(0));
        let counted = came.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                client.write_all(b"hello").await.expect("it is heard");
            }
        });
        came
    }

    #[tokio::test]
    async fn nobody_is_let_in_before_it_is_opened_and_everybody_afterwards() {
        let directory = tempfile::tempdir().expect("a directory");
        let greeter = greeter(directory.path());
        let door = Door::make(directory.path(), "door").expect("it is made");
        let socket = door.directory().join(format!(".s.PGSQL.{PORT}"));
        let mut first = UnixStream::connect(&socket).await.expect("it listens");
        let mut said = [0; 5];
        tokio::select! {
            biased;
            heard = first.read_exact(&mut said) => panic!("it was let in: {heard:?}"),
            () = async { while door.waited().is_zero() { tokio::task::yield_now().await } } => {}
        }
        door.open();
        first.read_exact(&mut said).await.expect("it is let in");
        assert_eq!(&said, b"hello");
        let mut second = UnixStream::connect(&socket).await.expect("it listens");
        second.read_exact(&mut said).await.expect("it is let in");
        drop(door);
        assert_eq!(greeter.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn whoever_waits_at_a_door_that_is_never_opened_never_comes_to_the_server() {
        let directory = tempfile::tempdir().expect("a directory");
        let greeter = greeter(directory.path());
        let door = Door::make(directory.path(), "door").expect("it is made");
        let socket = door.directory().join(format!(".s.PGSQL.{PORT}"));
        let mut waits = UnixStream::connect(&socket).await.expect("it listens");
        while door.waited().is_zero() {
            tokio::task::yield_now().await;
        }
        drop(door);
        assert_eq!(waits.read(&mut [0; 5]).await.ok(), Some(0), "it is sent away");
        assert!(!socket.exists());
        assert_eq!(greeter.load(Ordering::SeqCst), 0);
    }
}
