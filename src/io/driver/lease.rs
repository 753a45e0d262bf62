//! The control connection and the lease: opened once, kept, never regained in silence.

use tokio::sync::{MappedMutexGuard, MutexGuard};

use super::Inner;
use crate::domain::identity::Identity;
use crate::io::postgres::{Control, Lease};
use crate::session::facts;
use crate::session::news::News;

impl Inner {
    /// Returns the control connection, opened if it is not.
    pub async fn control(&self) -> Result<MappedMutexGuard<'_, Control>, String> {
        let mut control = self.control.lock().await;
        if let Some(open) = control.as_mut() {
            open.keep_warm().await.map_err(|error| error.to_string())?;
        } else {
            let opened = Control::open(self.site.target.spec.clone()).await;
            *control = Some(opened.map_err(|e| format!("{}; {}", e.what(), e.advice()))?);
        }
        Ok(MutexGuard::map(control, |control| control.as_mut().expect("it was opened just now")))
    }

    /// Makes sure that we are the one writer of `target`.
    pub async fn hold_lease(&self, target: &Identity) -> Result<(), String> {
        let mut held = self.lease.lock().await;
        let result = match held.as_mut() {
            Some(lease) => lease.is_alive().await.map_err(|error| error.to_string()),
            None => match Lease::take(&self.site.target.maintenance(), target).await {
                Ok(lease) => {
                    *held = Some(lease);
                    Ok(())
                }
                Err(error) => Err(error.to_string()),
            },
        };
        if result.is_err() {
            // A lost lease is not regained in silence: the next act asks for it anew.
            *held = None;
        }
        self.tell(News::Lease(match &result {
            Ok(()) => facts::Lease::Held,
            Err(why) => facts::Lease::Refused(why.clone()),
        }));
        result
    }

    /// Tells when the lease is found lost. It stays lost: the next act is refused once, and
    /// whoever still wants it asks for the lease anew.
    pub async fn look_after_lease(&self) {
        if let Some(lease) = self.lease.lock().await.as_mut()
            && let Err(lost) = lease.is_alive().await
        {
            self.tell(News::Lease(facts::Lease::Refused(lost.to_string())));
        }
    }

    /// Makes sure that the lease is still ours; one that is not is not taken anew.
    pub async fn still_holds_lease(&self) -> Result<(), String> {
        match self.lease.lock().await.as_mut() {
            Some(lease) => lease.is_alive().await.map_err(|error| error.to_string()),
            None => Err("the lease on this target is not held".to_owned()),
        }
    }

    /// Returns whether the lease is ours, or could be taken; takes nothing.
    pub async fn lease_is_free(&self, target: &Identity) -> Option<bool> {
        if let Some(lease) = self.lease.lock().await.as_mut() {
            return Some(lease.is_alive().await.is_ok());
        }
        let holder = Lease::look(&self.site.target.maintenance(), target).await.ok()?;
        Some(holder.is_none())
    }
}
