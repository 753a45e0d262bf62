//! The keys of a full restore, why each is off, and which ways to restore are open here.

use super::{Ask, Command, Scene, may};
use crate::domain::backup::{Backup, Scope};
use crate::domain::restore::{Found, Goal, Mark, Next, Order, Standing, Stated, next};
use crate::domain::untrusted::Untrusted;
use crate::session::effect::Request;
use crate::ui::bindings::{Binding, Key, Reason};
use crate::ui::theme::Tone;
use crate::ui::widgets::message::Message;

/// Returns the keys; `shown` is the backup that is meant.
pub(super) fn bindings(scene: &Scene<'_>, shown: Option<&Backup>) -> Vec<Binding<Command>> {
    let help = "restore the selected backup into a new database, then swap it in: act by act, each asks first";
    let restore = Binding::new(Key::char('t'), "restore", help, Command::Restore);
    let mut all = vec![restore.when(may::plan(scene).and_then(|()| can_restore(scene, shown)))];
    if standing(scene).is_some_and(|standing| standing.world.old().is_some()) {
        let help = "swap back to the database from before the last swap (asks first)";
        let undo = Binding::new(Key::char('T'), "swap back", help, Command::SwapBack);
        all.push(undo.when(may::plan(scene)));
    }
    if left_over(scene).is_some() {
        let help = "drop the new database of a restore that came to no end (asks first)";
        let drop = Binding::new(Key::char('D'), "drop left-over", help, Command::DropLeftOver);
        all.push(drop.when(may::plan(scene)));
    }
    all
}

/// Returns what a key asks for.
pub(super) fn ask(command: &Command, scene: &Scene<'_>, shown: Option<&Backup>) -> Option<Ask> {
    let goal = match command {
        Command::Restore => Goal::Backup(shown?.location.clone()),
        Command::SwapBack => Goal::Undo,
        Command::DropLeftOver => Goal::Drop(left_over(scene)?.name.clone()),
        _ => return None,
    };
    let order = Order::to(goal);
    let plain = Request::Restore(order.clone());
    let Some((words, stated)) = standing(scene).and_then(|standing| open(standing, &order.goal))
    else {
        return Some(Ask::Plan(plain));
    };
    let said = Request::Restore(Order { stated, ..order });
    Some(Ask::Which(
        "No statement can tell: have you looked?".to_owned(),
        vec![
            (format!("I have looked: {words}"), said),
            ("not yet: say what speaks against it".to_owned(), plain),
        ],
    ))
}

/// Returns what only a person can tell before the next act.
fn open(standing: &Standing, goal: &Goal) -> Option<(String, Stated)> {
    match next(goal, &standing.world) {
        Next::Act(act, _) => standing.preflight.open(act),
        Next::Impossible(_) => None,
    }
}

/// Returns what restores have left here, and whether one is possible.
pub(super) fn said(scene: &Scene<'_>) -> Vec<Message> {
    let feed = &scene.facts.restore;
    let Some(standing) = feed.value() else {
        let why =
            feed.error().map(|why| format!("which restores are possible cannot be told: {why}"));
        return why.map(|why| Message::new(Tone::Warn, shown(&why))).into_iter().collect();
    };
    let (tone, text) = way(standing);
    let mut said = vec![Message::new(tone, text)];
    said.extend(standing.world.under_way().map(|found| {
        let text = format!("{} is being loaded by a restore", shown(&found.name));
        Message::new(Tone::Accent, text)
    }));
    let left_over = standing.world.left_over().enumerate();
    said.extend(left_over.map(|(at, found)| left(found, at == 0)));
    if let Some((old, _)) = standing.world.old() {
        let text =
            format!("the database from before the last swap is kept as {}", shown(&old.name));
        said.push(Message::new(Tone::Plain, text));
    }
    said
}

/// The key drops the first of several.
fn left(found: &Found, is_first: bool) -> Message {
    let drops = if is_first { "D drops it" } else { "" };
    let name = shown(&found.name);
    let text = match &found.mark {
        Some(Mark::New { backup, .. }) if found.is_loaded() => format!(
            "{name} is loaded and waits for its swap: t on {} goes on",
            shown(backup.rsplit('/').next().unwrap_or_default())
        ),
        _ => format!("{name} is left over from a restore that came to no end"),
    };
    let text = if drops.is_empty() { text } else { format!("{text}; {drops}") };
    Message::new(Tone::Warn, text)
}

/// Returns whether a full restore is possible here, and what speaks against it.
pub(super) fn way(standing: &Standing) -> (Tone, String) {
    let ways = standing.preflight.ways();
    let closed: Vec<&str> = ways.iter().flat_map(|way| &way.closed).map(String::as_str).collect();
    if closed.is_empty() {
        let text = "a full restore is possible here: a new database, swapped in by its name";
        return (Tone::Plain, text.to_owned());
    }
    (Tone::Warn, shown(&format!("a full restore is not possible here: {}", closed.join("; "))))
}

fn standing<'a>(scene: &Scene<'a>) -> Option<&'a Standing> {
    scene.facts.restore.value()
}

fn left_over<'a>(scene: &Scene<'a>) -> Option<&'a Found> {
    standing(scene)?.world.left_over().next()
}

fn can_restore(scene: &Scene<'_>, shown: Option<&Backup>) -> Result<(), Reason> {
    let backup = shown.ok_or_else(|| Reason::new("there is no backup to restore"))?;
    let identity = scene.facts.identity.value();
    let identity = identity.ok_or_else(|| Reason::new("the server has not answered yet"))?;
    if !identity.primary {
        return Err(Reason::new("this server is a replica: connect to its primary"));
    }
    if backup.is_bad() {
        return Err(Reason::new("it is damaged or incomplete"));
    }
    if backup.is_of(identity) == Some(false) {
        return Err(Reason::new("it is of another database"));
    }
    match backup.scope {
        Some(Scope::Full) => Ok(()),
        _ => Err(Reason::new("it does not hold the whole database")),
    }
}

fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}
