//! Man pages and completions, made from the arguments' own descriptions.

use std::io;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

use crate::pahole;

/// `modbtf man DIR`.
#[derive(Debug, clap::Args)]
pub struct Man {
    /// Where the pages are put; made if it is not there.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// `modbtf completions SHELL`.
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// For which shell.
    shell: Shell,
}

/// Writes the man pages of `modbtf`, each of its commands, and `modbtf-pahole`.
///
/// # Errors
///
/// Where a file cannot be written.
pub fn man(modbtf: Command, arguments: &Man) -> Result<()> {
    let dir = &arguments.dir;
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    for command in [modbtf.disable_help_subcommand(true), pahole::Arguments::command()] {
        clap_mangen::generate_to(command, dir)
            .with_context(|| format!("cannot write the man pages into {}", dir.display()))?;
    }
    Ok(())
}

/// Prints what completes `modbtf`'s arguments in a shell.
///
/// # Errors
///
/// Where standard output cannot be written to.
pub fn completions(mut modbtf: Command, arguments: &Completions) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut modbtf, "modbtf", &mut text);
    match io::Write::write_all(&mut io::stdout(), &text) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot print the completions"),
    }
}
