//! Man pages and completions, generated from the definitions of the arguments.

use std::io;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

use crate::pahole;

/// `modbtf man DIR`.
#[derive(Debug, clap::Args)]
pub struct Man {
    /// The directory for the pages; created if it does not exist.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// `modbtf completions SHELL`.
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// The shell.
    shell: Shell,
}

/// Writes the man pages of `modbtf`, each of its commands, and `modbtf-pahole`.
///
/// # Errors
///
/// A file cannot be written.
pub fn man(modbtf: Command, arguments: &Man) -> Result<()> {
    let dir = &arguments.dir;
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    for command in [modbtf.disable_help_subcommand(true), pahole::Arguments::command()] {
        clap_mangen::generate_to(command, dir)
            .with_context(|| format!("cannot write the man pages into {}", dir.display()))?;
    }
    Ok(())
}

/// Prints a shell script that completes `modbtf`'s arguments.
///
/// # Errors
///
/// Standard output cannot be written to.
pub fn completions(mut modbtf: Command, arguments: &Completions) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut modbtf, "modbtf", &mut text);
    match io::Write::write_all(&mut io::stdout(), &text) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot print the completions"),
    }
}
