//! The first line: is there a good, recent backup of this database?

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::age;
use crate::domain::backup::{Backup, Inventory, Worth};
use crate::domain::identity::Identity;
use crate::panels::Scene;
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::message::{self, Message};

use super::standing::shown;

/// More problems than this are counted, not listed.
const PROBLEMS: usize = 2;

/// Paints the verdict and what is wrong; returns what is left of `area`. Where that would be
/// less than half, each has one row, and what is neither wrong nor under way has none.
pub(super) fn head(scene: &Scene<'_>, theme: Theme, area: Rect, buf: &mut Buffer) -> Rect {
    let mut all = said(scene);
    let wanted: u16 = all.iter().map(|said| message::height(said, area.width)).sum();
    let is_tight = wanted > area.height / 2;
    if is_tight {
        all.retain(|said| said.tone != Tone::Plain);
    }
    let mut y = area.y;
    for said in all {
        let wanted = if is_tight { 1 } else { message::height(&said, area.width) };
        let height = wanted.min(area.bottom() - y);
        message::render(&said, theme, Rect { y, height, ..area }, buf);
        y += height;
    }
    let y = (y + 1).min(area.bottom());
    Rect { y, height: area.bottom() - y, ..area }
}

fn said(scene: &Scene<'_>) -> Vec<Message> {
    let feed = &scene.facts.backups;
    let now = scene.facts.now;
    let Some(inventory) = feed.value() else {
        return vec![match feed.error() {
            Some(error) => Message::new(
                Tone::Alarm,
                format!("the backups cannot be read: {}. Ctrl-R reads them anew", shown(error)),
            ),
            None => Message::new(Tone::Dim, "reading the backups"),
        }];
    };
    let mut said = vec![verdict(inventory, scene.facts.identity.value(), now)];
    if let Some(error) = feed.error() {
        let old = feed.age(now).map(age::rough).unwrap_or_default();
        let text = format!("as of {old} ago; reading anew failed: {}", shown(error));
        said.push(Message::new(Tone::Warn, text));
    }
    said.extend(problems(&inventory.problems));
    said.extend(crate::panels::restoring::said(scene));
    said
}

fn problems(problems: &[String]) -> Vec<Message> {
    let line = |problem: &String| Message::new(Tone::Warn, shown(problem));
    let mut lines: Vec<Message> = problems.iter().take(PROBLEMS).map(line).collect();
    if problems.len() > PROBLEMS {
        let more = problems.len() - PROBLEMS;
        let text = format!("{more} more: lockkeeper backups lists them");
        lines.push(Message::new(Tone::Warn, text));
    }
    lines
}

fn verdict(inventory: &Inventory, identity: Option<&Identity>, now: DateTime<Utc>) -> Message {
    let max = inventory.max_age;
    if inventory.backups.is_empty() {
        return Message::new(
            Tone::Alarm,
            "there is no backup where the configuration looks for them",
        );
    }
    let Some(identity) = identity else {
        let text = "cannot tell which backups are of this database: nobody answers";
        return Message::new(Tone::Warn, text);
    };
    if let Some((newest, old)) = newest_good(inventory, identity, now) {
        let old_words = age::rough(old);
        let is_recent = old.to_std().is_ok_and(|old| old <= max.duration());
        if !is_recent {
            let text =
                format!("no backup younger than {max}: the newest good one is {old_words} old");
            return Message::new(Tone::Alarm, text);
        }
        return proven(inventory, newest, &old_words);
    }
    let adopted = inventory.backups.iter().filter(|backup| {
        backup.is_of(identity) != Some(false) && Worth::of(backup) <= Worth::Complete
    });
    let text = match adopted.count() {
        0 => "no backup of this database is known to be complete".to_owned(),
        n => format!(
            "no backup known to be younger than {max}: {n} complete without a manifest, and an archive's clock has no zone"
        ),
    };
    Message::new(Tone::Alarm, text)
}

fn newest_good<'a>(
    inventory: &'a Inventory,
    identity: &Identity,
    now: DateTime<Utc>,
) -> Option<(&'a Backup, chrono::TimeDelta)> {
    let good = inventory.backups.iter().filter(|backup| {
        let is_whole = backup.is_full() && Worth::of(backup) <= Worth::Complete;
        is_whole && backup.is_of(identity) == Some(true)
    });
    good.filter_map(|backup| Some((backup, backup.age(now)?))).min_by_key(|(_, old)| *old)
}

fn proven(inventory: &Inventory, newest: &Backup, old: &str) -> Message {
    let required = inventory.required;
    let level = newest.level();
    if level >= Some(required) {
        let level = level.map_or_else(String::new, |level| format!(", proven to {level}"));
        return Message::new(Tone::Ok, format!("newest good backup: {old} old, complete{level}"));
    }
    let beyond =
        level.map_or_else(|| "not proven".to_owned(), |l| format!("not proven beyond {l}"));
    let text =
        format!("newest good backup: {old} old, complete, {beyond}; {required} is asked for");
    Message::new(Tone::Warn, text)
}
