//! How far it is: a bar on a terminal, nothing elsewhere.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

use super::batch::Done;

/// A bar on standard error.
pub(super) struct Display {
    bar: Option<ProgressBar>,
}

impl Display {
    /// For so many files.
    pub(super) fn new(files: usize) -> Self {
        let style = ProgressStyle::with_template("{bar:30} {pos} of {len}  {elapsed}  {wide_msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let make = || ProgressBar::new(files as u64).with_style(style);
        Self { bar: std::io::stderr().is_terminal().then(make) }
    }

    /// Another file is done.
    pub(super) fn done(&self, done: &Done) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
            bar.set_message(done.path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
    }

    /// The bar goes away.
    pub(super) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
