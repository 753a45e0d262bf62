//! A stand-in for a connection pooler: it logs in at the server with a start-up packet of
//! its own and passes everything else through.

use std::path::PathBuf;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use super::server::Database;

/// What it does with the client's start-up options, which it cannot pass on.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Refuses them, as pgbouncer does.
    Refuses,
    /// Drops them, as pgbouncer does with `ignore_startup_parameters = options`.
    Swallows,
}

/// Starts it in front of `database` and returns its port; it ends with the runtime.
pub async fn start(database: &Database, kind: Kind) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port can be bound");
    let port = listener.local_addr().expect("it is bound").port();
    let socket = database.socket_dir.join(".s.PGSQL.5432");
    let login = packet(&[("user", &database.superuser), ("database", &database.name)]);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, socket.clone(), login.clone(), kind));
        }
    });
    port
}

async fn serve(
    mut client: TcpStream,
    socket: PathBuf,
    login: Vec<u8>,
    kind: Kind,
) -> std::io::Result<()> {
    let length = client.read_u32().await? as usize;
    client.read_exact(&mut vec![0; length - 4]).await?;
    if matches!(kind, Kind::Refuses) {
        return client.write_all(&refusal()).await;
    }
    let mut server = UnixStream::connect(socket).await?;
    server.write_all(&login).await?;
    copy_bidirectional(&mut client, &mut server).await.map(|_| ())
}

/// Builds a `StartupMessage` of protocol 3.0.
fn packet(parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    for (name, value) in parameters {
        body.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
    }
    body.push(0);
    framed(&body)
}

/// Builds pgbouncer's `ErrorResponse`.
fn refusal() -> Vec<u8> {
    let fields = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
    [b"E".to_vec(), framed(fields)].concat()
}

fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("it is short");
    [length.to_be_bytes().to_vec(), body.to_vec()].concat()
}
