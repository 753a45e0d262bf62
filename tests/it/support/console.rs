//! The console of a pooler that is none: it speaks the protocol as pgbouncer 1.18 does, keeps
//! what it was told, and holds nobody back.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// How it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// As pgbouncer does whose clients are between transactions.
    #[default]
    Ready,
    /// It refuses to pause.
    Refusing,
    /// From the first PAUSE on it answers nobody, though it is paused.
    Mute,
    /// PAUSE waits for clients that never come to their end.
    Waiting,
}

#[derive(Debug, Default)]
struct State {
    manner: Manner,
    paused: bool,
    heard: Vec<String>,
}

/// The console of one database.
pub struct Console {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Console {
    /// Starts it; it ends with this process.
    pub fn of(database: &str, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(Mutex::new(State { manner, ..State::default() }));
        let (all, name) = (state.clone(), database.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (state, name) = (all.clone(), name.clone());
                // Whoever is connected may go at any moment.
                thread::spawn(move || drop(serve(client, &state, &name)));
            }
        });
        Self { port, state }
    }

    pub fn dsn(&self) -> String {
        format!("postgresql://admin@127.0.0.1:{}/pgbouncer?sslmode=disable", self.port)
    }

    /// Returns what it was told, but for looks at it, and forgets it.
    pub fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().expect("nobody panics").heard)
    }

    pub fn is_paused(&self) -> bool {
        self.state.lock().expect("nobody panics").paused
    }

    /// Answers in another manner from now on, and is paused or not.
    pub fn turn(&self, manner: Manner, paused: bool) {
        let mut state = self.state.lock().expect("nobody panics");
        (state.manner, state.paused) = (manner, paused);
    }
}

fn serve(mut client: TcpStream, state: &Mutex<State>, name: &str) -> std::io::Result<()> {
    let length = number(&mut client)?;
    let mut login = vec![0; length - 4];
    client.read_exact(&mut login)?;
    if login.split(|byte| *byte == 0).any(|word| word == b"options") {
        return client.write_all(&error("unsupported startup parameter: options"));
    }
    client.write_all(&[message(b'R', &[0; 4]), ready()].concat())?;
    loop {
        let mut kind = [0];
        client.read_exact(&mut kind)?;
        let length = number(&mut client)?;
        let mut body = vec![0; length - 4];
        client.read_exact(&mut body)?;
        if kind != *b"Q" {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&body).trim_end_matches('\0').to_owned();
        // Nobody else waits while this one does.
        let answer = answer(&mut state.lock().expect("nobody panics"), &text, name);
        match answer {
            Some(answer) => client.write_all(&[answer, ready()].concat())?,
            None => return client.read_exact(&mut [0]),
        }
    }
}

/// Returns the answer; `None`: there is none.
fn answer(state: &mut State, text: &str, name: &str) -> Option<Vec<u8>> {
    let is_mute = state.manner == Manner::Mute && state.paused;
    let quoted = format!("\"{name}\"");
    if text == "SHOW DATABASES" {
        let paused = if state.paused { "1" } else { "0" };
        let rows = [["pgbouncer", "pgbouncer", "0"], [name, name, paused]];
        let rows: Vec<u8> = rows.iter().flat_map(|row| values(row)).collect();
        let answer = [columns(&["name", "database", "paused"]), rows, done("SHOW")].concat();
        return (!is_mute).then_some(answer);
    }
    state.heard.push(text.to_owned());
    if is_mute {
        return None;
    }
    let (verb, of) = text.split_once(' ').unwrap_or((text, ""));
    match (verb, of == quoted, state.manner) {
        ("PAUSE", true, Manner::Refusing) => Some(error("not now")),
        ("PAUSE", true, manner) => {
            state.paused = true;
            (manner == Manner::Ready).then(|| done("PAUSE"))
        }
        ("RESUME", true, _) if !state.paused => {
            Some(error(&format!("database {name} is not paused")))
        }
        ("RESUME", true, _) => {
            state.paused = false;
            Some(done("RESUME"))
        }
        _ => Some(error("unsupported")),
    }
}

fn number(from: &mut TcpStream) -> std::io::Result<usize> {
    let mut four = [0; 4];
    from.read_exact(&mut four)?;
    Ok(u32::from_be_bytes(four) as usize)
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("it is short").to_be_bytes();
    [&[kind], length.as_slice(), body].concat()
}

fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

fn done(tag: &str) -> Vec<u8> {
    message(b'C', format!("{tag}\0").as_bytes())
}

fn error(text: &str) -> Vec<u8> {
    message(b'E', format!("SERROR\0VERROR\0C08P01\0M{text}\0\0").as_bytes())
}

fn columns(names: &[&str]) -> Vec<u8> {
    let mut body = u16::try_from(names.len()).expect("few").to_be_bytes().to_vec();
    for name in names {
        body.extend([name.as_bytes(), b"\0", &[0; 6]].concat());
        // text, of any length, in text format.
        body.extend([25_u32.to_be_bytes().as_slice(), &[0xff, 0xff], &[0xff; 4], &[0, 0]].concat());
    }
    message(b'T', &body)
}

fn values(row: &[&str]) -> Vec<u8> {
    let mut body = u16::try_from(row.len()).expect("few").to_be_bytes().to_vec();
    for value in row {
        let length = u32::try_from(value.len()).expect("it is short").to_be_bytes();
        body.extend([length.as_slice(), value.as_bytes()].concat());
    }
    message(b'D', &body)
}
