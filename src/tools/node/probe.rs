//! Where a tool of Node connects, shown without a statement of its own reaching the server.
//!
//! The commands that only look create their table. So node is told to load, before anything
//! else, a few lines that let node-pg send `SELECT pg_sleep(…)` in place of whatever it is
//! asked first, and then end. Should node-pg be loaded in a way that these do not see, the
//! session is read-only besides.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::plan::Command;
use crate::tools::Project;

use super::command;

/// Sees every copy of node-pg, by what only its `Client` has.
const HOOK: &str = "import M from 'node:module';\
const load=M._load;\
M._load=function(...a){const r=load.apply(this,a);const p=r?.prototype;\
if(typeof r==='function'&&p?.query&&p.escapeIdentifier&&!p.lookedAt){p.lookedAt=true;const ask=p.query;\
p.query=function(){const c=this;if(!c.asked){c.asked=true;\
ask.call(c,'SELECT pg_sleep(8)',()=>process.exit(0));}return new Promise(()=>{});};}\
return r;};";

/// Puts the hook and the read-only session before the program, beside what is set already.
const START: &str = "NODE_OPTIONS=\"$NODE_OPTIONS $0\" PGOPTIONS=\"$PGOPTIONS -c default_transaction_read_only=on\" exec \"$@\"";

/// Returns the command that connects as the project's program does with these words, and
/// changes nothing; `None` if there is no program.
pub(crate) fn probe(project: &Project, words: &[&str]) -> Option<Command> {
    if project.setup.program.is_empty() {
        return None;
    }
    let run = command(project, words);
    let import =
        format!("--import=data:text/javascript,{}", utf8_percent_encode(HOOK, NON_ALPHANUMERIC));
    let start = ["sh".to_owned(), "-c".to_owned(), START.to_owned(), import];
    Some(Command { argv: start.into_iter().chain(run.argv).collect(), ..run })
}
