//! What the last rehearsal of the target says now.

use super::Inner;
use crate::domain::hazard::Catalog;
use crate::domain::rehearsal::Standing;
use crate::io::blocking::blocking;
use crate::io::rehearsal;
use crate::session::facts::Migrations;
use crate::tools::{Project, Tool};

impl Inner {
    /// Reads the evidence of the last rehearsal, and compares it with files and schema. The
    /// tool's version is believed to be the same: asking it takes half a second.
    pub(super) async fn rehearsed(
        &self,
        tool: &'static dyn Tool,
        project: &Project,
        catalog: &Catalog,
    ) -> Option<Standing> {
        let identity = self.bound.get()?;
        let evidence = blocking(|| rehearsal::read(&self.site.paths.state, &identity))?;
        let now = {
            let mut reader = self.reader.lock().await;
            let known = Some(&evidence.tool);
            rehearsal::now(&self.site, &mut reader, &identity, tool, project, known).await
        };
        let stale = match now {
            Ok(now) => evidence.stale(&now),
            Err(why) => Some(format!("what is so now cannot be read: {why}")),
        };
        let name = |relation: &crate::domain::hazard::Relation| match &relation.name.schema {
            Some(schema) => format!("{schema}.{}", relation.name.name),
            None => relation.name.name.clone(),
        };
        let sizes = catalog.relations.iter().filter_map(|one| Some((name(one), one.bytes?)));
        Some(Standing { sizes: sizes.collect(), evidence, stale })
    }

    /// Asks the tool for its version, too: nothing may pass a gate by another one.
    pub(super) async fn ask_version(&self, migrations: &mut Migrations) {
        let Some(standing) = migrations.rehearsed.as_mut().filter(|one| one.stale.is_none()) else {
            return;
        };
        let Some(identity) = self.bound.get() else { return };
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
