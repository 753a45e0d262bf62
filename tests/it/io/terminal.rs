//! The terminal is given back, whatever ends the program.
//!
//! The program is this test binary itself, started in a pty with the test
//! [`program`] only: it enters the terminal and does as its first argument says.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyModifiers};
use futures_util::StreamExt as _;
use lockkeeper::io::terminal::{Error, Options, Screen, Signal, Signals};
use portable_pty::CommandBuilder;
use ratatui::Frame;
use ratatui::widgets::Paragraph;
use rustix::process::{Pid, Signal as Raw, kill_process};

use crate::support::pty::{self, Pty};

/// Set for [`program`] only.
const PROGRAM: &str = "LOCKKEEPER_TEST_PROGRAM";

#[test]
#[ignore = "a program that the other tests start in a terminal"]
fn program() {
    if std::env::var_os(PROGRAM).is_none() {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let code = runtime.block_on(run());
    // The test harness must not print over what the tests look at.
    std::process::exit(i32::from(code));
}

/// Runs the loop and says, after the terminal was given back, why it failed.
async fn run() -> u8 {
    let ended = async { looped(Screen::enter(Options::default())?).await };
    ended.await.unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "ended: {error}");
        error.exit_code()
    })
}

/// Draws, suspends by Ctrl-Z, panics by `p` or in a task by `t`, ends by `q`.
async fn looped(mut screen: Screen) -> Result<u8, Error> {
    let deaf = std::env::var_os(PROGRAM).is_some_and(|mode| mode == "deaf");
    let mut signals = (!deaf).then(|| Signals::listen().expect("signals can be listened to"));
    let mut keys = EventStream::new();
    for draws in 1_u64.. {
        let (width, height) = screen.size()?;
        let line = format!("drawn {width}x{height} ({draws})");
        screen.draw(|frame| show(&line, frame))?;
        let code = tokio::select! {
            biased;
            signal = next(&mut signals) => on_signal(signal, &mut screen)?,
            key = keys.next() => on_event(key, &mut screen).await?,
        };
        if let Some(code) = code {
            return Ok(code);
        }
    }
    unreachable!("the loop ends by returning")
}

fn show(line: &str, frame: &mut Frame<'_>) {
    frame.render_widget(Paragraph::new(line), frame.area());
}

fn on_signal(signal: Signal, screen: &mut Screen) -> Result<Option<u8>, Error> {
    match signal {
        Signal::Continue => screen.resume()?,
        Signal::Suspend => screen.suspend()?,
        Signal::Terminate | Signal::HangUp | Signal::Interrupt => {}
    }
    Ok(signal.exit_code())
}

/// Waits for a signal, for ever if they are not listened to.
async fn next(signals: &mut Option<Signals>) -> Signal {
    match signals {
        Some(signals) => signals.next().await,
        None => std::future::pending().await,
    }
}

async fn on_event(
    event: Option<std::io::Result<Event>>,
    screen: &mut Screen,
) -> Result<Option<u8>, Error> {
    let Some(Ok(Event::Key(KeyEvent { code: KeyCode::Char(c), modifiers, .. }))) = event else {
        return Ok(None);
    };
    match c {
        'z' if modifiers == KeyModifiers::CONTROL => {
            if let Err(refused) = screen.suspend() {
                screen.draw(|frame| show(&format!("refused: {refused}"), frame))?;
                std::future::pending::<()>().await;
            }
        }
        'p' => panic!("in the loop"),
        't' => drop(tokio::spawn(async { panic!("in a task") }).await),
        'q' => return Ok(Some(0)),
        _ => {}
    }
    Ok(None)
}

/// This binary, running [`program`].
fn itself() -> CommandBuilder {
    let binary = std::env::current_exe().expect("a test knows its binary");
    let name = concat!(module_path!(), "::program");
    let name = name.split_once("::").map_or(name, |(_, name)| name);
    let args = ["--exact", name, "--ignored", "--nocapture", "--test-threads=1", "--quiet"];
    let mut command = pty::command(&binary, &args);
    command.env(PROGRAM, "1");
    command
}

/// A shell in a pty that runs [`program`] as a job, and says how it ended.
fn in_a_shell() -> Pty {
    let mut command = pty::command("/bin/bash".as_ref(), &["--norc", "--noprofile", "-i"]);
    let program = itself();
    let argv: Vec<_> = program.get_argv().iter().map(|arg| arg.to_string_lossy()).collect();
    command.env("PROGRAM", argv.join(" "));
    command.env(PROGRAM, "1");
    command.env("PS1", format!("{PROMPT} "));
    let mut pty = Pty::spawn(command, 80, 24);
    pty.wait_for(PROMPT);
    pty
}

fn started() -> Pty {
    let mut pty = Pty::spawn(itself(), 80, 24);
    pty.wait_for("drawn 80x24");
    assert!(pty.screen().alternate_screen() && pty.screen().bracketed_paste());
    assert!(pty.screen().hide_cursor());
    pty
}

fn signal(pty: &Pty, signal: Raw) {
    let pid = i32::try_from(pty.pid()).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, signal).expect("the program can be signalled");
}

/// Asserts that the program gave the terminal back before it ended.
fn restored(pty: &mut Pty) {
    let screen = pty.screen();
    assert!(!screen.alternate_screen(), "the alternate screen was not left");
    assert!(!screen.bracketed_paste(), "bracketed paste is still on");
    assert!(!screen.hide_cursor(), "the cursor is still hidden");
    let raw = String::from_utf8_lossy(pty.raw()).into_owned();
    assert!(raw.contains("\u{1b}[<1u"), "the keyboard's enhancement is still on");
    assert!(!raw.contains("\u{1b}[6n"), "the terminal was asked for its cursor");
}

#[test]
fn the_end_gives_the_terminal_back() {
    let mut pty = started();
    pty.send("q");
    assert_eq!(pty.wait().exit_code(), 0);
    restored(&mut pty);
}

#[test]
fn signals_end_the_program_and_give_the_terminal_back() {
    for (raw, code) in [(Raw::TERM, 143), (Raw::HUP, 129), (Raw::INT, 130)] {
        let mut pty = started();
        signal(&pty, raw);
        assert_eq!(pty.wait().exit_code(), code);
        restored(&mut pty);
    }
}

#[test]
fn a_panic_gives_the_terminal_back_before_its_report() {
    let mut pty = started();
    pty.send("p");
    pty.wait();
    restored(&mut pty);
    let screen = pty.screen().contents();
    assert!(screen.contains("in the loop"), "{screen}");
}

#[test]
fn a_panic_in_a_task_ends_the_drawing_too() {
    let mut pty = started();
    pty.send("t");
    assert_eq!(pty.wait().exit_code(), 101);
    restored(&mut pty);
    let screen = pty.screen().contents();
    assert!(screen.contains("in a task"), "{screen}");
    assert!(screen.contains("ended: a part of the console panicked"), "{screen}");
}

#[test]
fn no_size_is_too_small_and_each_is_followed() {
    let mut pty = started();
    pty.resize(1, 1);
    pty.wait_for("d");
    pty.resize(100, 30);
    pty.wait_for("drawn 100x30");
    pty.send("q");
    assert_eq!(pty.wait().exit_code(), 0);
}

#[test]
fn control_z_suspends_and_fg_brings_everything_back() {
    let mut pty = in_a_shell();
    pty.send("$PROGRAM\r");
    pty.wait_for("drawn 80x24");
    pty.send("\u{1a}");
    let shell = pty.wait_for("Stopped");
    assert!(!shell.contains("drawn"), "the shell's screen is back:\n{shell}");
    assert!(!pty.screen().alternate_screen() && !pty.screen().hide_cursor());
    pty.send("fg\r");
    pty.wait_for("drawn 80x24");
    assert!(pty.screen().alternate_screen());
    pty.send("q");
    // Not before it reads its line: the program's own reader may still be at the terminal.
    pty.wait_until("the shell's prompt", |screen| {
        !screen.alternate_screen() && screen.contents().trim_end().ends_with(PROMPT)
    });
    pty.send("echo ended with $?\r");
    pty.wait_for("ended with 0");
}

#[test]
fn a_console_without_a_shell_is_not_suspended_for_ever() {
    let mut pty = started();
    pty.send("\u{1a}");
    pty.wait_for("refused: there is no shell");
}

/// What the shell says when it reads its line.
const PROMPT: &str = "shell>";

/// Holds a terminal, starts the program in it, and lets go of the terminal once
/// the program drew; ends as the program did. It takes a process of its own: the
/// terminal of [`Pty`] is held open by the thread that reads it.
const HOLDER: &str = r#"
import fcntl, os, pty, signal, struct, sys, termios
if os.environ["LOCKKEEPER_TEST_PROGRAM"] == "deaf":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
signal.alarm(240)
seen = b""
while b"drawn" not in seen:
    seen += os.read(terminal, 4096)
os.close(terminal)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

#[test]
fn a_vanished_terminal_ends_the_program_with_or_without_a_signal() {
    for hearing in ["hears", "deaf"] {
        let mut command = Command::new("python3");
        command.args(["-c", HOLDER]).args(itself().get_argv());
        command.env(PROGRAM, hearing).env("TERM", "xterm-256color").stdin(Stdio::null());
        let ended = command.output().expect("python3 is needed for the tests: install it");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(129), "{hearing}: {said}");
    }
}

#[test]
fn a_pipe_is_no_terminal() {
    let mut command = Command::new(std::env::current_exe().expect("a test knows its binary"));
    command.args(&itself().get_argv()[1..]).env(PROGRAM, "1").stdin(Stdio::null());
    let ended = command.output().expect("the program starts");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("standard input is none; use --plain"), "{said}");
}
