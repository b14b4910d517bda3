//! `cargo xtask encode-check`: compares our BTF with what distributions shipped.

use std::sync::atomic::Ordering;

use anyhow::{Context as _, Result};
use cli::Exit;
use cli::Format;
use container::Progress;
use encode_check::{IdenticalBaseline, KernelFiles, KernelReport, Report, UnavailableKernel, VERSION};
use kernels::Availability;
use kernels::kbuild::{BuildEnv, Symbols};
use kernels::stage;

use crate::build_env::{PinnedDebug, in_build_env, pinned, with_debug};
use crate::environment::Environment;

/// The kernels that are checked by default.
const RELEASES: [&str; 2] = ["6.1.0-56-cloud-amd64", "6.12.115+deb13.1-cloud-amd64"];

/// Encode the BTF of a kernel and all its modules from the DWARF in the distribution's debug package, and compare it with the
/// shipped BTF, by meaning.
///
/// A difference is a failure unless a listed rule predicts it; rules may explain fewer than one type in a thousand. At least as
/// many files as kernel-configs/encode-check.toml records must be byte for byte as shipped. Without --release the kernels are
/// Debian's cloud kernels 6.1.0-56 (BTF by pahole 1.24) and 6.12.115 (1.30): two downloads of 283 and 320 MB, 4 GB in the
/// cache.
///
/// Exit codes: 0 no unexplained difference; 1 there is one, or a bound is broken; 2 no such kernel; 3 the environment, or a
/// package is unavailable (see --allow-unavailable); 130 interrupted.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A kernel whose debug information is pinned in kernel-configs/; can be given several times
    #[arg(long, value_name = "RELEASE")]
    release: Vec<String>,
    /// Exit 0 although the archive no longer has a package of a kernel, provided another kernel was checked and passed; the
    /// report names what was not checked
    #[arg(long)]
    allow_unavailable: bool,
    /// The form of the report, human, json or junit, and the file to write it to; can be given several times
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
    Junit,
}

/// Checks the kernels and prints the report.
///
/// # Errors
///
/// A failure that prevents checking a kernel.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let releases: Vec<&str> = match arguments.release.as_slice() {
        [] => RELEASES.to_vec(),
        some => some.iter().map(String::as_str).collect(),
    };
    let pinned = pinned(&arguments.environment, &releases)?;
    in_build_env(&arguments.environment, |build_env| check(build_env, &releases, &pinned, arguments))
}

fn check(build_env: &BuildEnv<'_>, releases: &[&str], pinned: &[PinnedDebug], arguments: &Arguments) -> Result<Exit> {
    let recorded = IdenticalBaseline::builtin()?;
    let (mut subjects, mut unavailable) = (Vec::new(), Vec::new());
    for (&release, pinned) in releases.iter().zip(pinned) {
        let (kernel, debug) = match with_debug(build_env, pinned)? {
            Availability::Available(found) => found,
            Availability::Unavailable(gone) => {
                unavailable.push(UnavailableKernel { release: release.to_owned(), why: gone.to_string() });
                continue;
            }
        };
        let config = kernel.image.with_file_name(format!("config-{release}"));
        let pahole = Symbols::load(&config)?.get("CONFIG_PAHOLE_VERSION").parse();
        subjects.push(KernelFiles {
            release: release.to_owned(),
            recorded: recorded.of(&debug.pin.name()),
            package: debug.pin.name(),
            pahole: pahole.with_context(|| format!("cannot read the version of pahole in {}", config.display()))?,
            vmlinux: debug.vmlinux,
            modules: debug.modules,
        });
    }
    let kernels = subjects.iter().map(|subject| one(build_env, subject)).collect::<Result<_>>()?;
    let report = Report { version: VERSION, kernels, unavailable };
    let printed: Vec<Result<()>> = arguments.format.iter().map(|format| print(&report, format)).collect();
    printed.into_iter().collect::<Result<()>>()?;
    Ok(end(report.none_fails(), report.kernels.len(), report.unavailable.len(), arguments.allow_unavailable))
}

/// The exit code for these numbers of checked and unavailable kernels. A difference outweighs unavailable kernels. If
/// no kernel was checked, the command fails.
fn end(none_fails: bool, checked: usize, unavailable: usize, allow_unavailable: bool) -> Exit {
    match (checked, unavailable) {
        _ if !none_fails => Exit::Failed,
        (0, 0) => Exit::Failed,
        (0, _) => Exit::Environment,
        (_, 0) => Exit::Success,
        _ if allow_unavailable => Exit::Success,
        _ => Exit::Environment,
    }
}

fn one(build_env: &BuildEnv<'_>, subject: &KernelFiles) -> Result<KernelReport> {
    let (stage, context) = (stage::MEASURE, build_env.context);
    (context.progress)(Progress::Started { stage, what: format!("encoding the BTF of {}", subject.release) });
    let show = |done, total| (context.progress)(Progress::Amount { stage, done, total });
    let begun = std::time::Instant::now();
    let report = encode_check::check_kernel(subject, &show, &|| context.cancel.load(Ordering::Relaxed))?;
    (context.progress)(Progress::Finished { stage, elapsed: begun.elapsed() });
    Ok(report)
}

fn print(report: &Report, format: &Format<Form>) -> Result<()> {
    format.write(match format.form {
        Form::Human => report.text(format.style()),
        Form::Json => report.json()?,
        Form::Junit => report.junit()?,
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use util::error::Class;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    /// Otherwise the container would be set up first, which takes minutes on a fresh machine.
    #[test]
    fn run_refuses_an_unknown_release_before_anything_is_set_up() {
        let line = Line::try_parse_from(["encode-check", "--release", "6.1.0-65-cloud-amd64"]).unwrap();
        let error = run(&line.arguments).unwrap_err();
        let error = error.downcast_ref::<kernels::Error>().unwrap();
        assert_eq!(error.class(), Class::Usage);
        assert!(error.to_string().contains("did you mean 6.1.0-56-cloud-amd64"), "{error}");
    }

    #[test]
    fn default_releases_are_pinned_with_their_debug_information() {
        let pins = kernels::pins::Pins::builtin().unwrap();
        for release in RELEASES {
            assert!(pins.release(release).is_some() && pins.debug_of(release).is_some(), "{release}");
        }
    }

    #[test]
    fn a_kernel_that_is_unavailable_is_let_pass_beside_one_that_was_checked_and_a_difference_never() {
        let either = |none_fails, checked, unavailable| {
            [false, true].map(|allow| end(none_fails, checked, unavailable, allow).code())
        };
        assert_eq!(either(true, 1, 0), [0, 0]);
        assert_eq!(either(true, 1, 1), [3, 0]);
        assert_eq!(either(true, 0, 1), [3, 3], "nothing was checked");
        assert_eq!(either(true, 0, 0), [1, 1], "nothing was there to check");
        assert_eq!([either(false, 1, 0), either(false, 1, 1)], [[1, 1]; 2]);
    }

    #[test]
    fn recorded_counts_cover_exactly_the_pinned_kernels() {
        let (pins, recorded) = (kernels::pins::Pins::builtin().unwrap(), IdenticalBaseline::builtin().unwrap());
        let mut pinned: Vec<String> = pins.debug.iter().map(kernels::pins::Pin::name).collect();
        let mut known: Vec<&str> = recorded.packages().collect();
        pinned.sort_unstable();
        known.sort_unstable();
        assert_eq!(pinned, known);
    }
}
