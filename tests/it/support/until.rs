//! Waiting for the world to come to a state, by asking it.

use std::thread::sleep;
use std::time::{Duration, Instant};

use tokio::time::timeout;

/// Longer than any machine takes; nothing waits this long when all is well.
pub const LONG: Duration = Duration::from_mins(4);

/// Returns when `holds` does; fails with `what` if it never does.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < deadline, "this never happened: {what}");
        sleep(Duration::from_millis(20));
    }
}

/// Asks the server again and again until the answer is yes; fails with `what` if it never is.
pub async fn eventually(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    // Who asks without a pause takes a core from those that are waited for.
    let asking = async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(LONG, asking).await.is_ok(), "it never came to be: {what}");
}
