//! A program in a real terminal: keys in, screens out, driven by conditions.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

use super::until::LONG;

/// The time between two keys of a hand.
const HAND: Duration = Duration::from_millis(60);

/// A program in a terminal.
pub struct Pty {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    raw: Vec<u8>,
    child: Box<dyn Child + Send + Sync>,
}

/// The binary under test.
#[allow(dead_code, reason = "the tests of the console are its users")]
pub fn lockkeeper(args: &[&str]) -> CommandBuilder {
    command(Path::new(env!("CARGO_BIN_EXE_lockkeeper")), args)
}

/// A program with the essentials of an environment and nothing of the tester's.
pub fn command(program: &Path, args: &[&str]) -> CommandBuilder {
    let mut command = CommandBuilder::new(program);
    command.args(args);
    command.env_clear();
    for name in ["PATH", "HOME", "TMPDIR", "LANG", "USER"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("TERM", "xterm-256color");
    command.cwd(std::env::temp_dir());
    command
}

impl Pty {
    /// Starts `command` in a terminal of `columns`×`rows`.
    pub fn spawn(command: CommandBuilder, columns: u16, rows: u16) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).expect("a pty can be opened");
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("the pty can be read");
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            let mut chunk = [0; 8192];
            // The end of a pty is an error on Linux and 0 elsewhere.
            while let Ok(read @ 1..) = reader.read(&mut chunk) {
                if sender.send(chunk[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        let keys = pair.master.take_writer().expect("the pty can be written");
        Self {
            master: pair.master,
            keys,
            output,
            parser: vt100::Parser::new(rows, columns, 0),
            raw: Vec::new(),
            child,
        }
    }

    /// Types `keys`, escape sequences and all.
    pub fn send(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the program reads its keys");
        self.keys.flush().expect("the program reads its keys");
    }

    /// Resizes the terminal.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.master.resize(size(columns, rows)).expect("the pty can be resized");
        self.parser.screen_mut().set_size(rows, columns);
    }

    /// Returns the screen as it is after what arrived until now.
    pub fn screen(&mut self) -> &vt100::Screen {
        while let Ok(chunk) = self.output.try_recv() {
            self.take(&chunk);
        }
        self.parser.screen()
    }

    /// Returns every byte that the program wrote until now.
    pub fn raw(&mut self) -> &[u8] {
        self.screen();
        &self.raw
    }

    /// Waits until the screen shows `text`, and returns the screen's text.
    pub fn wait_for(&mut self, text: &str) -> String {
        self.wait_until(&format!("{text:?} on the screen"), |screen| {
            screen.contents().contains(text)
        })
    }

    /// Waits until `holds`, described by `what`, and returns the screen's text.
    pub fn wait_until(&mut self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) -> String {
        let deadline = Instant::now() + LONG;
        while !holds(self.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(chunk) => self.take(&chunk),
                Err(RecvTimeoutError::Timeout) => self.fail(&format!("waited in vain for {what}")),
                Err(RecvTimeoutError::Disconnected) => {
                    self.fail(&format!("the program ended before {what}"));
                }
            }
        }
        let seen = self.parser.screen().contents();
        self.take_the_rest();
        // What a later frame shows instead is not what was waited for.
        if holds(self.screen()) { self.parser.screen().contents() } else { seen }
    }

    /// Takes what follows at once: a frame is written as one, and arrives in pieces.
    fn take_the_rest(&mut self) {
        for _ in 0..10 {
            match self.output.recv_timeout(Duration::from_millis(20)) {
                Ok(chunk) => self.take(&chunk),
                Err(_) => return,
            }
        }
    }

    /// Types as a hand does: what comes faster than that is not believed to be one.
    pub fn type_slowly(&mut self, text: &str) {
        for key in text.chars() {
            thread::sleep(HAND);
            self.send(&key.to_string());
        }
    }

    /// Types a name as a hand does and enters it, each key once the one before is seen: the
    /// console measures the time between them by when it reads them.
    pub fn type_name(&mut self, name: &str) {
        let mut typed = String::new();
        for key in name.chars() {
            thread::sleep(HAND);
            self.send(&key.to_string());
            typed.push(key);
            self.wait_for(&format!("{typed}▏"));
        }
        thread::sleep(HAND);
        self.send("\r");
    }

    /// Waits for the program's end and takes all that it wrote.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + LONG;
        loop {
            if let Some(status) = self.child.try_wait().expect("the program can be waited for") {
                self.drain();
                return status;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            // Its output is taken meanwhile, or it would block on a full terminal;
            // after the output's end only the exit itself is left to be polled.
            match self.output.recv_timeout(left.min(Duration::from_millis(20))) {
                Ok(chunk) => self.take(&chunk),
                Err(RecvTimeoutError::Disconnected) => thread::sleep(Duration::from_millis(5)),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if left.is_zero() {
                self.fail("waited in vain for the program's end");
            }
        }
    }

    /// Returns the program's process id.
    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("the program was started")
    }

    /// Ends the program at once.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Takes what an ended program left behind: the pty's end comes after it, or,
    /// if a child of the program holds the terminal open, silence.
    fn drain(&mut self) {
        while let Ok(chunk) = self.output.recv_timeout(Duration::from_secs(5)) {
            self.take(&chunk);
        }
    }

    fn take(&mut self, chunk: &[u8]) {
        self.raw.extend_from_slice(chunk);
        self.parser.process(chunk);
    }

    fn fail(&mut self, why: &str) -> ! {
        let screen = self.parser.screen().contents();
        panic!("{why}; the screen was:\n{screen}");
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        self.kill();
    }
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}
