//! BTF for kernels and their modules.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use cli::exit::{Exit, class_of};
use cli::terminal::say_error;
use modbtf::documents::{self, Completions, Man};
use modbtf::encode;

/// BTF for kernels and their modules.
#[derive(Debug, Parser)]
#[command(name = "modbtf", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Encode(encode::Arguments),
    /// Writes the man pages into a directory.
    Man(Man),
    /// Prints what completes these arguments in a shell.
    Completions(Completions),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Encode(arguments) => encode::run(&arguments),
        Command::Man(arguments) => documents::man(Arguments::command(), &arguments).map(|()| Exit::Success),
        Command::Completions(arguments) => {
            documents::completions(Arguments::command(), &arguments).map(|()| Exit::Success)
        }
    };
    result
        .unwrap_or_else(|error| {
            say_error(error.as_ref());
            Exit::of(error.as_ref(), &[class_of::<encode::UsageError>])
        })
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
