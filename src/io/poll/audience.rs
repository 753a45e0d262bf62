//! Those who hear what the monitor sees, and those who ask it.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::{Ended, Question};
use crate::domain::counters::Surroundings;
use crate::domain::snapshot::Snapshot;
use crate::session::news::News;

/// Both ends of the monitor's channels.
pub(super) struct Audience {
    news: mpsc::UnboundedSender<News>,
    questions: mpsc::UnboundedReceiver<Question>,
    /// Who waits for the next look.
    asked: Vec<Question>,
    /// Why nothing can be answered now; `None` while there is hope.
    refused: Option<String>,
}

impl Audience {
    pub fn new(
        news: mpsc::UnboundedSender<News>,
        questions: mpsc::UnboundedReceiver<Question>,
    ) -> Self {
        Self { news, questions, asked: Vec::new(), refused: None }
    }

    pub fn tell(&self, item: News) {
        // Nobody listens any more when the console is leaving.
        drop(self.news.send(item));
    }

    /// Returns true if somebody waits for an answer.
    pub fn has_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Tells what was seen; from now on there is hope again.
    pub fn show(&mut self, snapshot: Snapshot) {
        self.refused = None;
        self.tell(News::Snapshot(Ok(Box::new(snapshot))));
    }

    /// Gives a look to all who asked before it.
    pub fn answer(&mut self, snapshot: Option<&Snapshot>, slow: Option<&Surroundings>) {
        let Some(snapshot) = snapshot else { return };
        for question in self.asked.drain(..) {
            drop(question.send(Ok((snapshot.clone(), slow.cloned()))));
        }
    }

    /// Tells everybody that there is nothing new, and why; whoever asks from now on is told
    /// the same at once.
    pub fn refuse(&mut self, why: String) {
        self.tell(News::Snapshot(Err(why.clone())));
        for question in self.asked.drain(..) {
            drop(question.send(Err(why.clone())));
        }
        self.refused = Some(why);
    }

    /// Waits for questions, at most for `rest`.
    pub async fn listen(&mut self, rest: Duration) -> Result<(), Ended> {
        tokio::select! {
            () = self.news.closed() => return Err(Ended::Left),
            question = self.questions.recv() => self.asked.push(question.ok_or(Ended::Left)?),
            () = sleep(rest) => {}
        }
        while let Ok(question) = self.questions.try_recv() {
            self.asked.push(question);
        }
        Ok(())
    }

    /// Does `work`, and meanwhile refuses all questions: an outage is no reason to wait.
    /// Before the first look they wait, since that is about to come.
    pub async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Ended> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                () = self.news.closed() => return Err(Ended::Left),
                question = self.questions.recv() => self.meet(question.ok_or(Ended::Left)?),
            }
        }
    }

    fn meet(&mut self, question: Question) {
        match &self.refused {
            Some(why) => drop(question.send(Err(why.clone()))),
            None => self.asked.push(question),
        }
    }
}
