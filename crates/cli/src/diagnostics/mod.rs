//! `-v`, `-vv`, `--timings`, and the log of each run: layers on `tracing`.
//!
//! Libraries report their work by `tracing` spans and events and do not depend on this module. Three layers read
//! them:
//!
//! - lines on standard error, with `-v` or `-vv`;
//! - [`timings`]: the total time of the spans of each name, with `--timings`;
//! - [`run_log`]: the log in the folder of each run, for commands with such folders.

mod line;
pub mod run_log;
pub mod timings;

use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber, span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use crate::terminal;
use run_log::RunLog;
use timings::Timings;

/// The options of every command.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Diagnostics")]
pub struct Diagnostics {
    /// Report on standard error what is done; -vv in more detail
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Print at the end, on standard error, where the time went
    #[arg(long, global = true)]
    pub timings: bool,
}

impl Diagnostics {
    /// Starts collecting spans and events for the whole process. Does nothing if no option requests it.
    pub fn start(&self) -> Session {
        self.start_with(None)
    }

    /// Like [`start`](Self::start), and also writes the log of each run into its folder. See [`run_log`].
    pub fn start_with_run_logs(&self) -> Session {
        self.start_with(Some(RunLog::default()))
    }

    fn start_with(&self, run_log: Option<RunLog>) -> Session {
        let timings = self.timings.then(Timings::default);
        if self.verbose == 0 && timings.is_none() && run_log.is_none() {
            return Session { timings };
        }
        let verbose = Verbose { level: level(self.verbose) };
        let subscriber = tracing_subscriber::registry()
            .with(line::Fields)
            .with(verbose.level.map(|_| verbose))
            .with(run_log)
            .with(timings.clone());
        // Only a second call in the same process fails, which happens in tests; the first subscriber stays.
        let _ = tracing::subscriber::set_global_default(subscriber);
        Session { timings }
    }
}

/// The level for this number of `-v`.
const fn level(verbose: u8) -> Option<Level> {
    match verbose {
        0 => None,
        1 => Some(Level::INFO),
        2 => Some(Level::DEBUG),
        _ => Some(Level::TRACE),
    }
}

/// The diagnostics from [`Diagnostics::start`] to the end of the program.
#[derive(Debug)]
#[must_use = "the timings are printed by `finish`"]
pub struct Session {
    timings: Option<Timings>,
}

impl Session {
    /// Prints the table of `--timings`.
    pub fn finish(self) {
        if let Some(timings) = self.timings {
            terminal::say("");
            timings.table(terminal::columns()).iter().for_each(|line| terminal::say(line));
        }
    }
}

/// Lines on standard error.
#[derive(Debug, Clone, Copy)]
struct Verbose {
    level: Option<Level>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Verbose {
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level.into())
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        if self.level.is_some_and(|level| *event.metadata().level() <= level) {
            terminal::say(&line::of_event(event, &ctx));
        }
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, ctx: Context<'_, S>) {
        let shown = self.level.is_some_and(|level| *attributes.metadata().level() <= level);
        if let Some(line) = shown.then(|| line::of_span(id, &ctx)).flatten() {
            terminal::say(&line);
        }
    }
}
