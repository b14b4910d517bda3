//! Many files: what every command that works on modules and kernels shares.
//!
//! 1. [`find`]: which files the command line names, and the modules in its directories;
//! 2. [`claims`]: no file that is read is written over, and none is written twice;
//! 3. [`output`]: where the result of a file goes: into the file, beside the others below a directory, or into one file;
//! 4. [`batch`]: the work on each file, several at a time, until an interrupt;
//! 5. [`report`]: which files failed and why, and the exit code.
//!
//! Nothing here knows what the work is: a command passes it as a function from a file to its own result.

pub(crate) mod batch;
pub(crate) mod claims;
pub(crate) mod find;
pub(crate) mod output;
pub(crate) mod report;

#[cfg(test)]
mod tests;
