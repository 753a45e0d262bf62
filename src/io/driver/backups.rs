//! The backups: read off the screen's threads, now and then and when asked.

use std::path::Path;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use chrono::Utc;

use super::Inner;
use crate::domain::backup::Inventory;
use crate::domain::verify::Level;
use crate::io::store::{self, held, outside, own};
use crate::session::facts::Proof;
use crate::session::news::News;
use crate::tools::pg_dump::Progress;

/// How often the directories are looked at; what has not changed is not read again.
const PACE: Duration = Duration::from_secs(30);
/// How often others are asked what they keep: their programs may work on it for a second.
const ASKED: Duration = Duration::from_mins(5);
/// How often the screen is told how far a proof is.
const TOLD: Duration = Duration::from_millis(200);

impl Inner {
    /// Reads the inventory again and again.
    pub async fn watch_backups(&self) {
        loop {
            // The driver reads it once at its start.
            tokio::time::sleep(PACE).await;
            self.refresh_backups().await;
        }
    }

    /// Asks the other programs again and again what they keep.
    pub async fn watch_outside(&self) {
        let config = &self.site.config().backups;
        while outside::is_asked(config) {
            self.ask_outside().await;
            self.refresh_backups().await;
            tokio::time::sleep(ASKED).await;
        }
    }

    /// Asks the other programs what they keep; what they say is in the next inventory.
    pub async fn ask_outside(&self) {
        let told =
            outside::ask(&self.site.loaded, &self.site.project, &self.allowed, outside::LIMIT);
        let mut told = told.await;
        own::recall(&self.site.paths.state, &mut told);
        self.store.lock().unwrap_or_else(PoisonError::into_inner).also(told);
    }

    /// Reads the inventory, and tells it.
    pub async fn refresh_backups(&self) {
        let read = self.inventory().await.map(Box::new);
        self.tell(News::Backups(read));
    }

    /// Returns what there is now.
    pub async fn inventory(&self) -> Result<Inventory, String> {
        let store = self.store.clone();
        let read = tokio::task::spawn_blocking(move || {
            store.lock().unwrap_or_else(PoisonError::into_inner).read(Utc::now())
        });
        read.await.map_err(|error| error.to_string())
    }

    /// Returns what there is now, with the runs that are not over and what they name.
    pub async fn inventory_with_runs(&self) -> Result<Inventory, String> {
        let mut inventory = self.inventory().await?;
        let runs = self.site.paths.runs();
        let held = tokio::task::spawn_blocking(move || held::by_runs(&runs)).await;
        inventory.held = held.map_err(|error| error.to_string())??;
        Ok(inventory)
    }

    /// Lets another program prove a backup that it keeps.
    async fn verify_elsewhere(&self, location: String) {
        let doing = "its own program reads all of it".to_owned();
        self.tell(News::Proof(location.clone(), Proof::Running(doing)));
        let known = self.inventory().await.ok();
        let known = known.as_ref().and_then(|known| known.at(&location));
        let place = own::Place {
            loaded: &self.site.loaded,
            cwd: &self.site.project,
            allowed: &self.allowed,
            state: &self.site.paths.state,
        };
        let proof = match own::verify(place, &location, Level::L1, known, Utc::now()).await {
            Ok(report) => Proof::Done(Box::new(report)),
            Err(why) => Proof::Failed(why),
        };
        self.tell(News::Proof(location, proof));
        self.ask_outside().await;
        self.refresh_backups().await;
    }

    /// Proves a backup to L3, tells how far that is what it came to, and takes it into the inventory.
    pub async fn verify(&self, location: String) {
        if own::is_theirs(&location) {
            return self.verify_elsewhere(location).await;
        }
        self.tell(News::Proof(location.clone(), Proof::Running("reading it".to_owned())));
        let (path, store) = (location.clone(), self.store.clone());
        let (news, of) = (self.news.clone(), location.clone());
        let mut told = Instant::now();
        let mut tell = move |progress: Progress| {
            if told.elapsed() >= TOLD {
                told = Instant::now();
                // Nobody listens any more: then nobody misses it.
                drop(news.send(News::Proof(of.clone(), Proof::Running(progress.words()))));
            }
        };
        let proved = tokio::task::spawn_blocking(move || {
            let (report, found) =
                store::verify(Path::new(&path), store::HIGHEST, Utc::now(), &mut tell)?;
            let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
            store.learn(Path::new(&path), found, Utc::now());
            Ok::<_, store::Limit>(report)
        });
        let proof = match proved.await {
            Ok(Ok(report)) => Proof::Done(Box::new(report)),
            Ok(Err(why)) => Proof::Failed(why.to_string()),
            Err(error) => Proof::Failed(error.to_string()),
        };
        self.tell(News::Proof(location, proof));
        self.refresh_backups().await;
    }
}
