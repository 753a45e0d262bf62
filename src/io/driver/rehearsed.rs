//! What the last rehearsal of the target says now.

use super::Inner;
use crate::domain::hazard::Catalog;
use crate::domain::identity::Identity;
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::Plan;
use crate::domain::rehearsal::Standing;
use crate::io::blocking::blocking;
use crate::io::perform::Act;
use crate::io::rehearsal;
use crate::io::site::Rehearsal;
use crate::session::facts::Migrations;
use crate::tools::{Project, Tool};

/// Marks a plan as one of a rehearsal, and says if it will not be run.
pub(super) fn mark(plan: &mut Plan, rehearsal: &Rehearsal) {
    plan.preview.rehearsal = true;
    if rehearsal.keeps_back(&plan.action, None) {
        plan.preview.now.push(
            "REHEARSAL: it reaches outside of the copy, so it is recorded and not run, unless \
             its step says rehearse = true"
                .to_owned(),
        );
    }
}

impl Inner {
    /// Returns how an act ends that a rehearsal does not run; `None`: it is run.
    pub(super) fn kept_back(&self, plan: &Plan, act: &Act) -> Option<Outcome> {
        let rehearsal = self.site.rehearsal.as_ref()?;
        let is_kept = rehearsal.keeps_back(&plan.action, act.step.as_deref());
        let why = "it reaches outside of the copy: in production this act runs here";
        is_kept.then(|| Outcome::new(Ending::Rehearsed, why))
    }

    /// Returns whom evidence has to be about: the target that answers, or the one whose copy
    /// it is.
    fn stands_for(&self) -> Option<Identity> {
        match &self.site.rehearsal {
            Some(rehearsal) => rehearsal.mark.of.clone(),
            None => self.bound.get(),
        }
    }

    /// Reads the evidence of the last rehearsal, and compares it with files and schema. The
    /// tool's version is believed to be the same: asking it takes half a second.
    pub(super) async fn rehearsed(
        &self,
        tool: &'static dyn Tool,
        project: &Project,
        catalog: &Catalog,
    ) -> Option<Standing> {
        let identity = self.stands_for()?;
        let evidence = blocking(|| rehearsal::read(&self.site.paths.state, &identity))?;
        let mut reader = self.reader.lock().await;
        let read = (project, catalog);
        Some(rehearsal::standing(&self.site, &mut reader, &identity, tool, read, evidence).await)
    }

    /// Asks the tool for its version, too: nothing may pass a gate by another one.
    pub(super) async fn ask_version(&self, migrations: &mut Migrations) {
        let Some(standing) = migrations.rehearsed.as_mut().filter(|one| one.stale.is_none()) else {
            return;
        };
        let Some(identity) = self.stands_for() else { return };
        let asked = async {
            let (tool, _) = blocking(|| self.site.tool())?;
            let mut reader = self.reader.lock().await;
            let project = &migrations.project;
            rehearsal::now(&self.site, &mut reader, &identity, tool, project, None).await
        };
        standing.stale = match asked.await {
            Ok(now) => standing.evidence.stale(&now),
            Err(why) => Some(format!("what is so now cannot be read: {why}")),
        };
    }
}
