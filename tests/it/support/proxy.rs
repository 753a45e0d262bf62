//! A network between us and the server, which can stop to carry anything without a word, or
//! lead to another server.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

use super::server::Database;

/// The network; it ends with the runtime.
pub struct Proxy {
    port: u16,
    accepted: Arc<AtomicUsize>,
    carries: watch::Sender<bool>,
    leads: watch::Sender<PathBuf>,
    database: Database,
}

impl Proxy {
    /// Puts it in front of `database`'s server.
    pub async fn start(database: &Database) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port can be bound");
        let port = listener.local_addr().expect("it is bound").port();
        let (leads, leading) = watch::channel(socket(database));
        let (carries, carrying) = watch::channel(true);
        let accepted = Arc::new(AtomicUsize::new(0));
        let counted = accepted.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(client, leading.clone(), carrying.clone()));
            }
        });
        Self { port, accepted, carries, leads, database: database.clone() }
    }

    /// Returns how to connect through it, giving up after two seconds.
    pub fn dsn(&self) -> String {
        let Database { name, superuser, .. } = &self.database;
        let port = self.port;
        format!(
            "postgresql://{superuser}@127.0.0.1:{port}/{name}?sslmode=disable&connect_timeout=2"
        )
    }

    /// Returns how many connections were tried.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Swallows everything from now on: no data, no end, no refusal.
    pub fn swallow(&self) {
        self.carries.send_replace(false);
    }

    /// Leads to another server from now on; what was connected breaks off.
    pub fn lead_to(&self, database: &Database) {
        self.leads.send_replace(socket(database));
    }

    /// Carries again, also what was kept back.
    pub fn carry(&self) {
        self.carries.send_replace(true);
    }
}

fn socket(database: &Database) -> PathBuf {
    database.socket_dir.join(".s.PGSQL.5432")
}

async fn serve(
    client: TcpStream,
    mut leads: watch::Receiver<PathBuf>,
    carries: watch::Receiver<bool>,
) {
    let socket = leads.borrow_and_update().clone();
    let Ok(server) = UnixStream::connect(socket).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (split(client), split(server));
    let carried = async {
        tokio::join!(
            carry(from_client, to_server, carries.clone()),
            carry(from_server, to_client, carries)
        )
    };
    tokio::select! {
        _ = carried => {}
        Ok(()) = leads.changed() => {}
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut carries: watch::Receiver<bool>,
) {
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut chunk).await.unwrap_or(0);
        let carried = carries.wait_for(|carries| *carries).await.is_ok();
        if !carried || read == 0 || to.write_all(&chunk[..read]).await.is_err() {
            break;
        }
    }
    // The other side may have gone first.
    drop(to.shutdown().await);
}
