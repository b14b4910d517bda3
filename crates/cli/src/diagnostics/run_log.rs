//! The log in each run's folder: the events inside a span with the field `scenario`.
//!
//! Boots run in parallel, so a common log would mix their lines. A run's lines are those inside the span with its
//! scenario's name. They are kept in memory until an event with the field `run_folder` gives the run's folder. From
//! then on they are written to `log.txt` in that folder. Levels up to `debug` are written, independently of `-v`.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber, span};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::line;

/// The name of the log in a run's folder.
pub const FILE: &str = "log.txt";

/// The field of the span that contains a run's lines.
const SCENARIO: &str = "scenario";

/// The field of the event that gives the run's folder.
const FOLDER: &str = "run_folder";

/// The maximum number of lines kept for a run whose folder is not known yet.
const KEPT: usize = 10_000;

/// Writes the logs.
#[derive(Debug, Default)]
pub struct RunLog(());

/// The log of one run, in the extensions of its span.
struct Log {
    begun: Instant,
    to: Mutex<To>,
}

enum To {
    /// The folder is not known yet. These are the lines so far.
    Kept(Vec<String>),
    File(File),
    /// The file could not be created or written. The run continues without it.
    Nowhere,
}

impl Log {
    fn new() -> Self {
        Self { begun: Instant::now(), to: Mutex::new(To::Kept(Vec::new())) }
    }

    fn push(&self, line: &str) {
        let line = format!("{:9.3} {line}\n", self.begun.elapsed().as_secs_f64());
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *to {
            To::Kept(lines) if lines.len() < KEPT => lines.push(line),
            To::File(file) => {
                if file.write_all(line.as_bytes()).is_err() {
                    *to = To::Nowhere;
                }
            }
            To::Kept(_) | To::Nowhere => {}
        }
    }

    fn put_into(&self, folder: &Path) {
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = match &mut *to {
            To::Kept(lines) => std::mem::take(lines),
            // A second boot of the same scenario has its own folder.
            _ => Vec::new(),
        };
        let created = File::create(folder.join(FILE)).and_then(|mut file| {
            file.write_all(kept.concat().as_bytes())?;
            Ok(file)
        });
        *to = created.map_or(To::Nowhere, To::File);
    }
}

/// The relevant fields of a span or event.
#[derive(Default)]
struct Fields {
    has_scenario: bool,
    folder: Option<String>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.has_scenario |= field.name() == SCENARIO;
        if field.name() == FOLDER {
            self.folder = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.has_scenario |= field.name() == SCENARIO;
        if field.name() == FOLDER {
            self.folder = Some(format!("{value:?}"));
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for RunLog {
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if fields.has_scenario && span.scope().skip(1).all(|parent| parent.extensions().get::<Log>().is_none()) {
            span.extensions_mut().insert(Log::new());
        }
        if *attributes.metadata().level() > Level::DEBUG {
            return;
        }
        let Some(text) = line::of_span(id, &ctx) else { return };
        for span in span.scope() {
            if let Some(log) = span.extensions().get::<Log>() {
                log.push(&text);
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        if *event.metadata().level() > Level::DEBUG {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let text = line::of_event(event, &ctx);
        for span in ctx.event_scope(event).into_iter().flatten() {
            if let Some(log) = span.extensions().get::<Log>() {
                if let Some(folder) = &fields.folder {
                    log.put_into(Path::new(folder));
                }
                log.push(&text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tracing::{debug, info, info_span, subscriber};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn runs_side_by_side_have_a_log_each_with_the_lines_from_before_their_folder() {
        let dir = tempfile::tempdir().unwrap();
        let subscriber = tracing_subscriber::registry().with(line::Fields).with(RunLog::default());
        subscriber::with_default(subscriber, || {
            let spans = ["one", "two"].map(|name| info_span!("run", scenario = name));
            info!("nobody's");
            for name in ["one", "two"] {
                let span = &spans[usize::from(name == "two")];
                span.in_scope(|| info!("packing {name}"));
            }
            for (span, name) in spans.iter().zip(["one", "two"]) {
                let folder = dir.path().join(name);
                fs::create_dir(&folder).unwrap();
                span.in_scope(|| {
                    info!(run_folder = %folder.display(), "the folder of this run");
                    info_span!("boot").in_scope(|| debug!(accel = "tcg", "begun"));
                    tracing::trace!("too much");
                });
            }
        });
        for (name, other) in [("one", "two"), ("two", "one")] {
            let text = fs::read_to_string(dir.path().join(name).join(FILE)).unwrap();
            assert!(text.contains(&format!("packing {name}")) && !text.contains(&format!("packing {other}")), "{text}");
            assert!(text.contains(&format!("DEBUG run scenario={name}: boot: begun accel=tcg")), "{text}");
            assert!(!text.contains("nobody's") && !text.contains("too much"), "{text}");
        }
    }
}
