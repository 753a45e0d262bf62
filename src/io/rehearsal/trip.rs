//! The round trip of one migration on the copy: up; then, on a clone of what that led to, down,
//! up again, and down once more over rows that were written in between.

use sqlx::Connection as _;

use super::rows::Counter;
use super::sentinel;
use super::shape::shape;
use super::tool::{Hands, Ran};
use crate::domain::rehearsal::{Down, Ended, Leg, Look, Statement, Step, Trip, Written};
use crate::io::postgres::query_error;
use crate::tools::{Act, Intent, Project, Refused};

/// What came of it.
pub(super) struct Went {
    pub trip: Trip,
    /// The statements of the way up.
    pub statements: Vec<Statement>,
}

/// The migrations on their way through the copy.
pub(super) struct Traveller<'a> {
    pub hands: Hands<'a>,
    pub counter: Counter,
}

impl Traveller<'_> {
    /// Looks at the database that bears the target's name now.
    pub async fn look(&mut self) -> Result<(Look, Project), String> {
        let mut counter = std::mem::take(&mut self.counter);
        let looked = self.look_with(&mut counter).await;
        self.counter = counter;
        looked
    }

    async fn look_with(&self, counter: &mut Counter) -> Result<(Look, Project), String> {
        let books = self.hands.books();
        let mut connection = self.hands.copy.connect(&self.hands.copy.database).await?;
        let told = |error: sqlx::Error| format!("the copy cannot be read: {}", query_error(&error));
        let shape = shape(&mut connection, &books).await.map_err(told)?;
        let rows = counter.rows(&mut connection, &books).await.map_err(told)?;
        drop(connection.close().await);
        let project = self.hands.project().await?;
        let mut revision = project.graph.current();
        revision.sort_unstable();
        Ok((Look { shape, rows, revision }, project))
    }

    /// Takes one migration on its round trip, from what `before` shows, and leaves the database
    /// where its way up has led.
    pub async fn travel(
        &mut self,
        id: &str,
        before: Look,
        project: &Project,
        tell: &mut dyn FnMut(Leg),
    ) -> Result<Went, String> {
        let intent = Intent::Up(id.to_owned());
        let act = self.hands.act(project, &intent).map_err(|refused| refused.to_string())?;
        tell(Leg::Up);
        let ran = self.hands.run(&act).await?;
        let statements = ran.statements.clone();
        let (after, project) = self.look().await?;
        let up = step(ran, &act, after);
        let mut trip = Trip { before, up, down: None, again: None, written: None };
        if trip.up.ended == Ended::Well && trip.up.after.revision == trip.up.expected {
            self.back(id, &project, &mut trip, tell).await?;
        }
        Ok(Went { trip, statements })
    }

    /// Goes back and forth on a clone.
    async fn back(
        &mut self,
        id: &str,
        project: &Project,
        trip: &mut Trip,
        tell: &mut dyn FnMut(Leg),
    ) -> Result<(), String> {
        let act = match self.down_act(project, id) {
            Ok(act) => act,
            Err(down) => {
                trip.down = Some(*down);
                return Ok(());
            }
        };
        self.hands.copy.begin_trial().await?;
        let done = self.try_back(id, &act, trip, tell).await;
        let ended = self.hands.copy.end_trial().await;
        done.and(ended)
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
        act: &Act,
        trip: &mut Trip,
        tell: &mut dyn FnMut(Leg),
    ) -> Result<(), String> {
        tell(Leg::Down);
        let ran = self.hands.run(act).await?;
        let mut counter = self.counter.clone();
        let (after, project) = self.look_with(&mut counter).await?;
        let down = step(ran, act, after);
        let is_back = down.ended == Ended::Well
            && down.after.revision == down.expected
            && down.after.shape.is_same(&trip.before.shape);
        trip.down = Some(Down::Ran(down));
        if !is_back {
            return Ok(());
        }
        tell(Leg::Again);
        let again = match self.hands.act(&project, &Intent::Up(id.to_owned())) {
            Err(refused) => cannot(refused.to_string()),
            Ok(act) => {
                let ran = self.hands.run(&act).await?;
                let (after, _) = self.look_with(&mut counter).await?;
                step(ran, &act, after)
            }
        };
        let is_same = again.ended == Ended::Well
            && again.after.shape.is_same(&trip.up.after.shape)
            && again.after.rows == trip.up.after.rows;
        trip.again = Some(again);
        if !is_same {
            self.hands.copy.next_trial().await?;
        }
        trip.written = Some(self.written(id, trip, tell).await);
        Ok(())
    }

    /// Writes rows, goes down over them, and sees what is gone; `Err`: why nothing can be told.
    async fn written(
        &mut self,
        id: &str,
        trip: &Trip,
        tell: &mut dyn FnMut(Leg),
    ) -> Result<Written, String> {
        tell(Leg::Rows);
        let books = self.hands.books();
        let told =
            |error: sqlx::Error| format!("no rows could be written: {}", query_error(&error));
        let mut connection = self.hands.copy.connect(&self.hands.copy.database).await?;
        let (before, after) = (&trip.before.shape, &trip.up.after.shape);
        let sentinels =
            sentinel::write(&mut connection, &books, before, after).await.map_err(told)?;
        drop(connection.close().await);
        let project = self.hands.project().await?;
        let intent = Intent::Down(id.to_owned());
        let act = self.hands.act(&project, &intent).map_err(|refused| refused.to_string())?;
        let ran = self.hands.run(&act).await?;
        let mut connection = self.hands.copy.connect(&self.hands.copy.database).await?;
        let shape = shape(&mut connection, &books).await.map_err(told)?;
        let vanished = match ran.ended {
            Ended::Well => sentinels.vanished(&mut connection).await.map_err(told)?,
            _ => Vec::new(),
        };
        drop(connection.close().await);
        let mut revision = self.hands.project().await?.graph.current();
        revision.sort_unstable();
        // The rows that were written are no part of what the migration leaves.
        let after = Look { shape, rows: trip.up.after.rows.clone(), revision };
        Ok(Written { down: step(ran, &act, after), vanished, unwritten: sentinels.unwritten })
    }
}

fn step(ran: Ran, act: &Act, after: Look) -> Step {
    let Ran { ended, said, took_s, .. } = ran;
    let mut expected = act.after.clone();
    expected.sort_unstable();
    Step { ended, said, took_s, expected, after }
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
