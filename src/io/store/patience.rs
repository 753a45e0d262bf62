//! Directories that may lie on a network that carries nothing any more: whoever looks into one
//! waits for ever, and cannot be ended.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A directory answers within milliseconds; one of a network that recovers, within some seconds.
const LIMIT: Duration = Duration::from_secs(5);
/// What is said of one that does not.
pub(in crate::io) const SILENT: &str =
    "it does not answer within 5 s, as a network file system does that is gone";

/// The directories that nobody has answered for yet, each with who waits there.
static WAITING: Mutex<Option<HashMap<PathBuf, Receiver<()>>>> = Mutex::new(None);

/// Returns true if a directory answers in time, whatever it says.
pub(in crate::io) fn answers(directory: &Path) -> bool {
    let at = directory.to_owned();
    within(LIMIT, directory, move || drop(fs::read_dir(at).map(|mut entries| entries.next())))
}

/// Waits for a look at `place`, and returns false if that takes longer. As long as one waits there,
/// nobody else is sent.
fn within(limit: Duration, place: &Path, look: impl FnOnce() + Send + 'static) -> bool {
    let earlier = taken(place);
    let is_first = earlier.is_none();
    let seen = earlier.unwrap_or_else(|| {
        let (tell, seen) = channel();
        thread::spawn(move || {
            look();
            // Nobody may ask any more.
            let _ = tell.send(());
        });
        seen
    });
    let limit = if is_first { limit } else { Duration::ZERO };
    match seen.recv_timeout(limit) {
        Err(RecvTimeoutError::Timeout) => {
            waiting(|all| all.insert(place.to_owned(), seen));
            false
        }
        Ok(()) | Err(RecvTimeoutError::Disconnected) => true,
    }
}

fn taken(place: &Path) -> Option<Receiver<()>> {
    waiting(|all| all.remove(place))
}

fn waiting<T>(with: impl FnOnce(&mut HashMap<PathBuf, Receiver<()>>) -> T) -> T {
    let mut all = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    with(all.get_or_insert_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_silent_is_waited_for_once_and_asked_again_when_it_has_answered() {
        let place = Path::new("/a place of this test");
        let (answer, silence) = channel::<()>();
        let look = move || _ = silence.recv();
        assert!(!within(Duration::ZERO, place, look));
        let nobody = || panic!("somebody waits there already");
        assert!(!within(Duration::MAX, place, nobody), "at once");
        drop(answer);
        while !within(Duration::MAX, place, || {}) {
            thread::yield_now();
        }
        assert!(within(Duration::MAX, place, || {}));
        assert!(answers(Path::new("/nowhere at all")), "that is an answer, too");
    }
}
