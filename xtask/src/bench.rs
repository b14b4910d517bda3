//! `cargo xtask bench`: compares the speed of our encoder with pahole's, in one run.

use std::fs;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use cli::Exit;
use cli::Format;
use container::scratch::{self, LockedTempDir};
use kernels::kbuild::{BuildEnv, static_program};
use measure::Report;
use measure::run::{self, Plan};

use crate::build_env::{PinnedDebug, available, in_build_env, pinned, with_debug};
use crate::environment::Environment;

/// The kernel whose files are encoded.
const RELEASE: &str = "6.1.0-56-cloud-amd64";

/// Measure our encoder against pahole.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Encode(Encode),
}

/// Encode the kernel and all modules of a distribution's debug package with modbtf and with the build image's pahole,
/// on the same cores, and report the speed and memory of both. The outputs are compared in the same run.
///
/// The times are meaningful only on a quiet machine. Exit codes: 0 measured, and the outputs are equal; 1 the output
/// differs; 2 no such kernel; 3 the environment, or a package is unavailable; 130 interrupted.
#[derive(Debug, clap::Args)]
struct Encode {
    /// A kernel whose debug information is pinned in kernel-configs/
    #[arg(long, value_name = "RELEASE", default_value = RELEASE)]
    release: String,
    /// How often to run each
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    runs: u16,
    /// The form of the report, human, json or html, and the file to write it to; can be given several times
    #[arg(long, value_name = "FORMAT[:FILE]", default_value = "human")]
    format: Vec<Format<Form>>,
    #[command(flatten)]
    environment: Environment,
}

/// The forms of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    Human,
    Json,
    Html,
}

/// Measures and prints the report.
///
/// # Errors
///
/// An encoder cannot be run.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let Command::Encode(arguments) = &arguments.command;
    let pinned = pinned(&arguments.environment, std::slice::from_ref(&arguments.release))?;
    let pinned = pinned.first().context("there is no kernel to encode")?;
    in_build_env(&arguments.environment, |build_env| encode(build_env, pinned, arguments))
}

fn encode(build_env: &BuildEnv<'_>, pinned: &PinnedDebug, arguments: &Encode) -> Result<Exit> {
    let Some((_, debug)) = available(with_debug(build_env, pinned)?) else {
        return Ok(Exit::Environment);
    };
    let root = crate::workspace::root();
    let ours = static_program(&root, &root.join("target/encoder"), "modbtf")?;
    let runs = build_env.context.cache.root().join("runs");
    fs::create_dir_all(&runs).with_context(|| format!("cannot create {}", runs.display()))?;
    scratch::sweep(&runs)?;
    let scratch = LockedTempDir::make(&runs, "bench")?;
    let plan = Plan { debug: &debug, ours: &ours, rounds: arguments.runs.into(), scratch: scratch.path() };
    let bench = run::bench(build_env, &plan)?;
    let printed: Vec<Result<()>> = arguments.format.iter().map(|format| print(&bench, format)).collect();
    printed.into_iter().collect::<Result<()>>()?;
    Ok(if bench.complete() { Exit::Success } else { Exit::Failed })
}

fn print(report: &dyn Report, format: &Format<Form>) -> Result<()> {
    format.write(match format.form {
        Form::Human => report.text(format.style()),
        Form::Json => report.json()?,
        Form::Html => report.html(),
    })?;
    Ok(())
}
