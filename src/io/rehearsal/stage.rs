//! The stage: a copy of the target that the whole console works on, to rehearse a runbook with
//! production's own screens, gates, decisions and confirmations.

use std::collections::BTreeSet;
use std::os::unix::fs::DirBuilderExt as _;

use super::copy::{Copy, Target};
use super::{From, Order};
use crate::domain::identity::{Class, Identity, effective_class};
use crate::domain::rehearsal::Mark;
use crate::io::allowed::Allowed;
use crate::io::postgres;
use crate::io::site::{Rehearsal, Site};

/// The copy, which goes with this value, and with this process however that ends.
pub struct Stage(Copy);

impl Stage {
    /// Makes a copy as `order` says, and returns it with the site that stands for `site`: the
    /// same project, policy and class, on the copy. The acts of the steps in `may` may reach
    /// outside of it.
    ///
    /// # Errors
    /// Why there is none; nothing is left then.
    pub async fn set(
        site: Site,
        order: &Order,
        may: BTreeSet<String>,
        tell: &mut dyn FnMut(&str),
    ) -> Result<(Self, Site), String> {
        let allowed = Allowed::in_state(&site.paths.state);
        site.loaded.commands_allowed(&allowed).map_err(|refused| refused.to_string())?;
        let target = Target::met(&site, order).await?;
        let copy = Copy::make(&site, order, target.as_ref(), false, tell).await?;
        let site = standing_in(site, order, target.map(|target| target.identity), &copy, may)?;
        Ok((Self(copy), site))
    }

    /// Removes the copy with all that is in it.
    ///
    /// # Errors
    /// When it is left.
    pub async fn strike(self) -> Result<(), String> {
        self.0.end().await
    }
}

/// Returns the site on the copy.
fn standing_in(
    mut site: Site,
    order: &Order,
    of: Option<Identity>,
    copy: &Copy,
    may: BTreeSet<String>,
) -> Result<Site, String> {
    let directory = copy.directory().to_owned();
    let backups = directory.join("backups");
    let made = std::fs::DirBuilder::new().mode(0o700).create(&backups);
    made.map_err(|error| format!("{}: {error}", backups.display()))?;
    let class = class(&site, of.as_ref());
    let real = std::mem::replace(&mut site.target, copy.as_target()?);
    site.target = postgres::Target { class, name: real.name, source: real.source, ..site.target };
    // What is made goes with the copy; what is kept elsewhere is looked at, and left as it is.
    site.loaded.config.backups.directories.insert(0, backups);
    // It has no users, and is rehearsed while their window is closed.
    site.loaded.config.policy.windows.clear();
    let backup = match &order.from {
        From::Target => None,
        From::Backup(path) => Some(path.display().to_string()),
    };
    let source = copy.source(order);
    let forbidden = of.is_some().then_some(real.spec);
    let mark = Mark { of, source, backup };
    site.rehearsal = Some(Box::new(Rehearsal { mark, directory, may, forbidden }));
    Ok(site)
}

/// Returns the class to act under, which the copy's own system identifier would hide.
fn class(site: &Site, of: Option<&Identity>) -> Class {
    let declared = site.target.class;
    let pins = site.config().production_pins();
    of.map_or(declared, |found| effective_class(declared, found, &pins))
}
