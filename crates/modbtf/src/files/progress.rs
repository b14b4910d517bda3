//! The progress of a batch: a bar on a terminal, nothing elsewhere.

use cli::progress::Bar;

use super::batch::Done;

/// A bar on standard error.
pub(super) struct Display(Option<Bar>);

impl Display {
    /// For so many files.
    pub(super) fn new(files: usize) -> Self {
        Self(Bar::files(files))
    }

    /// Another file is done.
    pub(super) fn done(&self, done: &Done) {
        if let Some(bar) = &self.0 {
            bar.advance();
            bar.message(done.path.file_name().unwrap_or_default().to_string_lossy());
        }
    }
}
