//! `cargo xtask repro`: boots real kernels, loads real modules, and compares what the kernel logs with the records.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, Result};
use cli::Exit;
use cli::Format;
use cli::terminal::columns;
use kernels::archive::resolve;
use kernels::kbuild::{Encoder, KernelConfigs};
use kernels::pins::{PairSpec, Pin, Pins};
use kernels::source::{self, SourcePins};
use scenario::baseline::TypeOrder;
use scenario::definition::{BootDefinition, Definition, Modules, Scenario, ScenarioKernel, ScenarioKind, test_name};
use scenario::exit::Ending;
use scenario::report::Report;
use scenario::run::{self, EnvironmentOptions, Mode, Origin, Pair, RunEnvironment, RunOptions, Sources, Task};
use scenario::selection::{Selection, choose, for_another_encoder};
use xshell::{Shell, cmd};

use crate::environment::Environment;
use crate::progress::Display;
use cli::terminal::beside;

/// Boot real kernels, load real modules, and compare what the kernel says with the recorded baseline.
///
/// Without arguments, runs the scenarios on prebuilt kernels and those on kernels built from the source of 6.1. With --all, runs
/// those on 6.12 and 7.2 too. What is missing is set up: on Debian, as root, missing packages are named and installed.
///
/// Exit codes: 0 everything matches the snapshots; 1 a scenario differs; 2 usage; 3 environment, or a scenario is unavailable; 4 a machine
/// panicked, hung or was lost; 130 interrupted.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Scenarios to run: `upgrade-grow` means 6.1, `upgrade-grow@6.12` another series
    #[arg(value_name = "SCENARIO", conflicts_with = "pair")]
    scenarios: Vec<String>,
    /// List the scenarios and what they need; run none
    #[arg(long)]
    list: bool,
    /// Run only scenarios that need no kernel build
    #[arg(long, conflicts_with_all = ["all", "series", "source", "pair"])]
    quick: bool,
    /// Run the scenarios on every series
    #[arg(long, conflicts_with_all = ["series", "source", "pair"])]
    all: bool,
    /// Run the scenarios on this kernel series instead of 6.1; can be given several times
    #[arg(long, alias = "line", value_name = "SERIES", conflicts_with_all = ["source", "pair"])]
    series: Vec<String>,
    /// Build the kernels from this tree or tarball instead of Debian's source; compare with the baselines of its series
    #[arg(long, value_name = "DIR|TARBALL", conflicts_with_all = ["pair", "bless", "list"])]
    source: Option<PathBuf>,
    /// Encoder of the BTF of built kernels: `modbtf` for our own, `pahole` for that of the build image, or a program that runs in
    /// that image and that kbuild is given as PAHOLE. Only scenarios on built kernels are run; those about pahole itself are
    /// reported as not run. With `modbtf`, boots are compared in full; with a program, only the outcome for each module's BTF
    /// is compared
    #[arg(long, value_name = "modbtf|pahole|PATH", conflicts_with_all = ["quick", "pair", "bless", "list"])]
    encoder: Option<Encoding>,
    /// Compare; keep nothing but the logs of a machine that went wrong
    #[arg(long, conflicts_with = "bless")]
    check: bool,
    /// Record a new baseline
    #[arg(long, conflicts_with = "pair")]
    bless: bool,
    /// Load all modules of kernel TO on kernel FROM, any two that the archive has; there is no baseline and no verdict
    #[arg(long, value_name = "FROM..TO")]
    pair: Option<PairSpec>,
    /// Boot each scenario twice and require byte-identical serial logs
    #[arg(long)]
    twice: bool,
    /// Keep the folders of all runs; the report names them
    #[arg(long)]
    keep: bool,
    /// Number of boots side by side
    #[arg(long, value_name = "N", default_value_t = default_jobs(), value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Accelerator. `auto` means TCG with an instruction-counting clock where there is a baseline; with --pair, KVM if it boots a
    /// kernel here, otherwise the same TCG
    #[arg(long, default_value = "auto", value_enum)]
    accel: Accel,
    /// Form of the report (human, json or junit), optionally with a file after a colon; can be given several times
    #[arg(long, value_name = "FORMAT[:FILE]")]
    format: Vec<Format<Form>>,
    /// Do not fail for unavailable scenarios, provided something ran in every requested group: prebuilt kernels, and the boots
    /// and the builds of each series. Where a group has upgrades, one of them must have run
    #[arg(long)]
    allow_unavailable: bool,
    #[command(flatten)]
    environment: Environment,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Accel {
    Auto,
    Kvm,
    Tcg,
}

impl From<Accel> for vm::AccelRequest {
    fn from(accel: Accel) -> Self {
        match accel {
            Accel::Auto => Self::Auto,
            Accel::Kvm => Self::Kvm,
            Accel::Tcg => Self::Tcg,
        }
    }
}

/// The encoder of the BTF of built kernels.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Encoding {
    /// The build image's pahole.
    Pahole,
    /// Our own program.
    Modbtf,
    /// A program.
    Program(PathBuf),
}

impl FromStr for Encoding {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "pahole" => Self::Pahole,
            "modbtf" => Self::Modbtf,
            path => Self::Program(path.into()),
        })
    }
}

impl Encoding {
    /// The encoder; `None` for the image's pahole.
    fn find(&self) -> Result<Option<run::Encoding>, kernels::Error> {
        let root = crate::workspace::root();
        let (encoder, order) = match self {
            Self::Pahole => return Ok(None),
            Self::Modbtf => (Encoder::ours(&root, &root.join("target/encoder"))?, TypeOrder::Paholes),
            Self::Program(path) => (Encoder::program(path)?, TypeOrder::Own),
        };
        Ok(Some(run::Encoding { encoder, order }))
    }
}

/// The forms of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    Human,
    Json,
    Junit,
}

fn default_jobs() -> u16 {
    std::thread::available_parallelism().map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(64).clamp(1, 64))
}

/// Runs scenarios and prints the report.
///
/// # Errors
///
/// A failure that prevents running any scenario.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let all = snapshots::scenarios().map_err(run::Error::from)?;
    if arguments.list {
        let selection = match arguments.selection() {
            Selection::Default => Selection::All,
            other => other,
        };
        list(&chosen(all, arguments, &selection)?);
        return Ok(Exit::Success);
    }
    if arguments.source.is_none() {
        // Unknown names are refused before anything is fetched or built.
        chosen(all.clone(), arguments, &arguments.selection())?;
    }
    let display = Display::default();
    let show_preparation = |progress| display.preparation(progress);
    let cancel = cli::interrupt::watch()?;
    let apt = arguments.environment.apt()?;
    let context = arguments.environment.context(&apt, cancel, &show_preparation)?;
    let environment_options = EnvironmentOptions {
        engine: arguments.environment.engine,
        accel: arguments.accel.into(),
        root: crate::workspace::root(),
        encoding: arguments.encoder.as_ref().map(Encoding::find).transpose()?.flatten(),
    };
    let environment = RunEnvironment::prepare(context, &environment_options)?;
    let pins = arguments.environment.pins()?;
    let sources = sources(arguments, &environment)?;
    let selection =
        sources.own.as_ref().map_or(arguments.selection(), |own| Selection::Only(own.identity.series.clone()));
    let tasks = match &arguments.pair {
        Some(pair) => vec![pair_task(&environment, &pins, pair)?],
        None => chosen(all, arguments, &selection)?.into_iter().map(|scenario| Task::new(scenario, &pins)).collect(),
    };
    let options = RunOptions {
        mode: match (arguments.check, arguments.bless) {
            (true, _) => Mode::Check,
            (_, true) => Mode::Bless,
            _ => Mode::Compare,
        },
        jobs: arguments.jobs.into(),
        twice: arguments.twice,
        keep: arguments.keep,
        allow_unavailable: arguments.allow_unavailable,
    };
    let progress = |progress: run::Progress<'_>| {
        if let Err(error) = environment.observe(&progress) {
            display.note(&util::error::one_line(&error));
        }
        display.run(&progress);
    };
    let report = run::run(&environment.run_context(&sources, &progress), &tasks, &options)?;
    environment.remember_kvm();
    let accepted = accept(&report);
    print(&report, &arguments.format)?;
    accepted?;
    Ok(report.exit)
}

impl Arguments {
    /// The scenarios to run, unless a source determines them.
    fn selection(&self) -> Selection {
        match (self.quick, self.all, self.series.as_slice()) {
            (true, ..) => Selection::Quick,
            (_, true, _) => Selection::All,
            (.., []) => Selection::Default,
            (.., series) => Selection::Series(series.to_vec()),
        }
    }
}

fn chosen(all: Vec<Scenario>, arguments: &Arguments, selection: &Selection) -> Result<Vec<Scenario>, run::Error> {
    let chosen = choose(all, &arguments.scenarios, selection)?;
    Ok(match &arguments.encoder {
        None | Some(Encoding::Pahole) => chosen,
        Some(_) => for_another_encoder(chosen, !arguments.scenarios.is_empty())?,
    })
}

/// The sources of kernels. The user's own source is copied into the cache.
fn sources(arguments: &Arguments, environment: &RunEnvironment<'_>) -> Result<Sources, run::Error> {
    let own = match &arguments.source {
        Some(path) => Some(source::own(&environment.build_env()?, path)?),
        None => None,
    };
    Ok(Sources {
        pins: SourcePins::builtin()?,
        configs: KernelConfigs::at(crate::workspace::root().join("kernel-configs")),
        own,
    })
}

fn list(scenarios: &[Scenario]) {
    let width = scenarios.iter().map(|it| it.name.len()).max().unwrap_or(0);
    for scenario in scenarios {
        let Scenario { name, definition, .. } = scenario;
        cli::terminal::print_line(&beside(&format!("{name:width$}  "), &definition.title, columns()));
        cli::terminal::print_line(&beside(
            &format!("{:width$}  ", ""),
            &format!("needs {}", scenario.needs()),
            columns(),
        ));
    }
}

/// A scenario for a pair on the command line: all modules of one kernel on another.
fn pair_task(environment: &RunEnvironment<'_>, pins: &Pins, pair: &PairSpec) -> Result<Task, run::Error> {
    let specs = [pair.from.clone(), pair.to.clone()];
    let mut found = resolve(&environment.context, &environment.archive(), pins, &specs)?.into_iter();
    let mut next = || {
        found.next().map_or_else(
            || Err("the archive was not asked for it".to_owned()),
            |it| it.map_unavailable(|why| why.to_string()).into_result(),
        )
    };
    let (running, modules_of) = (next(), next());
    let release = |pin: &Result<Pin, String>, spec: &dyn std::fmt::Display| {
        pin.as_ref().map_or_else(|_| spec.to_string(), |pin| pin.release.clone())
    };
    let (from, to) = (release(&running, &pair.from), release(&modules_of, &pair.to));
    let title = format!("all modules of {to} on a running {from}");
    let boot = BootDefinition {
        running: ScenarioKernel::Pinned(from),
        modules_of: ScenarioKernel::Pinned(to),
        load: Modules::All,
        memory_mib: 4096,
        abi: None,
    };
    let about = "A pair from the command line.".into();
    let definition = Definition { title, about, series: Vec::new(), subject: ScenarioKind::Boot(boot) };
    let scenario = Scenario { name: "pair".into(), series: None, definition, dir: None };
    let kernels = Pair { running: running.map(Origin::Package), modules_of: modules_of.map(Origin::Package) };
    Ok(Task { scenario, kernels: Some(kernels) })
}

/// Runs insta to rewrite the snapshots of the recorded scenarios, and no others. Each has a test of its name.
fn accept(report: &Report) -> Result<()> {
    let blessed = report.scenarios.iter().filter(|it| it.ending == Ending::Blessed);
    let tests: Vec<String> = blessed.map(|it| test_name(&it.name)).collect();
    if tests.is_empty() {
        return Ok(());
    }
    let sh = Shell::new()?;
    sh.change_dir(crate::workspace::root());
    let cargo = crate::workspace::cargo();
    for test in tests {
        cmd!(sh, "{cargo} test --locked --quiet --package snapshots --test replay -- --exact {test}")
            .env("INSTA_UPDATE", "always")
            .quiet()
            .ignore_stdout()
            .run()
            .context("cannot write the snapshots from the records")?;
    }
    Ok(())
}

fn print(report: &Report, formats: &[Format<Form>]) -> Result<()> {
    let standard = [Format::standard(Form::Human)];
    for format in if formats.is_empty() { &standard } else { formats } {
        format.write(match format.form {
            Form::Human => report.human(format.style()),
            Form::Json => report.json()?,
            Form::Junit => report.junit()?,
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use util::error::{Class, Classified as _};

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(arguments: &[&str]) -> Result<Arguments, clap::Error> {
        Line::try_parse_from([&["repro"], arguments].concat()).map(|line| line.arguments)
    }

    #[test]
    fn an_encoder_is_ours_the_image_s_or_a_program_and_nothing_is_recorded_of_it() {
        let encoder = |text: &str| parse(&["--encoder", text]).unwrap().encoder.unwrap();
        assert_eq!([encoder("modbtf"), encoder("pahole")], [Encoding::Modbtf, Encoding::Pahole]);
        assert_eq!(encoder("./pahole"), Encoding::Program("./pahole".into()));
        for wrong in [["--encoder=modbtf", "--bless"], ["--encoder=modbtf", "--quick"], ["--encoder=x", "--pair=1..2"]]
        {
            assert!(parse(&wrong).is_err(), "{wrong:?}");
        }
        let names = |arguments: &[&str]| {
            let all = snapshots::scenarios().unwrap();
            chosen(all, &parse(arguments).unwrap(), &Selection::Default).unwrap()
        };
        let built = names(&["--encoder", "modbtf"]);
        let has = |name: &str| built.iter().any(|it| it.name == name);
        assert!(built.iter().all(Scenario::is_built) && has("upgrade-grow@6.1") && has("rebuild-rules@6.1"));
        assert!(has("pahole-gate@6.1"), "it is reported as not run");
        let all = names(&["--encoder", "pahole"]);
        assert_eq!(all.len(), names(&[]).len());
        assert_eq!(built.len(), all.iter().filter(|it| it.is_built()).count());
    }

    #[test]
    fn encoder_conflicts_with_scenarios_that_it_does_not_affect() {
        let refused = |name: &str| {
            let arguments = parse(&["--encoder", "modbtf", name]).unwrap();
            chosen(snapshots::scenarios().unwrap(), &arguments, &Selection::Default).unwrap_err()
        };
        for (name, why) in [("debian-upgrade", "its kernels are prebuilt"), ("pahole-gate", "it is about pahole")] {
            let error = refused(name);
            assert_eq!(error.class(), Class::Usage);
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn selection_options_exclude_each_other() {
        let selection = |arguments: &[&str]| parse(arguments).unwrap().selection();
        assert_eq!(selection(&["--check"]), Selection::Default);
        assert_eq!(selection(&["--quick"]), Selection::Quick);
        assert_eq!(selection(&["--all", "upgrade-grow"]), Selection::All);
        assert_eq!(
            selection(&["--line", "6.12", "--line", "7.2"]),
            Selection::Series(vec!["6.12".into(), "7.2".into()])
        );
        for two in
            [["--quick", "--all"], ["--all", "--line=7.2"], ["--source=x", "--line=7.2"], ["--source=x", "--bless"]]
        {
            assert!(parse(&two).is_err(), "{two:?}");
        }
    }
}
