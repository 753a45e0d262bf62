//! What is told below the flags of a command that changes something.

pub(super) const CHANGING: &str = "Without a terminal: --plan --json prints the plan and its hash and runs nothing; \
--confirm HASH runs exactly that plan or refuses. No terminal and no hash: exit 2, nothing run. Where policy asks for a \
second person it waits until they have approved (`lockkeeper approve`); --alone REASON goes on without them.";

pub(super) const APPROVING: &str = "Run it on the executor's machine and account, where the run's journal is, with a \
connection of your own: --dsn postgresql://YOU@HOST/DATABASE. The login must be to the database of the run; with a role that \
is not the run's it verifies you. The executor never approves: their role, their name and their account alone are refused. \
An approval is for one plan: for another one it does not count. Without a terminal: --plan --json shows what waits with its \
hash, and --confirm HASH approves exactly that. Exit codes: 0 recorded (or shown), 2 nothing recorded.";

pub(super) const RESTORING: &str = "Three acts, each with a plan and a yes of its own: load (the backup is proven, a new database is \
made, loaded and counted against it), settle (privileges, limits and settings of the database), swap (both renames in one \
transaction; every session ends once). The live database is not touched before the swap, and stays beside it afterwards.\n\
Without a terminal: --plan --json prints the plan of the next act and its hash and runs nothing; --confirm HASH runs exactly \
that act. The same command again goes on with the next one; action.act is \"swap\" in the last. No terminal and no hash: exit \
2, nothing run.";
