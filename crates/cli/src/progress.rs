//! Progress bars on standard error, if that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::terminal;

/// The unit that a bar counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes, with unit prefixes.
    Bytes,
    /// Items.
    Count,
}

/// A bar on a terminal. It disappears when it is dropped.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    /// The width of the name before the bar.
    width: usize,
}

impl Bar {
    /// A spinner with a name in `width` columns; `None` if standard error is not a terminal.
    #[must_use]
    pub fn spinner(name: &str, width: usize) -> Option<Self> {
        let bars = terminal::bars()?;
        let style = named(width, "{wide_msg}");
        let bar = bars.add(ProgressBar::new_spinner().with_style(style).with_prefix(name.to_owned()));
        bar.enable_steady_tick(Duration::from_millis(120));
        Some(Self { bar, width })
    }

    /// A bar for a number of files; `None` if standard error is not a terminal.
    #[must_use]
    pub fn files(files: usize) -> Option<Self> {
        let bars = terminal::bars()?;
        let style = style("{bar:30} {pos} of {len}  {elapsed}  {wide_msg}");
        Some(Self { bar: bars.add(ProgressBar::new(files as u64).with_style(style)), width: 0 })
    }

    /// Replaces the text beside the bar.
    pub fn message(&self, text: impl Into<String>) {
        self.bar.set_message(text.into());
    }

    /// Counts one more item.
    pub fn advance(&self) {
        self.bar.inc(1);
    }

    /// Sets the progress. A spinner becomes a bar when its total is first known.
    pub fn move_to(&self, done: u64, total: u64, unit: Unit) {
        if self.bar.length() != Some(total) {
            self.bar.set_length(total);
            self.bar.set_style(match unit {
                Unit::Bytes => named(self.width, "{bar:24} {bytes} of {total_bytes}"),
                Unit::Count => named(self.width, "{bar:24} {pos} of {len}"),
            });
        }
        self.bar.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Whether progress bars are shown.
#[must_use]
pub fn shown() -> bool {
    terminal::bars().is_some()
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn named(width: usize, rest: &str) -> ProgressStyle {
    style(&format!("{{spinner}} {{prefix:{width}}} {{elapsed:>4}} {rest}"))
}
