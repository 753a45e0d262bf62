//! The door to the copy: a socket of one run's own, through which its program comes to the
//! scratch server once it is opened. So a program that takes half a second to start can be
//! started while the copy is still being looked at, and touches nothing before its turn.
//!
//! For a driver that opens no Unix socket (JDBC) it is a port of this machine, which anybody
//! here may knock at: only who knows the run's own password is let in.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant};

use super::knock;
use crate::domain::connection::tls::Mode;
use crate::domain::connection::{Password, Place, Spec};
use crate::io::cluster::PORT;
use crate::io::random;

/// A door, closed until it is opened; whoever comes waits.
pub(super) struct Door {
    way: Way,
    opened: watch::Sender<bool>,
    /// When the first one came.
    came: Arc<OnceLock<Instant>>,
    listening: JoinHandle<()>,
}

/// Where it stands.
enum Way {
    /// In this directory, below the server's own.
    Socket(PathBuf),
    /// On this port of this machine, with the password that it asks for.
    Port(u16, String),
}

impl Door {
    /// Makes a door named `name` to the server whose socket lies in `server`.
    ///
    /// # Errors
    /// Why there can be none: the path of a socket has room for 107 bytes.
    pub fn make(server: &Path, name: &str) -> io::Result<Self> {
        let directory = server.join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&directory)?;
        let listener = UnixListener::bind(directory.join(socket()));
        let listener = listener.inspect_err(|_| drop(std::fs::remove_dir(&directory)))?;
        Ok(Self::listening(Way::Socket(directory), |inside| listen(listener, inside), server))
    }

    /// Makes one on a port of this machine.
    ///
    /// # Errors
    /// Why there can be none.
    pub async fn on_port(server: &Path) -> io::Result<Self> {
        let word = || random::digits().map_err(io::Error::other);
        let password = word()? + &word()?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let way = Way::Port(listener.local_addr()?.port(), password.clone());
        let listens = |inside| listen_on_port(listener, password, inside);
        Ok(Self::listening(way, listens, server))
    }

    fn listening<F>(way: Way, listens: impl FnOnce(Inside) -> F, server: &Path) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (opened, is_open) = watch::channel(false);
        let came = Arc::default();
        let inside = Inside { server: server.join(socket()), is_open, came: Arc::clone(&came) };
        Self { way, opened, came, listening: tokio::spawn(listens(inside)) }
    }

    /// Returns the connection that leads through it to where `spec` leads.
    pub fn spec(&self, spec: &Spec) -> Spec {
        let mut through = spec.clone();
        match &self.way {
            Way::Socket(directory) => {
                through.place = Place::Socket(directory.display().to_string());
            }
            Way::Port(port, password) => {
                through.place = Place::Host("127.0.0.1".to_owned());
                through.port = *port;
                through.password = Password::Given(password.clone().into());
                through.tls.mode = Mode::Disable;
            }
        }
        through
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
        if let Way::Socket(directory) = &self.way {
            // It goes with the copy at the latest.
            drop(std::fs::remove_dir_all(directory));
        }
    }
}

/// Returns the name of a server's socket.
fn socket() -> String {
    format!(".s.PGSQL.{PORT}")
}

/// What lies behind the door.
#[derive(Clone)]
struct Inside {
    server: PathBuf,
    is_open: watch::Receiver<bool>,
    came: Arc<OnceLock<Instant>>,
}

async fn listen(listener: UnixListener, inside: Inside) {
    while let Ok((client, _)) = listener.accept().await {
        inside.came.get_or_init(Instant::now);
        tokio::spawn(inside.clone().pass(client, None));
    }
}

async fn listen_on_port(listener: TcpListener, password: String, inside: Inside) {
    while let Ok((client, _)) = listener.accept().await {
        inside.came.get_or_init(Instant::now);
        tokio::spawn(inside.clone().pass(client, Some(password.clone())));
    }
}

impl Inside {
    /// Passes on what both sides say, until one of them leaves. A door that goes unopened lets
    /// nobody in any more, and one that asks for a password nobody who does not know it.
    async fn pass(
        mut self,
        mut client: impl AsyncRead + AsyncWrite + Unpin,
        password: Option<String>,
    ) {
        if self.is_open.wait_for(|is_open| *is_open).await.is_err() {
            return;
        }
        let said = match password {
            Some(password) => knock::answered(&mut client, &password).await,
            None => Ok(Vec::new()),
        };
        let Ok(said) = said else { return };
        if let Ok(mut server) = UnixStream::connect(self.server).await
            && server.write_all(&said).await.is_ok()
        {
            // How they part is theirs.
            drop(copy_bidirectional(&mut client, &mut server).await);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::AsyncReadExt as _;

    use super::*;

    /// A server that says `hello` to whoever comes, and counts them.
    fn greeter(directory: &Path) -> Arc<AtomicUsize> {
        let listener = UnixListener::bind(directory.join(socket()));
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
        let socket = directory.path().join("door").join(socket());
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
        let socket = directory.path().join("door").join(socket());
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
