//! Bringing rows of tables back out of a backup, act by act: every table is staged beside the
//! live one, what differs is merged, and what was staged goes at the end. Which act is the next
//! one follows from what the tables hold.

use crate::domain::plan::{Plan, Risk};
use crate::domain::tables::{Classes, Difference, Shape, unstaging};

use super::effect::{Previewed, Request};

/// What is to be brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The backup: its name, its place, or `newest`.
    pub backup: String,
    /// The tables, as SQL names them.
    pub tables: Vec<String>,
    /// Which of their rows.
    pub classes: Classes,
    /// What the step declares of the merge.
    pub risk: Risk,
}

/// One of the tables, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// The table.
    pub shape: Shape,
    /// How it differs from what is staged; `None`: nothing is.
    pub difference: Option<Result<Difference, String>>,
}

/// The next act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Stages this table, as SQL names it.
    Stage(String),
    /// Runs this SQL.
    Sql {
        /// What is asked to be planned.
        request: Request,
        /// What it is called.
        title: String,
        /// What to know before it runs.
        now: Vec<String>,
        /// The way back.
        back: &'static str,
    },
}

/// Returns the next act. `from`: where the backup lies; `staged`: the names of all tables that
/// are staged, of this order or not.
///
/// # Errors
/// Why there can be none.
pub fn next(
    order: &Order,
    from: &str,
    looked: &[Looked],
    staged: &[String],
) -> Result<Next, String> {
    // All are staged before any is merged: they are of one moment of the backup, and a file
    // that does not load is found before a row has changed.
    for Looked { shape, .. } in looked {
        if shape.staged.is_empty() {
            return Ok(Next::Stage(shape.live()));
        }
        is_of(shape, from)?;
    }
    for Looked { shape, difference } in looked {
        let difference = difference.clone().unwrap_or_else(|| Err("it was not counted".into()));
        let difference = difference
            .map_err(|why| format!("how {} differs cannot be told: {why}", shape.live()))?;
        if difference.of(order.classes) > 0 {
            return merge(order, shape, difference);
        }
    }
    let shapes: Vec<&Shape> = looked.iter().map(|one| &one.shape).collect();
    let alone = staged.iter().all(|name| shapes.iter().any(|shape| shape.name == *name));
    let text = unstaging(&shapes, alone);
    let left = looked.iter().filter_map(|one| one.difference.clone()?.ok().zip(Some(&one.shape)));
    let left = left.map(|(difference, shape)| format!("{}: {difference}", shape.live()));
    Ok(Next::Sql {
        request: Request::Sql { text, risk: Risk::Safe },
        title: "remove what was staged".to_owned(),
        now: left.collect(),
        back: "stage them again: the backup is not touched",
    })
}

/// Refuses what was staged by somebody else: merging it would mix two backups.
fn is_of(shape: &Shape, from: &str) -> Result<(), String> {
    if shape.staged_from.as_deref() == Some(from) {
        return Ok(());
    }
    let (stage, live) = (shape.stage(), shape.live());
    let of = shape.staged_from.as_deref().unwrap_or("a backup that it does not name");
    Err(format!(
        "{stage} was staged out of {of}: merge it, or remove it by lockkeeper restore-table drop \
         {live}"
    ))
}

fn merge(order: &Order, shape: &Shape, difference: Difference) -> Result<Next, String> {
    let text = shape.merge(order.classes)?;
    let risk = if order.classes.destroys() { Risk::Destructive } else { Risk::Lossy };
    let words = order.classes.words().join(" and ");
    let mut now = vec![format!("{difference}; brought back is what is {words}")];
    now.extend(shape.cautions());
    Ok(Next::Sql {
        request: Request::Sql { text, risk: risk.max(order.risk) },
        title: format!("merge the rows of {}", shape.live()),
        now,
        back: "none of its own: what a row held before is gone with the commit, but for a backup \
               that is made first",
    })
}

/// Puts the words of [`Next::Sql`] on its plan.
#[must_use]
pub fn titled(previewed: Previewed, title: &str, now: &[String], back: &str) -> Previewed {
    let told = |mut plan: Box<Plan>| {
        title.clone_into(&mut plan.preview.title);
        plan.preview.now.splice(0..0, now.iter().cloned());
        back.clone_into(&mut plan.preview.back);
        plan
    };
    match previewed {
        Previewed::Plan(plan) => Previewed::Plan(told(plan)),
        other => other,
    }
}
