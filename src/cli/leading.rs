//! Flags before the command: `lockkeeper --target staging status` is what hands type that know
//! other programs, and means `lockkeeper status --target staging`.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command, CommandFactory as _};

use super::args::Cli;

/// Returns `args`, the program's name first, with the flags that lead the name of a command moved
/// behind it. Whether that command takes them is for the parser to say.
#[must_use]
pub fn moved(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let args: Vec<OsString> = args.into_iter().collect();
    if !args.get(1).is_some_and(|first| first.as_encoded_bytes().starts_with(b"--")) {
        return args;
    }
    let cli = Cli::command();
    let flags = leading(&cli, &args);
    let names = names(&cli, &args[flags.end..]);
    let behind = flags.end + names;
    let order = [0..flags.start, flags.end..behind, flags, behind..args.len()];
    order.into_iter().flat_map(|part| args[part].iter().cloned()).collect()
}

/// Returns where the console's own flags stand, with their values.
fn leading(cli: &Command, args: &[OsString]) -> std::ops::Range<usize> {
    let start = args.len().min(1);
    let mut end = start;
    while let Some(flag) = args.get(end).and_then(|text| text.to_str()) {
        let (name, value) = match flag.split_once('=') {
            Some((name, _)) => (name, true),
            None => (flag, false),
        };
        let Some(arg) = name.strip_prefix("--").and_then(|name| long(cli, name)) else { break };
        let apart = !value && matches!(arg.get_action(), ArgAction::Set);
        end = (end + 1 + usize::from(apart)).min(args.len());
    }
    start..end
}

fn long<'a>(cli: &'a Command, name: &str) -> Option<&'a Arg> {
    cli.get_arguments().find(|arg| arg.get_long() == Some(name))
}

/// Returns how many of `args` name a command, a command of that, and so on.
fn names(cli: &Command, args: &[OsString]) -> usize {
    let mut command = cli;
    let known = args.iter().map_while(|name| {
        command = command.find_subcommand(name)?;
        Some(())
    });
    known.count()
}
