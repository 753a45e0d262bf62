//! Completions that their shells can read, and a manual of everything that `--help` has.

use std::fs;
use std::process::{Command, Stdio};

use super::lk::Lk;

const DSN: &str = "postgresql://nobody@localhost:1/none";

#[test]
fn each_shell_has_completions_that_know_the_commands_and_nothing_hidden() {
    let lk = Lk::at(DSN);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let answer = lk.run(&["completions", shell]);
        assert_eq!(answer.code(), 0);
        let text = answer.out();
        for word in ["doctor", "snapshot", "--pin", "completions"] {
            // Some shells' completions write options without their dashes.
            assert!(text.contains(word.trim_start_matches('-')), "{shell} without {word}");
        }
        assert!(!text.contains("__act") && !text.contains("__load"), "{shell}");
    }
    assert_eq!(lk.run(&["completions", "tcsh"]).code(), 2);
}

#[test]
fn the_completions_of_bash_are_bash() {
    let lk = Lk::at(DSN);
    let file = lk.project().join("completions");
    fs::write(&file, lk.run(&["completions", "bash"]).out()).expect("it can be written");
    let read = Command::new("bash").arg("-n").arg(&file).stderr(Stdio::piped()).output();
    let read = read.expect("bash starts");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
}

#[test]
fn the_manual_has_a_section_for_each_command() {
    let lk = Lk::at(DSN);
    let page = lk.run(&["man"]).out();
    assert!(page.contains(".TH lockkeeper 1"));
    for section in ["NAME", "SYNOPSIS", "OPTIONS", "\"DOCTOR\"", "\"JOURNAL VERIFY\"", "\"DEMO\""] {
        assert!(page.contains(&format!(".SH {section}")), "{section}");
    }
    assert!(!page.contains("__"), "hidden commands have no section");
    // Every request begins a line, and every line that begins with a dot is one.
    let known =
        [".SH", ".SS", ".TH", ".TP", ".PP", ".IP", ".RS", ".RE", ".ie", ".el", ".br", ".nf", ".fi"];
    for line in page.lines().filter(|line| line.starts_with('.')) {
        assert!(known.iter().any(|word| line.starts_with(word)), "{line}");
    }
}

#[test]
fn groff_formats_the_manual_without_a_complaint() {
    let lk = Lk::at(DSN);
    let file = lk.project().join("lockkeeper.1");
    fs::write(&file, lk.run(&["man"]).out()).expect("it can be written");
    let formatted = Command::new("groff").args(["-man", "-Tutf8", "-ww"]).arg(&file).output();
    // Machines without groff have the structure's test alone.
    let Ok(formatted) = formatted else { return };
    let complaints = String::from_utf8_lossy(&formatted.stderr).into_owned();
    if complaints.contains("cannot execute") || complaints.contains("can't find") {
        return;
    }
    assert_eq!(complaints, "");
    assert!(String::from_utf8_lossy(&formatted.stdout).contains("lockkeeper"));
}

#[test]
fn a_directory_gets_a_page_for_each_command() {
    let lk = Lk::at(DSN);
    let dir = lk.project().join("man");
    let path = dir.display().to_string();
    assert_eq!(lk.run(&["man", &path]).code(), 0);
    for name in ["lockkeeper", "lockkeeper-doctor", "lockkeeper-journal-verify"] {
        assert!(dir.join(format!("{name}.1")).is_file(), "{name}");
    }
    assert_eq!(lk.run(&["man", "/proc/nowhere"]).code(), 2);
}
