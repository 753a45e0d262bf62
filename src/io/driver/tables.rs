//! The next act of bringing rows of tables back, on what the tables hold now.

use std::time::Duration;

use tokio::time::timeout;

use super::Inner;
use crate::domain::backup::object;
use crate::domain::identity::Identity;
use crate::domain::plan::Risk;
use crate::domain::untrusted::Untrusted;
use crate::io::postgres::{Purpose, connect, query_error};
use crate::io::tables;
use crate::session::effect::{Previewed, Request};
use crate::session::staging;
use crate::session::tables::{Looked, Next, Order, next, titled};

/// Comparing whole tables takes its time; it holds only ACCESS SHARE.
const LIMIT: Duration = Duration::from_mins(10);

/// A title, what is so now, and the way back.
type Words = (String, Vec<String>, &'static str);

impl Inner {
    /// Plans the next act of an order.
    pub(super) async fn next_of_tables(&self, order: &Order) -> Previewed {
        match self.next_table(order).await {
            Ok((request, None)) => Box::pin(self.planned(&request)).await,
            Ok((request, Some((title, now, back)))) => {
                titled(Box::pin(self.planned(&request)).await, &title, &now, back)
            }
            Err(why) => Previewed::Impossible(why),
        }
    }

    /// Returns what to ask for next, and in which words it is shown where its own do not do.
    async fn next_table(&self, order: &Order) -> Result<(Request, Option<Words>), String> {
        let identity = self.identity().await?;
        let from = self.file_of(order, &identity).await?;
        let looked = timeout(LIMIT, self.look_at(&order.tables)).await;
        let looked = looked.map_err(|_| {
            format!("the tables were not compared within {} min", LIMIT.as_secs() / 60)
        })?;
        let (looked, staged) = looked?;
        Ok(match next(order, &from, &looked, &staged)? {
            Next::Stage(table) => (self.staging(identity, from, table), None),
            Next::Sql { request, title, now, back } => (request, Some((title, now, back))),
        })
    }

    /// Returns where the backup lies.
    async fn file_of(&self, order: &Order, identity: &Identity) -> Result<String, String> {
        let backup = self.backup(&order.backup, identity).await?;
        let shown = || Untrusted::from(backup.location.as_str()).one_line();
        if backup.is_bad() {
            return Err(format!("{} is damaged or incomplete: no row is taken from it", shown()));
        }
        if !backup.is_here() {
            let why = match object::is_elsewhere(&backup.location) {
                true => object::FETCH,
                false => "it is restored by the tool that made it",
            };
            return Err(format!("{}: {why}", shown()));
        }
        Ok(backup.location)
    }

    async fn look_at(&self, names: &[String]) -> Result<(Vec<Looked>, Vec<String>), String> {
        let connection = connect(&self.site.target.spec, Purpose::Work).await;
        let mut connection = connection.map_err(|error| error.to_string())?;
        let mut looked = Vec::new();
        for name in names {
            let shape = tables::look(&mut connection, name).await;
            let shape = shape.map_err(|error| query_error(&error))?;
            let shown = || Untrusted::from(name.as_str()).one_line();
            let shape = shape.ok_or_else(|| format!("there is no table {} here", shown()))?;
            let difference = match shape.staged.is_empty() {
                true => None,
                false => Some(tables::compare(&mut connection, &shape).await),
            };
            looked.push(Looked { shape, difference });
        }
        let staged = tables::staged(&mut connection).await.map_err(|error| query_error(&error))?;
        Ok((looked, staged))
    }

    fn staging(&self, identity: Identity, file: String, table: String) -> Request {
        let job = staging::Job {
            table,
            file,
            state: self.site.paths.state.display().to_string(),
            system: identity.system_identifier,
            oid: identity.database_oid,
        };
        Request::Command { argv: job.argv(), risk: Risk::Safe }
    }
}
