//! Shared by every command that works on many modules and kernels.
//!
//! 1. [`find`]: the files of the command line, and the modules in its directories;
//! 2. [`claims`]: no input is overwritten, and no output is written twice;
//! 3. [`output`]: the place of a file's result: in the file itself, below a directory, or in one file;
//! 4. [`batch`]: parallel work on the files, until an interrupt;
//! 5. [`report`]: the failed files with their causes, and the exit code.
//!
//! Nothing here depends on the work itself: a command passes it as a function from a file to a result.

pub(crate) mod batch;
pub(crate) mod claims;
pub(crate) mod find;
pub(crate) mod output;
pub(crate) mod report;

#[cfg(test)]
mod tests;
