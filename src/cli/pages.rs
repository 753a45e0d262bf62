//! `completions` and `man`, made from the same definition as `--help`.

use std::fs;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::CommandFactory as _;
use color_eyre::eyre::{Result, WrapErr as _};

use super::args::{Cli, Completions, Man};
use super::print;

/// Prints the completions of a shell; a reader that went away is no error of ours.
#[must_use]
pub fn completions(args: &Completions) -> ExitCode {
    let mut command = visible();
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, "lockkeeper", &mut text);
    let _ = io::stdout().write_all(&text);
    ExitCode::SUCCESS
}

/// Prints one page with all commands, or writes a page per command into a directory.
///
/// # Errors
/// When the directory cannot be written.
pub fn man(args: &Man) -> Result<ExitCode> {
    let Some(directory) = &args.directory else {
        let _ = io::stdout().write_all(&one_page()?);
        return Ok(ExitCode::SUCCESS);
    };
    let written = || format!("the pages cannot be written into {}", directory.display());
    fs::create_dir_all(directory).wrap_err_with(written)?;
    clap_mangen::generate_to(visible(), directory).wrap_err_with(written)?;
    print(&format!("written: the pages in {}", directory.display()));
    Ok(ExitCode::SUCCESS)
}

/// Returns the definition without what is none of the user's: hidden commands are no pages.
fn visible() -> clap::Command {
    let all = Cli::command();
    let kept: Vec<clap::Command> =
        all.get_subcommands().filter(|one| !one.is_hide_set()).cloned().collect();
    let bare = clap::Command::new("lockkeeper")
        .version(env!("CARGO_PKG_VERSION"))
        .about(all.get_about().cloned().unwrap_or_default())
        .long_about(all.get_long_about().cloned().unwrap_or_default())
        .after_help(all.get_after_help().cloned().unwrap_or_default())
        .args(all.get_arguments().cloned());
    bare.subcommands(kept)
}

/// Returns the page of the program with a section of each command in it.
fn one_page() -> Result<Vec<u8>> {
    let mut root = visible();
    root.build();
    let page = clap_mangen::Man::new(root.clone()).manual("lockkeeper");
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    for command in root.get_subcommands().filter(|one| one.get_name() != "help") {
        section(command, command.get_name(), &mut text)?;
    }
    page.render_extra_section(&mut text)?;
    Ok(text)
}

/// Writes what a command does and takes; the commands below it follow.
fn section(command: &clap::Command, path: &str, text: &mut Vec<u8>) -> Result<()> {
    writeln!(text, ".SH \"{}\"", path.to_uppercase())?;
    let page = clap_mangen::Man::new(command.clone());
    let mut body = Vec::new();
    page.render_description_section(&mut body)?;
    if command.get_arguments().next().is_some() {
        page.render_options_section(&mut body)?;
    }
    // A command's sections are the parts of its own one here.
    let body = String::from_utf8(body)?.replace(".SH ", ".SS ");
    text.extend_from_slice(body.as_bytes());
    for inner in command.get_subcommands().filter(|one| one.get_name() != "help") {
        section(inner, &format!("{path} {}", inner.get_name()), text)?;
    }
    Ok(())
}
