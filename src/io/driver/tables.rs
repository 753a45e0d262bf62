//! The next act of bringing rows of tables back, on what the tables hold now.

use std::time::Duration;

use tokio::time::timeout;

use super::Inner;
use crate::domain::backup::object;
use crate::domain::identity::Identity;
use crate::domain::plan::Risk;
use crate::domain::untrusted::Untrusted;
use crate::io::postgres::{Purpose, connect};
use crate::io::tables;
use crate::session::effect::{Previewed, Request};
use crate::session::staging;
use crate::session::tables::{Looked, Next, Order, next, titled};

/// Comparing whole tables takes its time; it holds only ACCESS SHARE.
const LIMIT: Duration = Duration::from_mins(10);

impl Inner {
    /// Plans the next act of an order.
    pub(super) async fn next_of_tables(&self, order: &Order) -> Previewed {
        match self.next_table(order).await {
            Ok(Next::Stage(table)) => match self.staging(order, table).await {
                Ok(request) => Box::pin(self.planned(&request)).await,
                Err(why) => Previewed::Impossible(why),
            },
            Ok(Next::Sql { request, title, now, back }) => {
                titled(Box::pin(self.planned(&request)).await, &title, &now, back)
            }
            Err(why) => Previewed::Impossible(why),
        }
    }

    async fn next_table(&self, order: &Order) -> Result<Next, String> {
        let identity = self.identity().await?;
        let from = self.file_of(order, &identity).await?;
        let looked = timeout(LIMIT, self.look_at(&order.tables)).await;
        let looked = looked.map_err(|_| {
            format!("the tables were not compared within {} min", LIMIT.as_secs() / 60)
        })?;
        let (looked, staged) = looked?;
        next(order, &from, &looked, &staged)
    }

    /// Returns where the backup lies.
    async fn file_of(&self, order: &Order, identity: &Identity) -> Result<String, String> {
        let backup = self.backup(&order.backup, identity).await?;
        let shown = || Untrusted::from(backup.location.as_str()).one_line();
        if backup.is_bad() {
            return Err(format!("{} is damaged or incomplete: no row is taken from it", shown()));
        }
        if object::is_elsewhere(&backup.location) {
            return Err(format!("{}: {}", shown(), object::FETCH));
        }
        Ok(backup.location)
    }

    async fn look_at(&self, names: &[String]) -> Result<(Vec<Looked>, Vec<String>), String> {
        let connection = connect(&self.site.target.spec, Purpose::Work).await;
        let mut connection = connection.map_err(|error| error.to_string())?;
        let mut looked = Vec::new();
        for name in names {
            let shape = tables::look(&mut connection, name).await;
            let shape = shape.map_err(|error| error.to_string())?;
            let shape = shape.ok_or_else(|| format!("there is no table {name} here"))?;
            let difference = match (shape.staged.is_empty(), shape.difference()) {
                (true, _) => None,
                (false, Err(why)) => Some(Err(why)),
                (false, Ok(sql)) => {
                    let counted = tables::difference(&mut connection, &sql).await;
                    Some(counted.map_err(|error| error.to_string()))
                }
            };
            looked.push(Looked { shape, difference });
        }
        let staged = tables::staged(&mut connection).await.map_err(|error| error.to_string())?;
        Ok((looked, staged))
    }

    async fn staging(&self, order: &Order, table: String) -> Result<Request, String> {
        let identity = self.identity().await?;
        let job = staging::Job {
            table,
            file: self.file_of(order, &identity).await?,
            state: self.site.paths.state.display().to_string(),
            system: identity.system_identifier,
            oid: identity.database_oid,
        };
        Ok(Request::Command { argv: job.argv(), risk: Risk::Safe })
    }
}
