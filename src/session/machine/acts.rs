//! From a confirmed plan to the end of its last attempt.

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::domain::journal::{Entry, Kind};
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{Action, Confirmed};
use crate::domain::scenario::Scenario;
use crate::session::acting::Acting;
use crate::session::confirm::Origin;
use crate::session::effect::{Effect, Goal, How, Request, Tone};
use crate::session::walk::Walk;

use super::{Session, say};

impl Session {
    pub(super) fn perform(&mut self, confirmed: Confirmed, origin: Origin) -> Vec<Effect> {
        self.acts += 1;
        self.fallen = false;
        let acting = Acting::new(format!("a{}", self.acts), origin, &confirmed, self.now);
        let effect = Effect::Perform {
            act: acting.act.clone(),
            step: acting.step().map(str::to_owned),
            confirmed,
        };
        self.acting.push(acting);
        vec![effect]
    }

    pub(super) fn performed(
        &mut self,
        act: &str,
        outcome: &Outcome,
        confirmed: Option<Confirmed>,
    ) -> Vec<Effect> {
        let Some(at) = self.acting.iter().position(|acting| acting.act == act) else {
            return Vec::new();
        };
        if self.acting[at].ended(outcome, confirmed, self.now) {
            let text = format!("{}: will be tried again", outcome.ending.word());
            return vec![say(Tone::Plain, text), Effect::Refresh];
        }
        self.finished(at, outcome)
    }

    fn finished(&mut self, at: usize, outcome: &Outcome) -> Vec<Effect> {
        let acting = self.acting.remove(at);
        if outcome.scenario == Some(Scenario::Worsened) && acting.stop.is_none() {
            return self.show_again(&acting, outcome);
        }
        let is_own = acting.origin == Origin::Operator && migrates(&acting);
        let tone = match outcome.ending {
            ending if ending.goes_on() => Tone::Good,
            _ if is_own => Tone::Offer,
            _ => Tone::Bad,
        };
        self.fallen = tone == Tone::Offer && !outcome.ending.kept_nothing();
        let said = describe(&acting, outcome);
        if acting.plan.action.is_compared() {
            self.fell = (!outcome.ending.goes_on()).then(|| said.clone());
        }
        let mut effects = vec![Effect::Refresh, say(tone, said)];
        effects.extend(match &acting.origin {
            Origin::Step(_) => self.walking(|walk| walk.performed(&acting, outcome)),
            Origin::Operator => self.procedure_goes_on(&acting, outcome),
        });
        effects.extend(self.closed_at_last());
        effects.extend(self.lets_go_of_run());
        effects
    }

    /// Plans what was confirmed and not run once more: more would be lost than was shown.
    fn show_again(&mut self, acting: &Acting, outcome: &Outcome) -> Vec<Effect> {
        let mut effects = vec![say(Tone::Bad, describe(acting, outcome))];
        effects.extend(match (&acting.origin, &acting.plan.action) {
            (Origin::Step(_), _) => self.walking(|walk| walk.worsened(acting)),
            (Origin::Operator, Action::Migrate { direction, migration, .. })
                if !acting.last_of_its_run() =>
            {
                let (direction, risk) = (*direction, acting.plan.risk);
                let goal = Goal::Only(migration.clone());
                let one = Request::Migrate { direction, goal, risk };
                // What was to follow it still does.
                let request = self.procedure.take().unwrap_or(one);
                self.asked(request, Origin::Operator)
            }
            (Origin::Operator, _) => Vec::new(),
        });
        effects.extend(self.closed_at_last());
        effects.extend(self.lets_go_of_run());
        effects
    }

    /// Closes the run that was over before its last act was, once that has ended.
    fn closed_at_last(&mut self) -> Option<Effect> {
        let of_run = |acting: &Acting| acting.last_of_its_run();
        if self.acting.iter().any(of_run) {
            return None;
        }
        self.closing.take().map(Effect::Close)
    }

    /// Plans the next act of an operator's own procedure after one that was done and that
    /// nobody asked to stop.
    fn procedure_goes_on(&mut self, acting: &Acting, outcome: &Outcome) -> Vec<Effect> {
        if acting.is_signal() {
            return Vec::new();
        }
        match self.procedure.take() {
            Some(next)
                if outcome.ending.goes_on()
                    && acting.stop.is_none()
                    && !acting.plan.ends_procedure() =>
            {
                self.asked(next, Origin::Operator)
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn stop_asked(&mut self, how: How) -> Vec<Effect> {
        let Some(at) = self.acting.iter().position(|acting| !acting.is_signal()) else {
            return vec![say(Tone::Plain, "nothing is running that could be stopped")];
        };
        let acting = &mut self.acting[at];
        acting.stop = Some(how);
        let entry = Entry {
            act: Some(acting.act.clone()),
            attempt: Some(acting.attempt),
            ..Entry::new(Kind::Stop, json!({ "how": format!("{how:?}").to_lowercase() }))
        };
        if acting.give_up() {
            let outcome = Outcome::new(Ending::Stopped, "stopped before its next attempt");
            let mut effects = vec![Effect::Record(entry)];
            effects.extend(self.finished(at, &outcome));
            return effects;
        }
        vec![Effect::Record(entry), Effect::Stop(how)]
    }

    pub(super) fn record_failed(&mut self, why: String) -> Vec<Effect> {
        self.withdraw();
        self.asked = None;
        self.pending = None;
        self.second = None;
        self.procedure = None;
        let text = format!("nothing more is started, because nothing can be recorded: {why}");
        self.unrecorded = Some(why);
        // The end cannot be recorded either; resume finds what is missing.
        self.closing = None;
        let mut effects = vec![say(Tone::Bad, text)];
        effects.extend(self.no_more_attempts(|_| true, "not tried again: it cannot be recorded"));
        effects
    }

    /// Lets go of what the walk has started, since it is over: an act that runs is waited
    /// for, but nothing is tried again and nothing follows.
    pub(super) fn let_go(&mut self) -> Vec<Effect> {
        self.withdraw();
        let effects = self.steps_try_no_more("not tried again: the run is over");
        self.acting.iter_mut().for_each(Acting::disown);
        effects
    }

    /// Takes the attempts that are left from the acts of the walk's steps.
    pub(super) fn steps_try_no_more(&mut self, why: &str) -> Vec<Effect> {
        self.no_more_attempts(|acting| acting.step().is_some(), why)
    }

    /// Takes the attempts that are left from these acts; one that waits for its next
    /// attempt ends.
    fn no_more_attempts(&mut self, whose: impl Fn(&Acting) -> bool, why: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        let waits = |acting: &mut Acting| whose(acting) && acting.give_up();
        while let Some(at) = self.acting.iter_mut().position(waits) {
            effects.extend(self.finished(at, &Outcome::new(Ending::Stopped, why)));
        }
        effects
    }

    pub(super) fn ticked(&mut self, now: DateTime<Utc>) -> Vec<Effect> {
        self.now = Some(now);
        let paused = self.walk.as_deref().is_some_and(Walk::is_paused);
        let may_go = |acting: &&mut Acting| !(paused && acting.step().is_some());
        let due = self.acting.iter_mut().filter(may_go).find_map(|acting| {
            let confirmed = acting.take_due(now)?;
            let step = acting.step().map(str::to_owned);
            Some(Effect::Perform { act: acting.act.clone(), step, confirmed })
        });
        let mut effects: Vec<Effect> = due.into_iter().collect();
        if self.unrecorded.is_none() {
            effects.extend(self.walking(Walk::ticked));
        }
        effects
    }
}

/// Returns one line about the end of an act.
fn describe(acting: &Acting, outcome: &Outcome) -> String {
    let title = &acting.plan.preview.title;
    let ending = outcome.ending.word();
    let message = outcome.message.one_line();
    // An exit code says nothing more where all is well; a database's or backup's name does.
    let tells = matches!(
        acting.plan.action,
        Action::Backup { .. } | Action::Restore { .. } | Action::Rehearse { .. }
    );
    let is_plain = outcome.ending == Ending::Done && outcome.exit_code == Some(0) && !tells;
    let said = if message.is_empty() || is_plain {
        format!("{title}: {ending}")
    } else {
        format!("{title}: {ending}. {message}")
    };
    match outcome.next().filter(|_| acting.plan.action.is_compared()) {
        Some(next) => format!("{said}; {next}"),
        None => said,
    }
}

fn migrates(acting: &Acting) -> bool {
    matches!(acting.plan.action, Action::Migrate { .. })
}
