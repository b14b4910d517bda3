//! What `modbtf` and `cargo xtask` share at the terminal.
//!
//! - [`exit`]: the exit codes and which error means which of them;
//! - [`mod@format`]: `--format FORM[:FILE]`, the form of a report and where it goes;
//! - [`interrupt`]: Ctrl-C: the first asks for a stop, the second one ends the program;
//! - [`page`] and [`table`]: reports as text, as wide as the terminal;
//! - [`progress`]: progress bars, on a terminal only;
//! - [`terminal`]: lines on standard output and standard error that progress bars do not garble;
//! - [`diagnostics`]: `-v`, `--timings` and the log in each run's folder, made from `tracing` spans and events.

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
