//! Work that blocks its thread: files, syncs, locks of files.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does `work` so that, if it takes long, other tasks go on meanwhile.
pub(in crate::io) fn blocking<T>(work: impl FnOnce() -> T) -> T {
    let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
    match flavor {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        // There is no other thread that could take over, or there are no tasks.
        _ => work(),
    }
}
