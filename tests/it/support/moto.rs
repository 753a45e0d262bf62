//! A real S3 server on this machine: moto, provisioned from the package index.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tempfile::TempDir;

use super::act::until;
use super::alembic::venv;

const PACKAGES: [&str; 2] = ["moto[server,s3]==5.2.5", "boto3==1.44.5"];

/// What the tests sign their requests with; the secret must be found nowhere.
pub const SECRET: &str = "a-secret-of-the-tests";

/// A running server with one bucket, which goes with this value.
pub struct Moto {
    child: Child,
    log: TempDir,
    address: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        // One that has ended needs nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Moto {
    /// Starts one with an empty bucket.
    pub fn with_bucket(bucket: &str) -> Self {
        let log = tempfile::tempdir().expect("a directory");
        let said = File::create(log.path().join("log")).expect("it can be made");
        let program = venv("moto-5.2.5", &PACKAGES).join("moto_server");
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdin(Stdio::null())
            .stdout(said.try_clone().expect("a handle"))
            .stderr(said)
            .spawn()
            .expect("moto starts");
        let mut moto = Self { child, log, address: String::new() };
        moto.address = until("moto to listen", || {
            let text = fs::read_to_string(moto.log.path().join("log")).ok()?;
            let (_, rest) = text.split_once("Running on ")?;
            Some(rest.split_once('\n')?.0.trim().to_owned())
        });
        moto.put(bucket, b"");
        moto
    }

    /// Puts an object (`BUCKET/KEY`) there, or makes a bucket.
    pub fn put(&self, place: &str, bytes: &[u8]) {
        let url = format!("{}/{place}", self.address);
        ureq::put(&url).send(bytes).unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// Returns the address of a way to it which breaks `cuts` connections off, each in the middle
    /// of what it says, as soon as it has carried so many bytes.
    pub fn breaking_after(&self, bytes: u64, cuts: u64) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let there = self.address.trim_start_matches("http://").to_owned();
        let way = Arc::new(Way { until: AtomicU64::new(bytes), cuts: AtomicU64::new(cuts) });
        // It ends with this process: nothing waits for it.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&there) else { return };
                let way = way.clone();
                thread::spawn(move || way.carry(&client, &server));
            }
        });
        address
    }

    /// Lets nobody do anything any more.
    pub fn deny(&self) {
        let url = format!("{}/moto-api/reset-auth", self.address);
        ureq::post(&url).send("0").expect("moto takes it");
    }

    /// Sets what leads to it in a command's environment.
    pub fn lead<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        lead(command, &self.address)
    }
}

/// Sets what leads to a store at this address in a command's environment.
pub fn lead<'a>(command: &'a mut Command, address: &str) -> &'a mut Command {
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command
        .env("AWS_ENDPOINT_URL", address)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "a-key-of-the-tests")
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
}

/// How much is carried before connections break off, and how many do.
struct Way {
    until: AtomicU64,
    cuts: AtomicU64,
}

impl Way {
    fn carry(&self, mut client: &TcpStream, mut server: &TcpStream) {
        thread::scope(|scope| {
            scope.spawn(move || {
                // Either end may have gone first.
                let _ = std::io::copy(&mut client, &mut server);
                let _ = server.shutdown(Shutdown::Write);
            });
            let mut piece = vec![0; 16 << 10];
            while let Ok(length @ 1..) = server.read(&mut piece) {
                let is_cut = self.is_cut(length as u64);
                let carried = if is_cut { length / 2 } else { length };
                if client.write_all(&piece[..carried]).is_err() || is_cut {
                    break;
                }
            }
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        });
    }

    fn is_cut(&self, length: u64) -> bool {
        let less = |by: u64| move |left: u64| Some(left.saturating_sub(by));
        let (set, get) = (Ordering::SeqCst, Ordering::SeqCst);
        let left = self.until.fetch_update(set, get, less(length)).expect("it always is some");
        left <= length && self.cuts.fetch_update(set, get, less(1)).expect("it always is some") > 0
    }
}
