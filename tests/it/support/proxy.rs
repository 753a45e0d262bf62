//! A network between us and the server, which can stop to carry anything without a word, or
//! lead to another server.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

use super::server::Database;

/// The network; it ends with the runtime.
pub struct Proxy {
    port: u16,
    accepted: Arc<AtomicUsize>,
    carries: Arc<watch::Sender<bool>>,
    leads: watch::Sender<PathBuf>,
    trap: Trap,
    database: Database,
}

/// What happens when a client says a certain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The server hears it, and the client hears nothing of the answer: its connection ends.
    Deaf,
    /// Nothing is carried any more on its connection, this neither.
    Silent,
}

/// What is waited for, what happens then, and whether it has.
type Trap = Arc<Mutex<Option<(&'static str, Then, bool)>>>;

impl Proxy {
    /// Puts it in front of `database`'s server.
    pub async fn start(database: &Database) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port can be bound");
        let port = listener.local_addr().expect("it is bound").port();
        let (leads, leading) = watch::channel(socket(database));
        let carries = Arc::new(watch::Sender::new(true));
        let trap = Trap::default();
        let way = (carries.clone(), trap.clone());
        let accepted = Arc::new(AtomicUsize::new(0));
        let counted = accepted.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(client, leading.clone(), way.0.clone(), way.1.clone()));
            }
        });
        Self { port, accepted, carries, leads, trap, database: database.clone() }
    }

    /// Returns how to connect through it, giving up after two seconds.
    pub fn dsn(&self) -> String {
        let Database { name, superuser, .. } = &self.database;
        let port = self.port;
        format!(
            "postgresql://{superuser}@127.0.0.1:{port}/{name}?sslmode=disable&connect_timeout=2"
        )
    }

    /// Returns how to connect through it, giving up after a minute.
    pub fn patient_dsn(&self) -> String {
        self.dsn().replace("connect_timeout=2", "connect_timeout=60")
    }

    /// Returns the port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits for clients that say `text`, and for nothing else from now on.
    pub fn when(&self, text: &'static str, then: Then) {
        *self.trap.lock().expect("nobody panics") = Some((text, then, false));
    }

    /// Returns true if a client has said it.
    pub fn was_said(&self) -> bool {
        matches!(*self.trap.lock().expect("nobody panics"), Some((.., true)))
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
    carries: Arc<watch::Sender<bool>>,
    trap: Trap,
) {
    let socket = leads.borrow_and_update().clone();
    let Ok(server) = UnixStream::connect(socket).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (split(client), split(server));
    let sprung = Mutex::new(None);
    let hear = |said: &[u8]| {
        let mut trap = trap.lock().expect("nobody panics");
        let is_said = |text: &str| said.windows(text.len()).any(|part| part == text.as_bytes());
        let Some((_, then, was_said)) = trap.as_mut().filter(|(text, ..)| is_said(text)) else {
            return Way::Open;
        };
        *was_said = true;
        *sprung.lock().expect("nobody panics") = Some(*then);
        if *then == Then::Deaf { Way::Open } else { Way::Blocked }
    };
    let answer = |_: &[u8]| match *sprung.lock().expect("nobody panics") {
        None => Way::Open,
        Some(Then::Deaf) => Way::Cut,
        Some(Then::Silent) => Way::Blocked,
    };
    let carried = async {
        tokio::join!(
            carry(from_client, to_server, carries.subscribe(), hear),
            carry(from_server, to_client, carries.subscribe(), answer)
        )
    };
    tokio::select! {
        _ = carried => {}
        Ok(()) = leads.changed() => {}
    }
}

/// How something that was said goes on.
#[derive(PartialEq, Eq)]
enum Way {
    Open,
    Blocked,
    Cut,
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut carries: watch::Receiver<bool>,
    way: impl Fn(&[u8]) -> Way,
) {
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut chunk).await.unwrap_or(0);
        let way = way(&chunk[..read]);
        if way == Way::Blocked {
            std::future::pending::<()>().await;
        }
        let carried = carries.wait_for(|carries| *carries).await.is_ok() && way == Way::Open;
        if !carried || read == 0 || to.write_all(&chunk[..read]).await.is_err() {
            break;
        }
    }
    // The other side may have gone first.
    drop(to.shutdown().await);
}
