//! `cargo xtask`: the project's own commands, one file each. Logic that a crate could own is not here.

mod bench;
mod build_env;
mod conformance;
mod doctor;
mod encode_check;
mod environment;
mod faults;
mod fuzz;
mod kernel;
mod progress;
mod report;
mod repro;
mod runs;
mod test;
mod transcript;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cli::Diagnostics;
use cli::exit::{Exit, class_of};
use cli::terminal::say_error;

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    diagnostics: Diagnostics,
}

#[derive(Debug, Subcommand)]
enum Command {
    Repro(repro::Arguments),
    Runs(runs::Arguments),
    Bench(bench::Arguments),
    Conformance(conformance::Arguments),
    Doctor(doctor::Arguments),
    EncodeCheck(encode_check::Arguments),
    Faults(faults::Arguments),
    Kernel(kernel::Arguments),
    Report(report::Arguments),
    Test(test::Arguments),
    Fuzz(fuzz::Arguments),
    Transcript(transcript::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let session = arguments.diagnostics.start_with_run_logs();
    let result = match arguments.command {
        Command::Repro(arguments) => repro::run(&arguments),
        Command::Runs(arguments) => runs::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Conformance(arguments) => conformance::run_command(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::EncodeCheck(arguments) => encode_check::run(&arguments),
        Command::Faults(arguments) => faults::run(&arguments),
        Command::Kernel(arguments) => kernel::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Transcript(arguments) => transcript::run(&arguments),
    };
    let exit = result.unwrap_or_else(|error| {
        say_error(error.as_ref());
        exit_of(&error)
    });
    session.finish();
    exit.into()
}

/// The exit code for an error.
fn exit_of(error: &anyhow::Error) -> Exit {
    let known = [
        class_of::<scenario::run::Error>,
        class_of::<kernels::Error>,
        class_of::<container::Error>,
        class_of::<measure::Error>,
        class_of::<::conformance::Error>,
        class_of::<::encode_check::Error>,
        class_of::<::faults::UnknownFault>,
    ];
    Exit::of(error.as_ref(), &known)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_error_exits_with_its_class_whatever_wraps_it() {
        let choice = scenario::selection::Error::NoSuchScenario { name: "x".into(), known: Vec::new() };
        let choice = anyhow::Error::from(scenario::run::Error::from(choice)).context("while running");
        assert_eq!(exit_of(&choice), Exit::Usage);
        let unknown = || kernels::Error::UnknownName { what: "kernel line", given: "5.0".into(), known: Vec::new() };
        assert_eq!(exit_of(&unknown().into()), Exit::Usage);
        assert_eq!(exit_of(&measure::Error::from(unknown()).into()), Exit::Usage);
        assert_eq!(exit_of(&measure::Error::Release { release: "x".into() }.into()), Exit::Environment);
        assert_eq!(exit_of(&::encode_check::Error::Interrupted.into()), Exit::Interrupted);
        assert_eq!(exit_of(&anyhow::anyhow!("no space")), Exit::Environment);
    }
}
