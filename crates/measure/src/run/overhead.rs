//! Measuring the time that encoding the BTF of all modules adds to a build.

use container::Progress;
use kernels::kbuild::sandbox::{BuildSandbox, Command, Place, Setup};
use kernels::kbuild::{self, BuildEnv, Request};

use super::{cores, setting, shipped, stage, tools};
use crate::{Error, Measurement, Overhead, Run};

/// kbuild's output when it encodes the BTF of a module (`scripts/Makefile.modfinal`).
const ENCODES: &str = "BTF [M]";

/// kbuild's output when it links a module, or an object of one.
const LINKS: &str = "LD [M]";

/// The number of last lines that are shown of a failed build.
const TAIL: usize = 20;

/// Measures a request's first build, which is built if the cache lacks it: `rounds` runs of each command. The
/// commands alternate, so that other work of the machine affects all of them.
///
/// # Errors
///
/// [`Error::NoModules`], [`Error::NotMeasured`], [`Error::BuildFailed`], and failures to build or copy the kernel.
pub fn overhead(build_env: &BuildEnv<'_>, request: &Request<'_>, rounds: usize) -> Result<Overhead, Error> {
    // The load is read before any work, so that our own work is not mistaken for other work.
    let setting = setting(build_env);
    let build = kbuild::build(build_env, &Request { upgrade: None, ..*request })?;
    let (tools, modules) = (tools(&build.config)?, shipped::modules(&build.modules)?.len());
    require_modules(&build.manifest.release, modules)?;
    let bench = BuildSandbox::open(build_env, &Setup::new(Request { upgrade: None, ..*request }))?;
    let jobs = cores();
    let mut measuring = Measuring::new(build_env, &bench, jobs, modules);
    let what = format!("{} of each build of {}", util::number::of(rounds, "run"), build.manifest.name);
    stage(build_env.context, what, || measuring.all(rounds))?;
    let source = &build.manifest.source;
    Ok(Overhead {
        version: crate::VERSION,
        setting,
        release: build.manifest.release.clone(),
        origin: format!("{} {}, configuration {}", source.series, source.version, build.manifest.config),
        compiler: tools.compiler,
        jobs,
        modules,
        measurements: measuring.measurements,
    })
}

fn require_modules(release: &str, modules: usize) -> Result<(), Error> {
    if modules > 0 { Ok(()) } else { Err(Error::NoModules { release: release.to_owned() }) }
}

struct Measuring<'a> {
    build_env: &'a BuildEnv<'a>,
    bench: &'a BuildSandbox<'a>,
    modules: usize,
    measurements: Vec<Measurement>,
}

impl<'a> Measuring<'a> {
    fn new(build_env: &'a BuildEnv<'a>, bench: &'a BuildSandbox<'a>, jobs: usize, modules: usize) -> Self {
        let one = |target: &str, touched| {
            let command = format!("make -j{jobs} {target}").trim_end().to_owned();
            Measurement { command, touched, runs: Vec::new() }
        };
        let measurements = ["", "modules"].iter().flat_map(|target| [one(target, false), one(target, true)]).collect();
        Self { build_env, bench, modules, measurements }
    }

    fn all(&mut self, rounds: usize) -> Result<(), Error> {
        let total = (rounds * self.measurements.len()) as u64;
        let mut done = 0;
        let everything = self.measurements[0].command.clone();
        for _ in 0..rounds {
            // Work that remains from the copy or from the round before is not part of the measurement.
            self.make(&everything)?;
            for number in 0..self.measurements.len() {
                let (command, touched) = (self.measurements[number].command.clone(), self.measurements[number].touched);
                if touched {
                    self.bench.touch(Place::Tree, "vmlinux")?;
                }
                let run = self.make(&command)?;
                self.check(&command, touched, &run)?;
                self.measurements[number].runs.push(run);
                done += 1;
                (self.build_env.context.progress)(Progress::Amount { stage: stage::MEASURE, done, total });
            }
        }
        Ok(())
    }

    /// Returns an error if a build did not do the work that is measured.
    fn check(&self, command: &str, touched: bool, run: &Run) -> Result<(), Error> {
        let (after, wanted) = if touched { ("touch vmlinux", self.modules) } else { ("no change", 0) };
        match run.encoded == wanted {
            true => Ok(()),
            false => Err(Error::NotMeasured { command: command.to_owned(), after, wanted, got: run.encoded }),
        }
    }

    fn make(&self, command: &str) -> Result<Run, Error> {
        let arguments: Vec<&str> = command.split(' ').skip(1).collect();
        let ran = self.bench.run(&Command::make(&arguments), &mut |_| {})?;
        if !ran.succeeded() {
            let output = ran.lines[ran.lines.len().saturating_sub(TAIL)..].join("\n");
            let (command, status) = (command.to_owned(), format!("ended with {}", ran.status));
            return Err(Error::BuildFailed { command, status, output });
        }
        let Steps { all: steps, encoded, linked } = count(&ran.lines);
        let milliseconds = |seconds: f64| (seconds * 1000.0).round() as u64;
        let times = ran.times;
        let (real, user) = (milliseconds(times.real), milliseconds(times.user));
        Ok(Run { real, user, system: milliseconds(times.system), encoded, linked, steps })
    }
}

/// kbuild's steps.
#[derive(Debug, Default, PartialEq)]
struct Steps {
    all: usize,
    /// The number of modules whose BTF was encoded.
    encoded: usize,
    /// The number of modules that were linked.
    linked: usize,
}

/// Counts steps: indented lines with an action and a file.
fn count(lines: &[String]) -> Steps {
    let steps = lines.iter().filter_map(|line| line.strip_prefix("  ")).filter(|step| {
        step.starts_with(|first: char| first.is_ascii_uppercase()) && step.split_whitespace().nth(1).is_some()
    });
    steps.fold(Steps::default(), |mut counted, step| {
        counted.all += 1;
        counted.encoded += usize::from(step.starts_with(ENCODES));
        counted.linked += usize::from(step.starts_with(LINKS) && step.ends_with(".ko"));
        counted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_modules_is_refused() {
        assert!(matches!(require_modules("6.1.192-modbtf", 0), Err(Error::NoModules { .. })));
        require_modules("6.1.192-modbtf", 1).unwrap();
    }

    #[test]
    fn steps_are_told_from_what_else_make_says() {
        let lines = [
            "make: Entering directory '/usr/src/linux'",
            "  BTF [M] fs/fuse/fuse.ko",
            "  BTF [M] net/llc/llc.ko",
            "  LD [M]  net/llc/llc.ko",
            "  LD [M]  net/llc/llc.o",
            "Kernel: arch/x86/boot/bzImage is ready  (#1)",
            "  ",
            "  warning: BTF [M]",
        ];
        assert_eq!(count(&lines.map(str::to_owned)), Steps { all: 4, encoded: 2, linked: 1 });
        assert_eq!(count(&[]), Steps::default());
    }
}
