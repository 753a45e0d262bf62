//! What the plan of a rehearsal stands on.

use super::{Inner, environment};
use crate::domain::identity::Identity;
use crate::io::blocking::blocking;
use crate::session::rehearsing::Rehearsing;

impl Inner {
    /// Reads what a rehearsal needs: sizes, room, the newest backup.
    pub(super) async fn rehearsing(&self, identity: &Identity) -> Rehearsing {
        let database = self.reader.lock().await.database_size().await.ok();
        let newest = self.inventory().await.and_then(|inventory| {
            let newest = inventory.newest(identity);
            let none = "no full backup of this database and of a known age was found";
            newest.map(|one| (one.size, one.location.clone())).ok_or_else(|| none.to_owned())
        });
        let (spec, state) = (&self.site.target.spec, &self.site.paths.state);
        blocking(|| {
            let place = std::env::temp_dir();
            let stat = rustix::fs::statvfs(&place).ok();
            let env = environment::for_rehearsal(spec, "", state);
            Rehearsing {
                database,
                free: stat.map(|stat| stat.f_bavail * stat.f_frsize),
                place: place.display().to_string(),
                newest,
                config: self.site.loaded.file.as_ref().map(|file| file.path.display().to_string()),
                env: env.into_iter().map(|(name, _)| name).collect(),
            }
        })
    }
}
