//! Measuring the speed of encoding BTF.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use btf::Btf;
use container::Progress;
use container::engine::{Mount, RunSpec};
use encode::{Options, PreparedBase};
use encode_check::{Compared, FileChecker};
use kernels::archive::Debug;
use kernels::kbuild::BuildEnv;
use util::error::one_line;

use super::flags::FEATURES;
use super::{cores, setting, shipped, stage};
use crate::Error;
use crate::bench::{Bench, Checked, Task, Timing};

const SCRIPT: &str = include_str!("../../../../ci/bench.pl");

/// The path of our program in the container.
const OURS: &str = "/encoder/modbtf";

/// The numbers of modules to encode in addition to all: the points of a curve.
const COUNTS: [usize; 3] = [1, 10, 100];

/// The extent of a measurement.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// The kernel to encode.
    pub debug: &'a Debug,
    /// Our statically linked program `modbtf`, on the host.
    pub ours: &'a Path,
    /// The number of runs of each task.
    pub rounds: usize,
    /// A directory for temporary outputs, on the host.
    pub scratch: &'a Path,
}

/// Measures our encoder and the image's pahole, and compares their outputs.
///
/// # Errors
///
/// An encoder cannot be run, or a run fails.
pub fn bench(build_env: &BuildEnv<'_>, plan: &Plan<'_>) -> Result<Bench, Error> {
    let setting = setting(build_env);
    let files: Vec<PathBuf> =
        shipped::files(&plan.debug.modules)?.iter().map(|file| plan.debug.modules.join(file)).collect();
    if files.is_empty() {
        return Err(Error::NoModules { release: plan.debug.pin.release.clone() });
    }
    let mut measuring =
        Measuring { build_env, plan, runs: 0, modules: Outputs::default(), vmlinux: Outputs::default() };
    let mut tasks = tasks(files.len(), cores());
    let what = format!("{} of each encoder on {}", util::number::of(plan.rounds, "run"), plan.debug.pin.release);
    stage(build_env.context, what, || measuring.all(&mut tasks, &files))?;
    let what = "comparing what both encoders wrote".to_owned();
    let checked = stage(build_env.context, what, || measuring.check(&files))?;
    Ok(Bench {
        version: crate::VERSION,
        setting,
        release: plan.debug.pin.release.clone(),
        origin: format!("{} {}", plan.debug.pin.package, plan.debug.pin.version),
        pahole: ["pahole", "-J", "--btf_base=vmlinux"].into_iter().chain(features()).map(str::to_owned).collect(),
        ours: ["modbtf", "encode", "--base=vmlinux", "--like=pahole-1.30"].map(str::to_owned).into(),
        tasks,
        checked,
    })
}

/// The tasks: the kernel itself and all modules, each on one core and on all cores; fewer modules on all cores.
fn tasks(modules: usize, cores: usize) -> Vec<Task> {
    let task = |modules, cores| Task { modules, cores, ours: Vec::new(), pahole: Vec::new() };
    let mut counts: Vec<usize> = COUNTS.into_iter().filter(|count| *count < modules).collect();
    counts.push(modules);
    let mut tasks: Vec<Task> = counts.into_iter().map(|count| task(Some(count), cores)).collect();
    tasks.push(task(None, cores));
    if cores > 1 {
        tasks.extend([task(Some(modules), 1), task(None, 1)]);
    }
    tasks
}

/// The directories of the outputs on the host: ours, pahole's.
type Outputs = [PathBuf; 2];

struct Measuring<'a> {
    build_env: &'a BuildEnv<'a>,
    plan: &'a Plan<'a>,
    /// The number of runs.
    runs: usize,
    /// The outputs of the last runs over all modules.
    modules: Outputs,
    /// The outputs of the last runs over the kernel itself.
    vmlinux: Outputs,
}

impl Measuring<'_> {
    fn all(&mut self, tasks: &mut [Task], files: &[PathBuf]) -> Result<(), Error> {
        let mut warm: Vec<OsString> = vec!["warm".into(), self.plan.debug.vmlinux.clone().into()];
        warm.extend(files.iter().map(|file| file.clone().into()));
        self.script(&warm)?;
        let total = (tasks.len() * self.plan.rounds * 2) as u64;
        let mut done = 0;
        // The encoders alternate, so that other work of the machine affects both.
        for _ in 0..self.plan.rounds {
            for task in &mut *tasks {
                task.pahole.push(self.pahole(task, files)?);
                task.ours.push(self.ours(task, files)?);
                done += 2;
                (self.build_env.context.progress)(Progress::Amount { stage: stage::MEASURE, done, total });
            }
        }
        Ok(())
    }

    fn pahole(&mut self, task: &Task, files: &[PathBuf]) -> Result<Timing, Error> {
        let out = self.output(1, task, files)?;
        let to = |name: &str| OsString::from(format!("--btf_encode_detached={}/{name}.btf", out.display()));
        let mut arguments: Vec<OsString> = vec!["run".into()];
        let features = features().map(OsString::from);
        let program = ["/usr/bin/pahole", "-J"].map(OsString::from);
        let vmlinux = self.plan.debug.vmlinux.clone();
        match task.modules {
            None => {
                arguments.push("1".into());
                arguments.extend(program.into_iter().chain(features));
                arguments.extend([format!("-j{}", task.cores).into(), to("vmlinux"), vmlinux.into()]);
            }
            Some(count) => {
                arguments.push(task.cores.to_string().into());
                arguments.extend(program.into_iter().chain(features));
                arguments.extend(["-j1".into(), to("{/}"), "--btf_base".into(), vmlinux.into(), "{}".into()]);
                arguments.push("--".into());
                arguments.extend(some(files, count).map(OsString::from));
            }
        }
        self.measure(&arguments)
    }

    fn ours(&mut self, task: &Task, files: &[PathBuf]) -> Result<Timing, Error> {
        let out = self.output(0, task, files)?;
        let mut arguments: Vec<OsString> =
            ["run", "1", OURS, "encode", "--like=pahole-1.30", "--jobs"].map(OsString::from).into();
        arguments.push(task.cores.to_string().into());
        let vmlinux = self.plan.debug.vmlinux.clone();
        match task.modules {
            None => arguments.extend(["--out".into(), out.join("vmlinux.btf").into(), vmlinux.into()]),
            Some(count) => {
                arguments.extend(["--detached".into(), out.into(), "--base".into(), vmlinux.into()]);
                arguments.extend(some(files, count).map(OsString::from));
            }
        }
        self.measure(&arguments)
    }

    /// A separate directory for a run: replacing the files of another run, or creating files where others were just
    /// removed, takes longer.
    fn output(&mut self, which: usize, task: &Task, files: &[PathBuf]) -> Result<PathBuf, Error> {
        self.runs += 1;
        let out = self.plan.scratch.join(self.runs.to_string());
        fs::create_dir_all(&out).map_err(|source| Error::Io { path: out.clone(), source })?;
        match task.modules {
            None => self.vmlinux[which].clone_from(&out),
            Some(count) if count == files.len() => self.modules[which].clone_from(&out),
            Some(_) => {}
        }
        Ok(out)
    }

    fn measure(&self, arguments: &[OsString]) -> Result<Timing, Error> {
        let line = self.script(arguments)?;
        let (timing, failed) =
            parse(&line).ok_or_else(|| Error::Unreadable { release: "the bench".into(), line: line.clone() })?;
        match failed {
            0 => Ok(timing),
            failed => Err(Error::BuildFailed {
                command: arguments.iter().take(6).map(|it| it.to_string_lossy()).collect::<Vec<_>>().join(" "),
                status: format!("failed {failed} times"),
                output: String::new(),
            }),
        }
    }

    /// Runs the script and returns the last line of its output.
    fn script(&self, arguments: &[OsString]) -> Result<String, Error> {
        let mut argv: Vec<OsString> = ["perl", "-e", SCRIPT, "--"].map(OsString::from).into();
        argv.extend_from_slice(arguments);
        let Debug { vmlinux, modules, .. } = self.plan.debug;
        let mut mounts: Vec<Mount> =
            [vmlinux.parent().unwrap_or(vmlinux), modules.as_path()].into_iter().map(Mount::read_only).collect();
        mounts.push(Mount::writable(self.plan.scratch));
        mounts.push(Mount::read_only(self.plan.ours).seen_at(OURS));
        let spec = RunSpec {
            image: self.build_env.image.name.clone(),
            argv,
            mounts,
            workdir: "/".into(),
            ..RunSpec::default()
        };
        let mut last = String::new();
        let doing = "measure an encoder";
        self.build_env
            .engine
            .command(&spec)?
            .follow(self.build_env.context, doing, &mut |line| line.clone_into(&mut last))?;
        Ok(last)
    }

    /// Compares both outputs for all modules and for the kernel itself.
    fn check(&self, files: &[PathBuf]) -> Result<Checked, Error> {
        let vmlinux = &self.plan.debug.vmlinux;
        let wrong = |path: &Path, what: String| Error::Checked { path: path.to_owned(), what };
        let base = kmod::kernel_btf(vmlinux).map_err(|source| Error::Kmod { path: vmlinux.clone(), source })?.bytes;
        let parsed = Btf::parse(&base).map_err(|error| wrong(vmlinux, one_line(&error)))?;
        let prepared = PreparedBase::new(&base).map_err(|error| wrong(vmlinux, one_line(&error)))?;
        let alone = FileChecker::new(None, Options::kernel());
        let over = FileChecker::new(Some((&parsed, &prepared)), Options::kernel());
        let mut checked = Checked::default();
        let compare = |reference: &FileChecker<'_>, outputs: &Outputs, name: &str| -> Result<Compared, String> {
            let read = |out: &PathBuf| fs::read(out.join(format!("{name}.btf"))).map_err(|it| it.to_string());
            let [ours, theirs] = outputs;
            reference.compare_bytes(&read(ours)?, &read(theirs)?)
        };
        for file in std::iter::once(vmlinux).chain(files) {
            let name = file.file_stem().filter(|_| file != vmlinux);
            let name = name.map_or_else(|| "vmlinux".to_owned(), |name| name.to_string_lossy().into_owned());
            let (reference, outputs) = if file == vmlinux { (&alone, &self.vmlinux) } else { (&over, &self.modules) };
            checked.files += 1;
            match compare(reference, outputs, &name) {
                Ok(compared) if compared.differences.is_empty() => checked.equal += 1,
                Ok(compared) if compared.differences.iter().all(|it| it.rule.is_some()) => checked.explained += 1,
                Ok(compared) => {
                    let open = compared.differences.iter().filter(|it| it.rule.is_none()).count();
                    checked.wrong.push(format!("{name}: {}", util::number::of(open, "unexplained type")));
                }
                Err(why) => checked.wrong.push(format!("{name}: {why}")),
            }
        }
        Ok(checked)
    }
}

/// The features that a kernel requests from pahole, except for the one that costs speed and is implied from version
/// 1.29 on.
fn features() -> impl Iterator<Item = &'static str> {
    FEATURES.into_iter().filter(|flag| !flag.ends_with("+reproducible_build"))
}

/// This number of files, spread evenly over all of them.
fn some(files: &[PathBuf], count: usize) -> impl Iterator<Item = &PathBuf> {
    (0..count).filter_map(move |at| files.get(at * files.len() / count.max(1)))
}

/// Parses the script's line: a timing, and the number of processes that failed.
fn parse(line: &str) -> Option<(Timing, u64)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["bench", "real", real, "user", user, "system", system, "peak", peak, "failed", failed] = words.as_slice()
    else {
        return None;
    };
    let number = |text: &str| text.parse::<u64>().ok();
    let timing = Timing { real: number(real)?, user: number(user)?, system: number(system)?, peak: number(peak)? };
    Some((timing, number(failed)?))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn run(arguments: &[&str]) -> (Timing, u64) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ci/bench.pl");
        let output = Command::new("perl").arg(script).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        parse(String::from_utf8(output.stdout).unwrap().trim_end()).unwrap()
    }

    #[test]
    fn the_script_runs_a_program_for_each_input_and_counts_what_fails() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("{/}.out");
        let program = format!("echo {{}} > '{}'; case {{}} in */bad.ko) exit 3;; esac", out.display());
        let (timing, failed) = run(&["run", "2", "/bin/sh", "-c", &program, "--", "x/a.ko", "x/bad.ko", "c.ko"]);
        assert_eq!(failed, 1);
        assert!(timing.real > 0 && timing.peak > 100, "{timing:?}");
        let text = |name: &str| fs::read_to_string(root.path().join(name)).unwrap();
        assert_eq!([text("a.out"), text("bad.out"), text("c.out")], ["x/a.ko\n", "x/bad.ko\n", "c.ko\n"]);
        assert_eq!(run(&["run", "1", "/nonexistent/program"]).1, 1);
    }

    #[test]
    fn as_many_run_at_a_time_as_are_to() {
        let (one, _) = run(&["run", "1", "/bin/sleep", "0.1", "--", "a", "b", "c"]);
        let (three, _) = run(&["run", "3", "/bin/sleep", "0.1", "--", "a", "b", "c"]);
        assert!(one.real >= 300_000 && three.real < one.real, "{one:?} {three:?}");
    }

    #[test]
    fn parse_refuses_lines_of_another_form() {
        assert_eq!(parse("bench real 1 user 2 system 3 peak 4 failed 5").unwrap().1, 5);
        for line in ["", "bench real 1", "bench real x user 2 system 3 peak 4 failed 0", "sh: perl: not found"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn a_curve_has_its_points_and_both_counts_of_cores() {
        let of = |modules, cores| tasks(modules, cores).iter().map(|it| (it.modules, it.cores)).collect::<Vec<_>>();
        let all = [(Some(1), 2), (Some(10), 2), (Some(100), 2), (Some(1121), 2), (None, 2), (Some(1121), 1), (None, 1)];
        assert_eq!(of(1121, 2), all);
        assert_eq!(of(10, 1), [(Some(1), 1), (Some(10), 1), (None, 1)]);
        let files: Vec<PathBuf> = (0..10).map(|number| number.to_string().into()).collect();
        let chosen = some(&files, 3).map(|file| file.display().to_string()).collect::<Vec<_>>();
        assert_eq!(chosen, ["0", "3", "6"]);
    }
}
