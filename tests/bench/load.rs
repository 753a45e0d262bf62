//! Sessions that cost this process nothing while they wait: bare sockets that speak just
//! enough of the protocol (PostgreSQL documentation, "Message Formats").

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use lockkeeper::io::cluster;

use super::server::Database;

/// One session of the load.
pub struct Session(UnixStream);

impl Session {
    /// Opens a session.
    pub fn open(database: &Database, application: &str) -> Self {
        let path = database.socket_dir.join(format!(".s.PGSQL.{}", cluster::PORT));
        let mut session = Self(UnixStream::connect(path).expect("the server listens"));
        session.send(None, &greeting(database, application));
        session.settle();
        session
    }

    /// Runs statements to their end.
    pub fn run(&mut self, sql: &str) {
        self.leave(sql);
        self.settle();
    }

    /// Sends statements and leaves the session with them.
    pub fn leave(&mut self, sql: &str) {
        self.send(Some(b'Q'), &[sql.as_bytes(), b"\0"].concat());
    }

    fn send(&mut self, kind: Option<u8>, body: &[u8]) {
        let length = u32::try_from(body.len() + 4).expect("a message is short");
        let message = [kind.as_slice(), &length.to_be_bytes(), body].concat();
        self.0.write_all(&message).expect("the server reads");
    }

    /// Reads on until the server is ready for the next query.
    fn settle(&mut self) {
        loop {
            let mut head = [0; 5];
            self.0.read_exact(&mut head).expect("the server answers");
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
            let mut body = vec![0; length - 4];
            self.0.read_exact(&mut body).expect("the server answers");
            match head[0] {
                b'Z' => return,
                b'E' => panic!("the server refused: {}", String::from_utf8_lossy(&body)),
                _ => {}
            }
        }
    }
}

/// Returns the body of a `StartupMessage` of protocol 3.0.
fn greeting(database: &Database, application: &str) -> Vec<u8> {
    let mut body = (3u32 << 16).to_be_bytes().to_vec();
    let pairs = [
        ("user", database.superuser.as_str()),
        ("database", &database.name),
        ("application_name", application),
    ];
    for word in pairs.iter().flat_map(|(name, value)| [*name, *value]) {
        body.extend(word.as_bytes());
        body.push(0);
    }
    body.push(0);
    body
}
