//! BTF for kernels and their modules.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use cli::terminal::say_error;
use cli::{Diagnostics, Exit};
use modbtf::documents::{self, Completions, Man};
use modbtf::{encode, explain};

/// BTF for kernels and their modules.
#[derive(Debug, Parser)]
#[command(name = "modbtf", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    diagnostics: Diagnostics,
}

#[derive(Debug, Subcommand)]
enum Command {
    Encode(encode::Arguments),
    Explain(explain::Arguments),
    /// Write the man pages into a directory.
    Man(Man),
    /// Print a shell script that completes these arguments.
    Completions(Completions),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let session = arguments.diagnostics.start();
    let result = match arguments.command {
        Command::Encode(arguments) => encode::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Man(arguments) => documents::man(Arguments::command(), &arguments).map(|()| Exit::Success),
        Command::Completions(arguments) => {
            documents::completions(Arguments::command(), &arguments).map(|()| Exit::Success)
        }
    };
    let exit = result.unwrap_or_else(|error| {
        say_error(error.as_ref());
        Exit::of(error.as_ref(), &[encode::classified(), explain::classified()].concat())
    });
    session.finish();
    exit.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
