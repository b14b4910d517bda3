//! `cargo xtask report`: measures again what was claimed when modules got BTF.

use anyhow::Result;
use clap::Subcommand;
use cli::{Exit, Format};
use kernels::Availability;
use kernels::archive::AptArchive;
use kernels::kbuild::{self, BuildEnv, Config, KernelConfigs, Request};
use kernels::source::{self, Source, SourcePins};
use measure::run::{self, Subject};
use measure::{KernelSizes, Overhead, Report, Sizes};

use crate::build_env::{PinnedDebug, available, check_series, in_build_env, pinned, with_debug};
use crate::environment::Environment;

/// The default prebuilt kernel to measure, in addition to those built here.
const PREBUILT: &str = "6.1.0-56-cloud-amd64";

/// Measure split BTF: how much smaller it is, and what it costs a build.
///
/// Exit codes: 0 done; 1 something could not be measured, and the report says what; 2 no such series or kernel; 3 the
/// environment, a build that failed, or a kernel that is unavailable; 130 interrupted.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Sizes(OfSizes),
    Overhead(OfOverhead),
}

/// Measure the BTF of every module, encoded alone and against the kernel's: each module, the largest, totals, ratios.
///
/// Without arguments it measures 6.1 as built here, and Debian's cloud kernel, whose debug information is a download of 283 MB
/// and takes 1.8 GB in the cache.
#[derive(Debug, clap::Args)]
struct OfSizes {
    /// A kernel series that is built from source: 6.1, 6.12 or 7.2; can be given several times
    #[arg(long, value_name = "LINE")]
    line: Vec<String>,
    /// A prebuilt kernel whose debug information is pinned in kernel-configs/; can be given several times
    #[arg(long, value_name = "RELEASE")]
    prebuilt: Vec<String>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    environment: Environment,
}

/// Measure a make with nothing to do against one after `touch vmlinux`, which encodes the BTF of all modules again: real, user
/// and system time, and the share of the processor.
#[derive(Debug, clap::Args)]
struct OfOverhead {
    /// The kernel series that is built from source
    #[arg(long, value_name = "LINE", default_value = "6.1")]
    line: String,
    /// How often to run each build
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    runs: u16,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    environment: Environment,
}

#[derive(Debug, clap::Args)]
struct Output {
    /// The form of the report, human, json or html, and the file to write it to; can be given several times
    #[arg(long, value_name = "FORMAT[:FILE]", default_value = "human")]
    format: Vec<Format<Form>>,
}

/// The forms of a report.
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
/// A failure that prevents any measurement.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let (environment, output) = match &arguments.command {
        Command::Sizes(arguments) => (&arguments.environment, &arguments.output),
        Command::Overhead(arguments) => (&arguments.environment, &arguments.output),
    };
    let (series, releases) = match &arguments.command {
        Command::Sizes(arguments) => arguments.kernels(),
        Command::Overhead(arguments) => (vec![arguments.line.clone()], Vec::new()),
    };
    check_series(&series)?;
    let pinned = pinned(environment, &releases)?;
    in_build_env(environment, |build_env| match &arguments.command {
        Command::Sizes(_) => finish(sizes(build_env, &series, &pinned)?.as_ref().map(|it| it as &dyn Report), output),
        Command::Overhead(arguments) => {
            finish(overhead(build_env, arguments)?.as_ref().map(|it| it as &dyn Report), output)
        }
    })
}

impl OfSizes {
    /// The series and the releases to measure.
    fn kernels(&self) -> (Vec<String>, Vec<String>) {
        match (self.line.as_slice(), self.prebuilt.as_slice()) {
            ([], []) => (vec!["6.1".into()], vec![PREBUILT.into()]),
            (series, releases) => (series.to_vec(), releases.to_vec()),
        }
    }
}

/// Prints a report. Exits with an error if there is none, for which the reason was printed, or if it is incomplete.
fn finish(report: Option<&dyn Report>, output: &Output) -> Result<Exit> {
    let Some(report) = report else { return Ok(Exit::Environment) };
    // If one form cannot be written, the others are still written.
    let printed: Vec<Result<()>> = output.format.iter().map(|format| print(report, format)).collect();
    printed.into_iter().collect::<Result<()>>()?;
    Ok(if report.complete() { Exit::Success } else { Exit::Failed })
}

/// Returns `None` if a kernel is unavailable, after printing the reason.
fn sizes(build_env: &BuildEnv<'_>, series: &[String], releases: &[PinnedDebug]) -> Result<Option<Sizes>> {
    let setting = run::setting(build_env);
    let mut kernels = Vec::new();
    for line in series {
        let Some(kernel) = built(build_env, line)? else { return Ok(None) };
        kernels.push(kernel);
    }
    for pinned in releases {
        let Some(kernel) = prebuilt(build_env, pinned)? else { return Ok(None) };
        kernels.push(kernel);
    }
    Ok(Some(Sizes { version: measure::VERSION, setting, kernels }))
}

fn built(build_env: &BuildEnv<'_>, line: &str) -> Result<Option<KernelSizes>> {
    let Some(source) = available(source_of(build_env, line)?) else { return Ok(None) };
    let configs = configs();
    let config = config();
    let request = Request { source: &source, configs: &configs, config: &config, upgrade: None };
    let (build, tree) = kbuild::build_with_tree(build_env, &request)?;
    Ok(Some(run::sizes(build_env, &Subject::built(&build, &tree))?))
}

fn prebuilt(build_env: &BuildEnv<'_>, pinned: &PinnedDebug) -> Result<Option<KernelSizes>> {
    let Some((kernel, debug)) = available(with_debug(build_env, pinned)?) else { return Ok(None) };
    Ok(Some(run::sizes(build_env, &Subject::prebuilt(&kernel, &debug))?))
}

/// Returns `None` if the kernel's source is unavailable, after printing the reason.
fn overhead(build_env: &BuildEnv<'_>, arguments: &OfOverhead) -> Result<Option<Overhead>> {
    let Some(source) = available(source_of(build_env, &arguments.line)?) else { return Ok(None) };
    let configs = configs();
    let config = config();
    let request = Request { source: &source, configs: &configs, config: &config, upgrade: None };
    Ok(Some(run::overhead(build_env, &request, arguments.runs.into())?))
}

fn configs() -> KernelConfigs {
    KernelConfigs::at(crate::workspace::root().join("kernel-configs"))
}

fn config() -> Config {
    Config::new(&["strict"])
}

fn source_of(build_env: &BuildEnv<'_>, line: &str) -> Result<Availability<Source>> {
    let pins = SourcePins::builtin()?;
    let archive = AptArchive::new(build_env.context, build_env.engine, &build_env.image.name);
    Ok(source::acquire(build_env, &archive, pins.series(line)?)?)
}

fn print(report: &dyn Report, format: &Format<Form>) -> Result<()> {
    format.write(match format.form {
        Form::Human => report.text(format.style()),
        Form::Json => report.json()?,
        Form::Html => report.html(),
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_that_is_measured_without_arguments_is_pinned_with_its_debug_information() {
        let pins = kernels::pins::Pins::builtin().unwrap();
        assert!(pins.release(PREBUILT).is_some() && pins.debug_of(PREBUILT).is_some());
    }
}
