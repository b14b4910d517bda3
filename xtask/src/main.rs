//! `cargo xtask`: the project's own commands, one file each. No logic here that a crate could own.

mod bench;
mod doctor;
mod encode_check;
mod environment;
mod faults;
mod fuzz;
mod interrupt;
mod kernel;
mod progress;
mod report;
mod repro;
mod test;
mod transcript;
mod workshop;
mod wrap;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use modbtf::one_line_a_cause;
use scenario::exit::Exit;

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Repro(repro::Arguments),
    Bench(bench::Arguments),
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
    let result = match arguments.command {
        Command::Repro(arguments) => repro::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
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
        say_error(&error);
        exit_of(&error)
    });
    ExitCode::from(exit.code())
}

/// An error and its causes, on standard error.
fn say_error(error: &anyhow::Error) {
    progress::say(&wrap::error(&format!("error: {}", one_line_a_cause(error.as_ref()))));
}

/// What an error exits with: what it says of itself if it is one of ours, otherwise the environment is to blame.
fn exit_of(error: &anyhow::Error) -> Exit {
    error
        .chain()
        .find_map(|cause| cause.downcast_ref::<scenario::run::Error>().map(scenario::run::Error::exit))
        .unwrap_or(Exit::Environment)
}

/// The workspace's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// A line on standard output. That nobody reads on is no failure.
fn print_line(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The cargo that runs this program.
fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".into())
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
    fn an_error_of_ours_says_its_exit_code_and_any_other_is_the_environment_s() {
        let unknown = scenario::selection::Error::NoSuchScenario { name: "x".into(), known: Vec::new() };
        let ours = scenario::run::Error::from(unknown);
        assert_eq!(exit_of(&anyhow::Error::from(ours).context("while running")), Exit::Usage);
        assert_eq!(exit_of(&anyhow::anyhow!("no space")), Exit::Environment);
    }
}
