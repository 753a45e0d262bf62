//! The full-screen loop: keys before data, the inbox drained before each draw, no work
//! while nothing happens.

use std::future::pending;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chrono::Utc;
use color_eyre::eyre::{Result, WrapErr as _};
use crossterm::event::{Event, EventStream, KeyCode, KeyEventKind, KeyModifiers};
use futures_util::StreamExt as _;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use super::{args, begin, follow, report, site};
use crate::app::{App, Input, Output};
use crate::domain::config;
use crate::io::driver::Driver;
use crate::io::site::Site;
use crate::io::terminal::{Options, Screen, Signal, Signals};
use crate::session::news::News;
use crate::ui::theme::{Name, Theme, Tone};
use crate::ui::widgets::message::Message;

/// How many of the outside's news are taken before the next draw.
const DRAIN: usize = 256;

/// Returns the runtime of a console: the terminal has the thread that blocks on it, and all
/// that is asked of servers, programs and files one other.
///
/// One is enough: a refresh of 900 sessions takes some milliseconds, four times in ten
/// seconds. Two would each keep the memory that such a refresh needs for a moment.
///
/// # Errors
/// When the threads cannot be started.
pub(super) fn runtime() -> Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().wrap_err("no runtime")
}

/// Runs the console on what the flags name.
///
/// # Errors
/// When a file is wrong, no target is named, or the terminal cannot be used.
pub fn run(flags: &args::Console) -> Result<ExitCode> {
    let site = site::open(&flags.target)?;
    let runtime = runtime()?;
    // Not on the stack, which never gives back what it once had.
    let code = runtime.block_on(Box::pin(on(site, Start::default())));
    // A reader of the terminal may still wait for a key.
    runtime.shutdown_timeout(Duration::from_millis(200));
    code
}

/// What the console starts with.
#[derive(Debug, Default)]
pub struct Start {
    /// Lines shown until the first key.
    pub hint: Vec<String>,
    /// Whether the server goes with the console.
    pub throwaway: bool,
    /// The runbook that is begun at once.
    pub runbook: Option<Box<crate::session::machine::Begin>>,
    /// The journal of somebody else's run, which is followed.
    pub follows: Option<std::path::PathBuf>,
}

/// Runs the console on a site until the operator leaves.
///
/// # Errors
/// When the terminal cannot be used, or a part panicked.
pub async fn on(site: Site, start: Start) -> Result<ExitCode> {
    let mut screen = match Screen::enter(Options { mouse: site.config().ui.mouse }) {
        Ok(screen) => screen,
        Err(error) => return Err(error.into()),
    };
    let (news, inbox) = mpsc::unbounded_channel();
    let facts = site.facts(Utc::now());
    let app = App::new(facts, theme(&site), start.hint).throwaway(start.throwaway);
    let is_rehearsal = site.rehearsal.is_some();
    let driver = Driver::start(site, news.clone());
    let mut console = Console { app, driver, inbox, news };
    if let Some(file) = start.follows {
        console.follow(file);
    }
    if let Some(begin) = start.runbook {
        console.take(Input::Begin(begin));
    }
    let code = console.turn(&mut screen).await;
    drop(screen);
    let open = console.app.open_run().map(str::to_owned);
    console.driver.close().await;
    if let Some(run) = open {
        if is_rehearsal {
            let told =
                format!("The rehearsal {run} was left before its end; nothing of it goes on.");
            let _ = writeln!(std::io::stderr(), "{told}");
            return code;
        }
        let told = format!("The run {run} is open; `lockkeeper resume {run}` takes it up again.");
        let _ = writeln!(std::io::stderr(), "{told}");
    }
    code
}

fn theme(site: &Site) -> Theme {
    let name = match site.config().ui.theme {
        config::Theme::Default => Name::Default,
        config::Theme::HighContrast => Name::HighContrast,
        config::Theme::Mono => Name::Mono,
    };
    Theme::new(name, std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()))
}

struct Console {
    app: App,
    driver: Driver,
    inbox: mpsc::UnboundedReceiver<News>,
    /// For what is not the driver's to tell: a run that is followed.
    news: mpsc::UnboundedSender<News>,
}

/// Whether the loop goes on.
enum Turn {
    On,
    Leave(ExitCode),
}

impl Console {
    async fn turn(&mut self, screen: &mut Screen) -> Result<ExitCode> {
        let mut keys = EventStream::new();
        let mut signals = Signals::listen().wrap_err("signals cannot be handled")?;
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.draw(screen)?;
            let wake = self.app.wakes_at(Instant::now());
            let turn = tokio::select! {
                biased;
                signal = signals.next() => self.signal(signal, screen)?,
                key = keys.next() => match key {
                    Some(Ok(event)) => self.event(event, screen)?,
                    Some(Err(error)) => return Err(error).wrap_err("the terminal cannot be read"),
                    None => Turn::Leave(ExitCode::from(129)),
                },
                news = self.inbox.recv() => {
                    self.drain(news);
                    Turn::On
                }
                () = wakes(wake) => Turn::On,
                _ = tick.tick() => self.take(Input::Tick(Utc::now())),
            };
            if let Turn::Leave(code) = turn {
                return Ok(code);
            }
        }
    }

    fn draw(&self, screen: &mut Screen) -> Result<()> {
        let now = Instant::now();
        screen.draw(|frame| self.app.view(now, frame.area(), frame.buffer_mut()))?;
        Ok(())
    }

    fn drain(&mut self, first: Option<News>) {
        let mut next = first;
        for _ in 0..DRAIN {
            let Some(news) = next else { return };
            self.take(Input::News(news, Utc::now()));
            next = self.inbox.try_recv().ok();
        }
        if let Some(news) = next {
            self.take(Input::News(news, Utc::now()));
        }
    }

    fn event(&mut self, event: Event, screen: &mut Screen) -> Result<Turn> {
        match event {
            Event::Key(key)
                if key.code == KeyCode::Char('z')
                    && key.modifiers == KeyModifiers::CONTROL
                    && key.kind == KeyEventKind::Press =>
            {
                self.suspend(screen)
            }
            Event::Key(key) => Ok(self.take(Input::Key(key))),
            Event::Paste(text) => Ok(self.take(Input::Paste(text))),
            _ => Ok(Turn::On),
        }
    }

    fn suspend(&mut self, screen: &mut Screen) -> Result<Turn> {
        match screen.suspend() {
            Ok(()) => Ok(Turn::On),
            Err(error @ crate::io::terminal::Error::CannotSuspend) => {
                Ok(self.take(Input::Say(Message::new(Tone::Plain, error.to_string()))))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn signal(&mut self, signal: Signal, screen: &mut Screen) -> Result<Turn> {
        match signal {
            Signal::Suspend => return self.suspend(screen),
            Signal::Continue => screen.resume()?,
            Signal::Terminate | Signal::HangUp | Signal::Interrupt => {}
        }
        Ok(signal.exit_code().map_or(Turn::On, |code| Turn::Leave(ExitCode::from(code))))
    }

    /// Begins to follow a run; the task ends with the console's inbox.
    fn follow(&self, file: std::path::PathBuf) {
        let site = self.driver.site();
        let (place, file) = (begin::place(site), follow::beside(file, Some(site)));
        tokio::spawn(follow::tell(file, place, self.news.clone()));
    }

    /// Lets the screen take an input, and does what it wants done.
    fn take(&mut self, input: Input) -> Turn {
        for output in self.app.update(input, Instant::now()) {
            match output {
                Output::Effect(effect) => self.driver.effect(effect),
                Output::Backend(key) => self.driver.backend(key),
                Output::Verify(location) => self.driver.verify(location),
                Output::Count(id, direction) => self.driver.count(id, direction),
                Output::Refresh => self.driver.refresh(),
                Output::Report(run, told) => {
                    let said = match report::of_console(self.driver.site(), &run, &told) {
                        Ok(text) => Message::new(Tone::Ok, text),
                        Err(error) => Message::new(Tone::Warn, format!("{error:#}")),
                    };
                    self.take(Input::Say(said));
                }
                Output::Follow(run) => {
                    self.follow(crate::io::journal::path(&self.driver.site().paths.runs(), &run));
                }
                Output::Quit => return Turn::Leave(ExitCode::from(self.app.exit_code())),
                Output::Begin(name) => {
                    let input = match begin::runbook(self.driver.site(), &name, None) {
                        Ok(begin) => Input::Begin(Box::new(begin)),
                        Err(why) => Input::Say(Message::new(Tone::Warn, why)),
                    };
                    self.take(input);
                }
            }
        }
        Turn::On
    }
}

async fn wakes(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => pending().await,
    }
}

/// Returns true where a full screen cannot be shown: the line mode does everything too.
#[must_use]
pub fn needs_lines(plain: bool) -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    plain || (dumb && std::io::stdout().is_terminal())
}
