//! The terminal interface that `modbtf` and `cargo xtask` share.
//!
//! - [`exit`]: the exit codes, and the exit code for each error;
//! - [`mod@format`]: `--format FORM[:FILE]`, the form of a report and the file to write it to;
//! - [`interrupt`]: Ctrl-C: the first one requests a stop, the second one ends the program;
//! - [`page`] and [`table`]: reports as text that fits the terminal;
//! - [`progress`]: progress bars, on a terminal only;
//! - [`terminal`]: lines on standard output and standard error that do not disturb progress bars;
//! - [`diagnostics`]: `-v`, `--timings` and the log in each run's folder, based on `tracing` spans and events.

pub mod diagnostics;
pub mod exit;
pub mod format;
pub mod interrupt;
pub mod page;
pub mod progress;
pub mod table;
pub mod terminal;

pub use diagnostics::Diagnostics;
pub use exit::Exit;
pub use format::Format;
pub use page::{Page, Style};
pub use table::Table;
