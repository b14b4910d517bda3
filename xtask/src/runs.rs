//! `cargo xtask runs`: the folders of runs that were kept.

use anyhow::Result;
use clap::Subcommand;
use cli::Exit;
use cli::terminal::print_line;
use container::kept::{self, Limits};

/// Lists and removes the folders of runs that were kept: of those that differed or went wrong, and of `repro --keep`.
///
/// The oldest are removed by the next run when there are more than 20, or when they take more than 1 GB.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List them, oldest first, with their size and age
    List,
    /// Remove all that are not in use
    Clean,
}

/// Lists or removes folders of runs.
///
/// # Errors
///
/// The cache cannot be read.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let runs = kernels::cache::from_env()?.directory("runs");
    match arguments.command {
        Command::List => {
            let kept = kept::list(&runs)?;
            for dir in &kept {
                let hours = dir.since.elapsed().unwrap_or_default().as_secs() / 3600;
                let in_use = if dir.in_use { ", in use" } else { "" };
                print_line(&format!("{:>5} MB  {hours:>4} h  {}{in_use}", dir.bytes / 1_000_000, dir.path.display()));
            }
            if kept.is_empty() {
                print_line("no folder of a run was kept");
            }
        }
        Command::Clean => {
            for dir in kept::prune(&runs, Limits { number: 0, bytes: 0 })? {
                print_line(&format!("removed {}", dir.path.display()));
            }
        }
    }
    Ok(Exit::Success)
}
