//! Waiting for the world to come to a state, by asking it.

use std::time::Duration;

use tokio::time::timeout;

/// Longer than any machine takes; nothing waits this long when all is well.
pub const LONG: Duration = Duration::from_mins(1);

/// Asks again and again until the answer is yes.
///
/// Panics with `what` when it never is.
pub async fn until(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    let asking = async { while !ask().await {} };
    assert!(timeout(LONG, asking).await.is_ok(), "it never came to be: {what}");
}
