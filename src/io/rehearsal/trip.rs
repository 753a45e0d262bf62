//! The round trip of one migration on the copy: up; then, on a clone of what that led to, down,
//! up again, and down once more over rows that were written in between.

use super::rows::Counter;
use super::run::{Ran, Started};
use super::sentinel::Sentinels;
use super::shape::shape;
use super::tool::Hands;
use super::{ground, sentinel};
use crate::domain::plan::Digest;
use crate::domain::rehearsal::{Down, Ended, Leg, Lock, Look, Statement, Step, Trip, Written};
use crate::io::postgres::query_error;
use crate::tools::{Act, Intent, Project, Refused};

/// What came of it.
pub(super) struct Went {
    pub trip: Trip,
    /// The statements of the way up.
    pub statements: Vec<Statement>,
    /// The locks that were seen instead, where those could not be measured.
    pub sampled: Option<Vec<Lock>>,
    /// The project where the way up has led.
    pub project: Project,
    /// The program of the next way up.
    pub ahead: Option<Started>,
}

/// The migrations on their way through the copy.
pub(super) struct Traveller<'a> {
    pub hands: Hands<'a>,
    pub counter: Counter,
    /// What the tool obeyed when it was proven to connect to the copy.
    pub proven: Option<Vec<Digest>>,
}

impl Traveller<'_> {
    /// Proves that the tool connects to the copy, unless it obeys what it obeyed then; returns
    /// the program that was started ahead, if it was under that proof.
    pub async fn prove(
        &mut self,
        project: &Project,
        ahead: Option<Started>,
    ) -> Result<Option<Started>, String> {
        let obeyed = self.obeyed(project);
        if self.proven.as_ref() == Some(&obeyed) {
            return Ok(ahead);
        }
        // What it reads to find its database may lead elsewhere now.
        self.hands.cancel(ahead).await;
        self.hands.prove().await?;
        self.proven = Some(obeyed);
        Ok(None)
    }

    fn obeyed(&self, project: &Project) -> Vec<Digest> {
        ground::obeyed(&self.hands.site.tree(), project)
    }

    /// Looks at the database that bears the target's name now, as `project` was read in it.
    pub async fn look(&mut self, project: &Project) -> Result<Look, String> {
        let books = self.hands.books();
        let mut eye = self.hands.eye().await?;
        let told = |error: sqlx::Error| format!("the copy cannot be read: {}", query_error(&error));
        let shape = shape(&mut eye, &books).await.map_err(told)?;
        let rows = self.counter.rows(&mut eye, &books).await.map_err(told)?;
        self.hands.eye = Some(eye);
        Ok(Look { shape, rows, revision: revision(project) })
    }

    /// Takes one migration on its round trip, from what `before` shows, and leaves the database
    /// where its way up has led. The program of its way up may have been `started` ahead, as that
    /// of the `next` one is.
    pub async fn travel(
        &mut self,
        (id, next): (&str, Option<&str>),
        before: Look,
        project: &Project,
        started: Option<Started>,
        tell: &mut dyn FnMut(Leg),
    ) -> Result<Went, String> {
        let act = self.hands.act(project, &Intent::Up(id.to_owned()));
        let act = act.map_err(|refused| refused.to_string())?;
        tell(Leg::Up);
        let ran = self.hands.run(&act, started).await?;
        let (statements, sampled) = (ran.statements.clone(), ran.sampled.clone());
        let project = self.hands.project().await?;
        let down = went(&ran, &act, &project).then(|| self.down_act(&project, id));
        let ahead = self.ahead(down.as_ref().and_then(|down| down.as_ref().ok())).await;
        let after = self.look(&project).await?;
        let up = step(ran, &act, after);
        let mut trip = Trip { before, up, down: None, again: None, written: None };
        let mut next_ahead = None;
        match down {
            None => {}
            Some(Err(down)) => trip.down = Some(*down),
            Some(Ok(act)) => {
                let next = next.filter(|_| self.proven.as_ref() == Some(&self.obeyed(&project)));
                let next = next.and_then(|id| self.up_act(&project, id));
                next_ahead = self.back(id, (&act, ahead), next.as_ref(), &mut trip, tell).await?;
            }
        }
        Ok(Went { trip, statements, sampled, project, ahead: next_ahead })
    }

    /// Starts the program of what comes next while the copy is still being looked at.
    async fn ahead(&mut self, act: Option<&Act>) -> Option<Started> {
        self.hands.start_ahead(act?).await
    }

    fn up_act(&self, project: &Project, id: &str) -> Option<Act> {
        self.hands.act(project, &Intent::Up(id.to_owned())).ok()
    }

    /// Goes back and forth on a clone; returns the program of what comes after it.
    async fn back(
        &mut self,
        id: &str,
        (act, started): (&Act, Option<Started>),
        next: Option<&Act>,
        trip: &mut Trip,
        tell: &mut dyn FnMut(Leg),
    ) -> Result<Option<Started>, String> {
        // What is learned of a clone is no more true of the next one.
        let counter = self.counter.clone();
        self.hands.let_go().await;
        self.hands.copy.begin_trial().await?;
        let done = self.try_back(id, (act, started), next, trip, tell).await;
        self.hands.let_go().await;
        let ended = self.hands.copy.end_trial().await;
        self.counter = counter;
        let ahead = done?;
        ended.map(|()| ahead)
    }

    /// Returns how the tool goes down, or what is known without trying.
    fn down_act(&self, project: &Project, id: &str) -> Result<Act, Box<Down>> {
        let missing = |why: String| Box::new(Down::Missing(why));
        if project.migration(id).is_some_and(|migration| migration.down.is_none()) {
            return Err(missing(format!("{id} has no way down")));
        }
        match self.hands.act(project, &Intent::Down(id.to_owned())) {
            Ok(act) => Ok(act),
            Err(refused @ Refused::NoWayDown(_)) => Err(missing(refused.to_string())),
            Err(refused) => Err(Box::new(Down::Ran(cannot(refused.to_string())))),
        }
    }

    async fn try_back(
        &mut self,
        id: &str,
        (act, started): (&Act, Option<Started>),
        next: Option<&Act>,
        trip: &mut Trip,
        tell: &mut dyn FnMut(Leg),
    ) -> Result<Option<Started>, String> {
        tell(Leg::Down);
        let ran = self.hands.run(act, started).await?;
        let project = self.hands.project().await?;
        let again = self.hands.act(&project, &Intent::Up(id.to_owned()));
        let has_gone = went(&ran, act, &project);
        let ahead = self.ahead(again.as_ref().ok().filter(|_| has_gone)).await;
        let after = self.look(&project).await?;
        let down = step(ran, act, after);
        let is_back = has_gone && down.after.shape.is_same(&trip.before.shape);
        trip.down = Some(Down::Ran(down));
        if !is_back {
            self.hands.cancel(ahead).await;
            return Ok(self.ahead(next).await);
        }
        tell(Leg::Again);
        let (again, ahead) = self.again(id, again, ahead).await?;
        let is_same = again.ended == Ended::Well
            && again.after.shape.is_same(&trip.up.after.shape)
            && again.after.rows == trip.up.after.rows;
        trip.again = Some(again);
        if !is_same {
            self.hands.let_go().await;
            self.hands.copy.next_trial().await?;
        }
        let written = self.written(id, trip, ahead, next, tell).await;
        let (written, ahead) = written.map_or_else(|why| (Err(why), None), |(w, a)| (Ok(w), a));
        trip.written = Some(written);
        Ok(ahead)
    }

    /// Goes up once more; returns with it the program of the way down that follows.
    async fn again(
        &mut self,
        id: &str,
        act: Result<Act, Refused>,
        started: Option<Started>,
    ) -> Result<(Step, Option<Started>), String> {
        let act = match act {
            Ok(act) => act,
            Err(refused) => return Ok((cannot(refused.to_string()), None)),
        };
        let ran = self.hands.run(&act, started).await?;
        let project = self.hands.project().await?;
        let down = self.hands.act(&project, &Intent::Down(id.to_owned())).ok();
        let ahead = self.ahead(down.as_ref().filter(|_| went(&ran, &act, &project))).await;
        let after = self.look(&project).await?;
        Ok((step(ran, &act, after), ahead))
    }

    /// Writes rows, goes down over them, and sees what is gone; `Err`: why nothing can be told.
    async fn written(
        &mut self,
        id: &str,
        trip: &Trip,
        started: Option<Started>,
        next: Option<&Act>,
        tell: &mut dyn FnMut(Leg),
    ) -> Result<(Written, Option<Started>), String> {
        tell(Leg::Rows);
        let books = self.hands.books();
        let (sentinels, act) = match self.rows_written(id, trip).await {
            Ok(written) => written,
            Err(why) => {
                // What was started ahead would write into the next run's output.
                self.hands.cancel(started).await;
                return Err(why);
            }
        };
        let ran = self.hands.run(&act, started).await?;
        let ahead = self.ahead(next).await;
        let mut eye = self.hands.eye().await?;
        let shape = shape(&mut eye, &books).await.map_err(|error| unwritten(&error))?;
        let vanished = match ran.ended {
            Ended::Well => sentinels.vanished(&mut eye).await.map_err(|error| unwritten(&error))?,
            _ => Vec::new(),
        };
        self.hands.eye = Some(eye);
        let revision = revision(&self.hands.project().await?);
        // The rows that were written are no part of what the migration leaves.
        let after = Look { shape, rows: trip.up.after.rows.clone(), revision };
        let down = step(ran, &act, after);
        Ok((Written { down, vanished, unwritten: sentinels.unwritten }, ahead))
    }

    /// Writes the rows, and returns them with the act that goes down over them.
    async fn rows_written(&mut self, id: &str, trip: &Trip) -> Result<(Sentinels, Act), String> {
        let books = self.hands.books();
        let mut eye = self.hands.eye().await?;
        let (before, after) = (&trip.before.shape, &trip.up.after.shape);
        let sentinels = sentinel::write(&mut eye, &books, before, after)
            .await
            .map_err(|error| unwritten(&error))?;
        self.hands.eye = Some(eye);
        let project = self.hands.project().await?;
        let act = self.hands.act(&project, &Intent::Down(id.to_owned()));
        Ok((sentinels, act.map_err(|refused| refused.to_string())?))
    }
}

fn unwritten(error: &sqlx::Error) -> String {
    format!("no rows could be written: {}", query_error(error))
}

fn revision(project: &Project) -> Vec<String> {
    let mut revision = project.graph.current();
    revision.sort_unstable();
    revision
}

fn expected(act: &Act) -> Vec<String> {
    let mut expected = act.after.clone();
    expected.sort_unstable();
    expected
}

/// Returns true for a run that ended well and where it should.
fn went(ran: &Ran, act: &Act, project: &Project) -> bool {
    ran.ended == Ended::Well && revision(project) == expected(act)
}

fn step(ran: Ran, act: &Act, after: Look) -> Step {
    let Ran { ended, said, took_s, .. } = ran;
    Step { ended, said, took_s, expected: expected(act), after }
}

fn cannot(why: String) -> Step {
    Step {
        ended: Ended::CannotTell(why),
        said: String::new().into(),
        took_s: 0.0,
        expected: Vec::new(),
        after: Look::default(),
    }
}
