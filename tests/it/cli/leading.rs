//! Flags before the name of a command.

use std::ffi::OsString;

use lockkeeper::cli::leading::moved;

fn of(line: &str) -> String {
    let args = moved(line.split(' ').map(OsString::from));
    let args: Vec<&str> = args.iter().filter_map(|arg| arg.to_str()).collect();
    args.join(" ")
}

#[test]
fn a_target_may_be_named_before_the_command() {
    assert_eq!(of("lk --target staging status"), "lk status --target staging");
    assert_eq!(of("lk --dsn=x --json snapshot"), "lk snapshot --dsn=x --json");
    assert_eq!(
        of("lk --project a --config b up --plan --to 3"),
        "lk up --project a --config b --plan --to 3"
    );
}

#[test]
fn they_come_behind_the_whole_name_of_the_command() {
    assert_eq!(of("lk --config x runbook check a.toml"), "lk runbook check --config x a.toml");
    assert_eq!(of("lk --target t backups pin a.dump"), "lk backups pin --target t a.dump");
}

#[test]
fn everything_else_stays_where_it_is() {
    for line in [
        "lk",
        "lk status --target staging",
        "lk --target status",
        "lk --target",
        "lk --plain --dsn x",
        "lk --help status",
        "lk --nonsense status",
        "lk -h",
    ] {
        assert_eq!(of(line), line);
    }
}
