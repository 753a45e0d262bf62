//! An HTTP service of a test: it keeps what it was sent, and answers as it was told.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// This is written, and the connection closed.
    Text(String),
    /// The connection is closed without a word.
    Nothing,
    /// The connection stays open without a word.
    Silence,
}

impl Reply {
    /// Returns an answer with that status line and body.
    pub fn of(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Text(format!(
            "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        ))
    }
}

/// The service.
pub struct Service {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Service {
    /// Starts it; it answers every request alike.
    pub fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port can be bound");
        let port = listener.local_addr().expect("it is bound").port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = heard.clone();
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.expect("it is accepted");
                let request = request(&mut stream);
                kept.lock().expect("nobody panics").push(request);
                match &reply {
                    // Whoever is gone needs no answer.
                    Reply::Text(text) => drop(stream.write_all(text.as_bytes())),
                    Reply::Nothing => {}
                    Reply::Silence => open.push(stream),
                }
            }
        });
        Self { port, heard }
    }

    /// Returns the address of `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Returns every request that has come, as it was sent.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("nobody panics").clone()
    }
}

/// Reads a request to the end of its body.
fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut chunk) {
            Ok(read @ 1..) => bytes.extend_from_slice(&chunk[..read]),
            _ => return text,
        }
    }
}
