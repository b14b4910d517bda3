//! The environment of the runs in these tests.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cli::Exit;
use kernels::kbuild::KernelConfigs;
use kernels::pins::Pin;
use kernels::source::SourcePins;
use scenario::baseline::{SNAPSHOT, replay};
use scenario::definition::{Definition, Scenario};
use scenario::exit::Ending;
use scenario::report::{Report, ScenarioReport};
use scenario::run::{self, Encoding, Mode, Origin, Pair, Progress, RunContext, RunOptions, Sources, Task};
use tempfile::TempDir;
use vm::{Accel, AccelChooser, AccelRequest, BootLimits, KvmHost};

use super::kernels::FakeKernels;
use super::machines::{Behaviour, FakeMachines};
use super::predictor::FakePredictor;

/// The series of everything that is built here.
pub const SERIES: &str = "6.1";

/// Options for comparing, one scenario at a time.
pub const COMPARE: RunOptions =
    RunOptions { mode: Mode::Compare, jobs: 1, twice: false, keep: false, allow_unavailable: false };

pub struct World {
    dir: TempDir,
    pub cancel: Arc<AtomicBool>,
    pub kernels: FakeKernels,
    pub machines: FakeMachines,
    pub encoding: Option<Encoding>,
    /// The requested accelerator.
    pub accel: AccelRequest,
    /// The progress events: the packing, the end of each scenario, a printed line, a machine that was not started.
    pub progress: Mutex<Vec<String>>,
    /// A module about which the prediction is wrong.
    pub wrong_about: Mutex<Option<String>>,
    sources: Sources,
}

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["runs", "baseline"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        fs::write(dir.path().join("guest"), "guest").unwrap();
        let cancel = Arc::new(AtomicBool::new(false));
        let pins = SourcePins::builtin().unwrap();
        let sources = Sources { pins, configs: KernelConfigs::at(dir.path().join("configs")), own: None };
        Self {
            kernels: FakeKernels::new(dir.path().join("kernels")),
            machines: FakeMachines::new(Arc::clone(&cancel)),
            encoding: None,
            accel: AccelRequest::Tcg,
            progress: Mutex::default(),
            wrong_about: Mutex::default(),
            cancel,
            sources,
            dir,
        }
    }

    pub fn behave(&self, scenario: &str, behaviour: Behaviour) {
        self.machines.behaviours.lock().unwrap().insert(scenario.into(), behaviour);
    }

    pub fn runs(&self) -> PathBuf {
        self.dir.path().join("runs")
    }

    pub fn baseline(&self, scenario: &str) -> PathBuf {
        self.dir.path().join("baseline").join(scenario)
    }

    /// The names of the existing folders of runs.
    pub fn kept(&self) -> Vec<String> {
        let names = fs::read_dir(self.runs()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.map(|name| name[..name.len() - 7].to_owned()).collect();
        names.sort();
        names
    }

    pub fn scenario(&self, name: &str, definition: &str) -> Scenario {
        let definition: Definition = toml::from_str(definition).unwrap();
        let series = name.split_once('@').map(|(_, series)| series.to_owned());
        Scenario { name: name.into(), series, definition, dir: Some(self.baseline(name)) }
    }

    /// A scenario on two prebuilt kernels, which loads these modules.
    pub fn prebuilt(&self, name: &str, load: &str) -> Task {
        let (running, modules_of) = (format!("{name}-old"), format!("{name}-new"));
        let scenario = self.scenario(
            name,
            &format!(
                "title = \"t\"\nabout = \"a\"\n[boot]\nrunning = \"{running}\"\nmodules-of = \"{modules_of}\"\n\
                 load = {load}\nmemory-mib = 512\n"
            ),
        );
        let origin = |release: &str| Ok(Origin::Package(pin(release)));
        Task { scenario, kernels: Some(Pair { running: origin(&running), modules_of: origin(&modules_of) }) }
    }

    /// A scenario on two built kernels, the second with this upgrade, with this claim about the ABI.
    pub fn built(&self, name: &str, upgrade: &str, abi: &str) -> Task {
        let name = format!("{name}@{SERIES}");
        let scenario = self.scenario(
            &name,
            &format!(
                "title = \"t\"\nabout = \"a\"\nlines = [\"{SERIES}\"]\n[boot]\nrunning = {{ config = \"strict\" }}\n\
                 modules-of = {{ config = \"strict\", upgrade = \"{upgrade}\" }}\nload = \"all\"\nmemory-mib = 512\n\
                 abi = \"{abi}\"\n"
            ),
        );
        Task::new(scenario, &kernels::pins::Pins::builtin().unwrap())
    }

    /// A scenario that runs `make modules`.
    pub fn build(&self, name: &str) -> Task {
        let name = format!("{name}@{SERIES}");
        let scenario = self.scenario(
            &name,
            &format!(
                "title = \"t\"\nabout = \"a\"\nlines = [\"{SERIES}\"]\n[build]\nconfig = \"strict\"\nstart = \"built\"\n\
                 [[build.step]]\ntitle = \"s\"\nwhy = \"w\"\nrun = [\"make\", \"modules\"]\nchanged = [\"fs/*.ko\"]\n"
            ),
        );
        Task::new(scenario, &kernels::pins::Pins::builtin().unwrap())
    }

    pub fn try_run(&self, tasks: &[Task], options: &RunOptions) -> Result<Report, run::Error> {
        let mut chooser = AccelChooser::new(self.accel, host(), None);
        chooser.limits = limits;
        let progress = |progress: Progress<'_>| {
            let line = match progress {
                Progress::Packing { scenario } => format!("packing {scenario}"),
                Progress::NotStarted { scenario } => format!("not started {scenario}"),
                Progress::Line { scenario, text } => format!("{scenario}: {text}"),
                Progress::Ended { report } => format!("{} {}", report.ending.word(), report.name),
                _ => return,
            };
            self.progress.lock().unwrap().push(line);
        };
        let context = RunContext {
            begun: Instant::now(),
            cancel: &self.cancel,
            kernels: &self.kernels,
            launcher: &self.machines,
            chooser: &chooser,
            engine: "fake".into(),
            image: self.kernels.image(),
            guest: &self.dir.path().join("guest"),
            runs: &self.runs(),
            encoding: self.encoding.as_ref(),
            sources: &self.sources,
            predictor: &FakePredictor { machines: &self.machines, wrong_about: &self.wrong_about },
            progress: &progress,
        };
        run::run(&context, tasks, options)
    }

    pub fn run(&self, tasks: &[Task], options: &RunOptions) -> Report {
        self.try_run(tasks, options).unwrap()
    }

    /// Records the results of tasks, and writes their snapshots as insta does for `cargo xtask repro --bless`.
    pub fn bless(&self, tasks: &[Task]) {
        let report = self.run(tasks, &RunOptions { mode: Mode::Bless, ..COMPARE });
        assert!(report.scenarios.iter().all(|it| it.ending == Ending::Blessed), "{:?}", report.scenarios);
        assert_eq!(report.exit, Exit::Success);
        for Scenario { definition, dir, .. } in tasks.iter().map(|task| &task.scenario) {
            let dir = dir.as_ref().unwrap();
            let text = replay(definition, dir).unwrap();
            fs::write(dir.join(SNAPSHOT), format!("---\nsource: x\n---\n{text}")).unwrap();
        }
        self.machines.started.lock().unwrap().clear();
        self.kernels.calls.lock().unwrap().clear();
        self.progress.lock().unwrap().clear();
    }
}

/// A pinned package of this release.
pub fn pin(release: &str) -> Pin {
    let name = format!("linux-image-{release}");
    let sha256 = util::Sha256::of(release.as_bytes());
    Pin { release: release.into(), package: name, version: "1".into(), suite: "s".into(), size: 1, sha256 }
}

/// The words for the endings in a report.
pub fn words(report: &Report) -> Vec<&'static str> {
    report.scenarios.iter().map(|it| it.ending.word()).collect()
}

/// The one scenario of a report.
pub fn only(report: &Report) -> &ScenarioReport {
    let [scenario] = report.scenarios.as_slice() else { panic!("{:?}", words(report)) };
    scenario
}

/// All modules, as written in a definition.
pub const ALL: &str = "\"all\"";

/// One module, as written in a definition.
pub const ONE: &str = "{ named = [\"one\"] }";

fn host() -> KvmHost {
    KvmHost { boot_id: "b".into(), kernel: "k".into(), qemu: "q".into() }
}

/// Short limits, because machines here write all their output before they are first checked.
fn limits(accel: Accel) -> BootLimits {
    let short = Duration::from_millis(300);
    BootLimits { first_print: short, first_event: short, silence: short, ..BootLimits::of(accel) }
}
