//! Counting what a migration would lose: bounded, read-only, and never behind a lock.

use std::time::{Duration, Instant};

use chrono::Utc;

use super::reader::{Error, Reader};
use crate::domain::loss::{Loss, MOST};
use crate::source::sql::question;

/// How long one count may take.
const LIMIT: Duration = Duration::from_secs(1);
/// How long all counts of one look may take together.
const ALL: Duration = Duration::from_secs(5);

impl Reader {
    /// Runs the probes, one after the other: each in a READ ONLY transaction for at most a
    /// second, and for none of them a lock is waited for. What takes longer is counted up to
    /// [`MOST`]; what cannot be told says why.
    pub async fn count(&mut self, losses: &mut [Loss]) {
        let began = Instant::now();
        for loss in losses {
            loss.counted_at = Some(Utc::now());
            let told = match &loss.probe {
                None => Err("no query can tell".to_owned()),
                Some(_) if began.elapsed() > ALL => {
                    Err(format!("counting took {} s already", ALL.as_secs()))
                }
                Some(probe) => self.counted(probe, loss.bounded().as_deref()).await,
            };
            match told {
                Ok((rows, more)) => (loss.rows, loss.more, loss.unknown) = (Some(rows), more, None),
                Err(why) => (loss.rows, loss.more, loss.unknown) = (None, false, Some(why)),
            }
        }
    }

    async fn counted(&mut self, probe: &str, bounded: Option<&str>) -> Result<(u64, bool), String> {
        // What is compiled from a migration may call anything.
        question::only_reads(probe).map_err(|refused| refused.to_string())?;
        let whole = match self.number(probe).await {
            Err(Error::Refused { code, .. }) if code == "57014" => None,
            whole => Some(whole),
        };
        if let Some(whole) = whole {
            return whole.map(|rows| (rows, false)).map_err(|error| why(&error));
        }
        let some = match bounded {
            Some(bounded) => self.number(bounded).await.map_err(|error| why(&error))?,
            None => return Err(format!("it takes longer than {} s", LIMIT.as_secs())),
        };
        Ok((some.min(MOST), some > MOST))
    }

    async fn number(&mut self, select: &str) -> Result<u64, Error> {
        let value = self.value(select, &[], LIMIT).await?;
        let none = || Error::Query("it gave no number".to_owned());
        value.and_then(|value| value.parse().ok()).ok_or_else(none)
    }
}

fn why(error: &Error) -> String {
    match error {
        Error::Refused { code, .. } if code == "55P03" => {
            "the table is locked, and it is not waited for".to_owned()
        }
        Error::Refused { code, .. } if code == "57014" => {
            format!("it takes longer than {} s", LIMIT.as_secs())
        }
        Error::Refused { code, .. } if code == "42P01" => "the table is not there".to_owned(),
        Error::Refused { code, .. } if code == "42703" => "the column is not there".to_owned(),
        other => other.to_string(),
    }
}
