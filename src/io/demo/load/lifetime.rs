//! How long a load process lives.

use std::path::Path;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::io::cluster;
use crate::io::process::wait_for_stdin_end;

const LOOK: Duration = Duration::from_millis(250);
/// A server that is back after fewer looks was restarted, not ended.
const PATIENCE: u32 = 20;

/// Returns when the server in `directory` ended or, unless `detached`, when the
/// other end of standard input did.
pub(super) async fn end(directory: &Path, detached: bool) {
    tokio::select! {
        () = server(directory) => {}
        () = owner(), if !detached => {}
    }
}

async fn owner() {
    let _ = spawn_blocking(wait_for_stdin_end).await;
}

async fn server(directory: &Path) {
    let mut missed = 0;
    while directory.exists() && missed < PATIENCE {
        sleep(LOOK).await;
        missed = if cluster::is_running(directory) { 0 } else { missed + 1 };
    }
}
