//! A server on a TCP port of this machine, with a `pg_hba.conf` and certificates of the
//! test's choice.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use lockkeeper::domain::connection::{Environment, Spec};
use lockkeeper::io::cluster::Stop;
use lockkeeper::io::postgres::target;

use super::server::{Server, private};

/// A certificate and its key, as PEM.
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

/// A server that also listens on 127.0.0.1.
pub struct Tcp {
    pub server: Server,
    pub port: u16,
}

impl Tcp {
    /// Starts it; `hba` are its entries besides `local all all trust`.
    pub fn start(hba: &str, tls: Option<&Pair>, settings: &[(&str, &str)]) -> Self {
        let port = unused_port();
        let text = port.to_string();
        let own = [("listen_addresses", "127.0.0.1"), ("port", text.as_str())];
        let all: Vec<_> = own.iter().chain(settings).copied().collect();
        let tcp = Self { server: private(&all), port };
        tcp.configure(hba, tls);
        tcp
    }

    /// Writes `hba` and the certificate, and starts the server again with them.
    fn configure(&self, hba: &str, tls: Option<&Pair>) {
        let cluster = &self.server.cluster;
        cluster.stop_server(Stop::Fast).expect("it stops");
        let data = cluster.socket_dir().join("data");
        own(&data.join("pg_hba.conf"), &format!("local all all trust\n{hba}\n"));
        if let Some(pair) = tls {
            own(&data.join("server.crt"), &pair.certificate);
            own(&data.join("server.key"), &pair.key);
            let path = data.join("postgresql.conf");
            let text = fs::read_to_string(&path).expect("the configuration can be read");
            own(&path, &format!("{text}\nssl = on\n"));
        }
        cluster.start_server().expect("it starts");
    }

    /// Returns a connection over TCP.
    pub fn spec(&self, rest: &str) -> Spec {
        spec(&format!("host=127.0.0.1 port={} connect_timeout=60 {rest}", self.port))
    }

    /// Returns a connection over the socket, as the superuser unless `rest` says otherwise.
    pub fn local(&self, rest: &str) -> Spec {
        let directory = self.server.cluster.socket_dir().display();
        spec(&format!("host={directory} port={} user=postgres dbname=postgres {rest}", self.port))
    }
}

/// Reads a connection string without any environment.
pub fn spec(text: &str) -> Spec {
    target::read(text, &Environment::default()).expect("the connection string is right")
}

/// Writes a file of the server's account, readable by nobody else.
fn own(path: &Path, text: &str) {
    let owner = fs::metadata(path.parent().expect("it has a parent")).expect("it exists");
    fs::write(path, text).expect("the file can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("its mode can be set");
    chown(path, Some(owner.uid()), Some(owner.gid())).expect("its owner can be set");
}

/// Returns a port that nobody uses at this moment, and that the system gives to nobody: it is
/// below those that it hands out for port 0.
pub fn unused_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let next = std::process::id().wrapping_mul(97) + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(20_000 + next % 12_000).expect("it is below 32,768");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Writes `text` where the test's own process can read it.
pub fn file(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).expect("the file can be written");
    path
}
