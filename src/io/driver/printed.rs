//! The SQL of a migration as its tool prints it, without a database.

use std::time::Duration;

use super::after::script;
use super::{Inner, environment};
use crate::domain::connection::{Password, Place, Spec};
use crate::domain::hazard::Transactions;
use crate::domain::plan::{Action, Direction, Plan};
use crate::domain::secret;
use crate::domain::untrusted::Untrusted;
use crate::io::probe::command::{self, Bounds};
use crate::session::effect::{Previewed, Request};
use crate::tools::{Intent, Script};

/// How long a tool may take to print; the plan is shown without it then.
const LIMIT: Duration = Duration::from_mins(1);
/// So many MiB are shown; what is more is read by nobody.
const MOST_MIB: usize = 4;

/// What came of printing.
enum Printed {
    Whole(Vec<String>),
    Not(String),
}

impl Inner {
    /// Plans a request and, where the tool can tell, puts in the SQL that it would send.
    pub(super) async fn shown(&self, request: &Request) -> Previewed {
        let mut previewed = self.preview(request).await;
        if let Previewed::Plan(plan) = &mut previewed {
            let policy = &self.site.config().policy;
            plan.approvals = policy.approvals_of(plan.class, plan.risk);
            self.put_sql(plan).await;
        }
        previewed
    }

    async fn put_sql(&self, plan: &mut Plan) {
        let Action::Migrate { direction, migration, .. } = &plan.action else { return };
        let Ok((tool, known)) = self.migrations().await else { return };
        let intent = match direction {
            Direction::Up => Intent::Up(migration.clone()),
            Direction::Down => Intent::Down(migration.clone()),
        };
        let Some(command) = tool.printed(&known.project, &intent) else { return };
        let Some(script) = script(plan, &known) else { return };
        let line = command.line();
        let why = match unprintable(script) {
            Some(why) => Some(why.to_owned()),
            None => match self.run_offline(command.argv).await {
                Printed::Whole(sql) => {
                    plan.preview.sql = sql;
                    None
                }
                Printed::Not(why) => Some(why),
            },
        };
        plan.preview.now.push(match why {
            None => format!("the SQL is what `{line}` prints"),
            Some(why) => {
                format!("the SQL is read from the source, not printed by {}: {why}", tool.name())
            }
        });
    }

    async fn run_offline(&self, argv: Vec<String>) -> Printed {
        let argv = self.own_program(argv);
        let nowhere = nowhere(&self.site.target.spec);
        let given = environment::variables(&nowhere, self.site.config(), "", None);
        let most = MOST_MIB << 20;
        // One byte more tells that there was more.
        let bounds = Bounds { limit: LIMIT, most: most + 1 };
        match command::output(&argv, &self.site.project, &given, bounds).await {
            Err(why) => Printed::Not(why),
            Ok(output) if !output.status.success() => {
                let text = String::from_utf8_lossy(&output.err);
                let last = text.lines().rev().find(|line| !line.trim().is_empty());
                let last = secret::masked(last.unwrap_or("it failed"));
                Printed::Not(Untrusted::new(last).one_line())
            }
            Ok(output) if output.out.len() > most => {
                Printed::Not(format!("it printed more than {MOST_MIB} MiB"))
            }
            Ok(output) => Printed::Whole(statements(&String::from_utf8_lossy(&output.out))),
        }
    }
}

/// Returns why a script is not printed: what only a connection tells would be missing, and
/// code that nobody has read would run before anybody has said yes.
fn unprintable(script: &Script) -> Option<&'static str> {
    match script.transactions {
        Transactions::Unknown => Some("it calls code that would run before the yes"),
        _ if !script.complete => Some("what it does needs a connection, so it would be partial"),
        _ => None,
    }
}

/// Returns the target with a place at which nobody listens, and without its password.
fn nowhere(spec: &Spec) -> Spec {
    let mut nowhere = spec.clone();
    nowhere.place = Place::Socket("/nonexistent".to_owned());
    nowhere.password = Password::Given(String::new().into());
    nowhere
}

/// Splits what was printed at the empty lines between statements.
fn statements(text: &str) -> Vec<String> {
    let whole = text.split("\n\n").map(str::trim).filter(|part| !part.is_empty());
    whole.map(str::to_owned).collect()
}
