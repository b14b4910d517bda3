//! `cargo xtask repro`: real kernels, real modules, and what the kernel says, compared with what was recorded.

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
use scenario::definition::{BootDefinition, Definition, KernelSpec, Modules, Scenario, ScenarioKind, test_name};
use scenario::exit::Ending;
use scenario::report::Report;
use scenario::run::{self, EnvironmentOptions, Mode, Origin, Pair, RunEnvironment, RunOptions, Sources, Task};
use scenario::selection::{Selection, choose, for_another_encoder};
use xshell::{Shell, cmd};

use crate::environment::Environment;
use crate::progress::Display;
use cli::terminal::beside;

/// Boots real kernels, loads real modules, and compares what the kernel said with what was recorded.
///
/// Without arguments it runs the scenarios on prebuilt kernels, and those on kernels that are built from the source of 6.1;
/// with --all those of 6.12 and 7.2 as well. It sets up what it needs: on Debian, as root, missing packages are installed after
/// saying which.
///
/// Exit codes: 0 as recorded; 1 a scenario differs; 2 usage; 3 environment, or a scenario is unavailable; 4 a machine
/// panicked, hung or was lost; 130 interrupted.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The scenarios to run: `upgrade-grow` for its record of 6.1, `upgrade-grow@6.12` for that of another line
    #[arg(value_name = "SCENARIO", conflicts_with = "pair")]
    scenarios: Vec<String>,
    /// Lists the scenarios with what they need, and runs none
    #[arg(long)]
    list: bool,
    /// Runs only what needs no kernel build
    #[arg(long, conflicts_with_all = ["all", "line", "source", "pair"])]
    quick: bool,
    /// Runs what is built on every kernel line
    #[arg(long, conflicts_with_all = ["line", "source", "pair"])]
    all: bool,
    /// Runs what is built on this kernel line, in place of 6.1; can be given several times
    #[arg(long, value_name = "LINE", conflicts_with_all = ["source", "pair"])]
    line: Vec<String>,
    /// Builds the kernels from this tree or tarball in place of Debian's source, and compares with the records of its line
    #[arg(long, value_name = "DIR|TARBALL", conflicts_with_all = ["pair", "bless", "list"])]
    source: Option<PathBuf>,
    /// What encodes the BTF of kernels that are built: `modbtf` for our own in pahole's place, `pahole` for that of the build
    /// image, or a program that kbuild is given as PAHOLE and that runs in that image. With another than pahole all is run that
    /// is built from source, but for what is about pahole itself; boots are compared in full with what pahole made, those
    /// with a program's BTF by what became of each module
    #[arg(long, value_name = "modbtf|pahole|PATH", conflicts_with_all = ["quick", "pair", "bless", "list"])]
    encoder: Option<Encoding>,
    /// Compares and records nothing; only the logs of a machine that went wrong are kept, in the cache
    #[arg(long, conflicts_with = "bless")]
    check: bool,
    /// Records what is seen
    #[arg(long, conflicts_with = "pair")]
    bless: bool,
    /// Loads all modules of kernel TO on kernel FROM, any two that the archive has; nothing is recorded or judged
    #[arg(long, value_name = "FROM..TO")]
    pair: Option<PairSpec>,
    /// Boots each scenario twice and demands byte-identical serial logs
    #[arg(long)]
    twice: bool,
    /// Keeps the folders of all runs; the report names them
    #[arg(long)]
    keep: bool,
    /// Boots side by side
    #[arg(long, value_name = "N", default_value_t = default_jobs(), value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// How the guest's processor is run. `auto` is TCG with an instruction-counting clock for what is recorded; for
    /// --pair it is KVM if that boots a kernel here, else the same TCG
    #[arg(long, default_value = "auto", value_enum)]
    accel: Accel,
    /// The report's form, and the file it goes to: human, json or junit, and a file behind a colon; can be
    /// given several times
    #[arg(long, value_name = "FORMAT[:FILE]")]
    format: Vec<Format<Form>>,
    /// Lets unavailable scenarios pass, as long as of what was asked for on prebuilt kernels, and of each line's boots and
    /// builds, something ran: an upgrade where there are any
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

/// What encodes the BTF of kernels that are built.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Encoding {
    /// The build image's own.
    Pahole,
    /// Ours in its place.
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
    /// Nothing for the image's own.
    fn find(&self) -> Result<Option<run::Encoding>, kernels::Error> {
        let root = crate::root();
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
/// What keeps every scenario from being tried.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let all = snapshots::scenarios().map_err(run::Error::from)?;
    if arguments.list {
        let breadth = match arguments.breadth() {
            Selection::Usual => Selection::All,
            narrower => narrower,
        };
        list(&chosen(all, arguments, &breadth)?);
        return Ok(Exit::Success);
    }
    if arguments.source.is_none() {
        // Before anything is fetched or made.
        chosen(all.clone(), arguments, &arguments.breadth())?;
    }
    let display = Display::default();
    let show_ready = |progress| display.ready(progress);
    let cancel = cli::interrupt::watch()?;
    let apt = arguments.environment.apt()?;
    let context = arguments.environment.context(&apt, cancel, &show_ready)?;
    let wanted = EnvironmentOptions {
        engine: arguments.environment.engine,
        accel: arguments.accel.into(),
        root: crate::root(),
        encoding: arguments.encoder.as_ref().map(Encoding::find).transpose()?.flatten(),
    };
    let ready = RunEnvironment::prepare(context, &wanted)?;
    let pins = arguments.environment.pins()?;
    let sources = sources(arguments, &ready)?;
    let breadth = sources.own.as_ref().map_or(arguments.breadth(), |own| Selection::Only(own.identity.series.clone()));
    let tasks = match &arguments.pair {
        Some(pair) => vec![pair_task(&ready, &pins, pair)?],
        None => chosen(all, arguments, &breadth)?.into_iter().map(|scenario| Task::new(scenario, &pins)).collect(),
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
        if let Err(error) = ready.observe(&progress) {
            display.note(&util::error::one_line(&error));
        }
        display.run(&progress);
    };
    let report = run::run(&ready.run_context(&sources, &progress), &tasks, &options)?;
    ready.remember_kvm();
    let accepted = accept(&report);
    print(&report, &arguments.format)?;
    accepted?;
    Ok(report.exit)
}

impl Arguments {
    /// How much is run, but for what a source decides.
    fn breadth(&self) -> Selection {
        match (self.quick, self.all, self.line.as_slice()) {
            (true, ..) => Selection::Quick,
            (_, true, _) => Selection::All,
            (.., []) => Selection::Usual,
            (.., lines) => Selection::Lines(lines.to_vec()),
        }
    }
}

fn chosen(all: Vec<Scenario>, arguments: &Arguments, breadth: &Selection) -> Result<Vec<Scenario>, run::Error> {
    let chosen = choose(all, &arguments.scenarios, breadth)?;
    Ok(match &arguments.encoder {
        None | Some(Encoding::Pahole) => chosen,
        Some(_) => for_another_encoder(chosen, !arguments.scenarios.is_empty())?,
    })
}

/// Where kernels that are built come from; somebody's own source is brought into the cache.
fn sources(arguments: &Arguments, ready: &RunEnvironment<'_>) -> Result<Sources, run::Error> {
    let own = match &arguments.source {
        Some(path) => Some(source::own(&ready.workshop()?, path)?),
        None => None,
    };
    Ok(Sources { pins: SourcePins::builtin()?, recipes: KernelConfigs::at(crate::root().join("kernel-configs")), own })
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

/// A scenario made up from the command line: all modules of one kernel on another.
fn pair_task(ready: &RunEnvironment<'_>, pins: &Pins, pair: &PairSpec) -> Result<Task, run::Error> {
    let specs = [pair.from.clone(), pair.to.clone()];
    let mut found = resolve(&ready.context, &ready.archive(), pins, &specs)?.into_iter();
    let mut next = || {
        found.next().map_or_else(
            || Err("it was not looked for".to_owned()),
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
        running: KernelSpec::Pinned(from),
        modules_of: KernelSpec::Pinned(to),
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

/// Has insta write the snapshots anew of what was just recorded, and no other: each has a test of its name.
fn accept(report: &Report) -> Result<()> {
    let blessed = report.scenarios.iter().filter(|it| it.ending == Ending::Blessed);
    let tests: Vec<String> = blessed.map(|it| test_name(&it.name)).collect();
    if tests.is_empty() {
        return Ok(());
    }
    let sh = Shell::new()?;
    sh.change_dir(crate::root());
    let cargo = crate::cargo();
    for test in tests {
        cmd!(sh, "{cargo} test --locked --quiet --package snapshots --test replay -- --exact {test}")
            .env("INSTA_UPDATE", "always")
            .quiet()
            .ignore_stdout()
            .run()
            .context("cannot write the snapshots from what was recorded")?;
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
            chosen(all, &parse(arguments).unwrap(), &Selection::Usual).unwrap()
        };
        let built = names(&["--encoder", "modbtf"]);
        let has = |name: &str| built.iter().any(|it| it.name == name);
        assert!(built.iter().all(Scenario::is_built) && has("upgrade-grow@6.1") && has("rebuild-rules@6.1"));
        assert!(has("pahole-gate@6.1"), "it is told as not run");
        let all = names(&["--encoder", "pahole"]);
        assert_eq!(all.len(), names(&[]).len());
        assert_eq!(built.len(), all.iter().filter(|it| it.is_built()).count());
    }

    #[test]
    fn what_an_encoder_has_no_say_in_cannot_be_asked_for() {
        let refused = |name: &str| {
            let arguments = parse(&["--encoder", "modbtf", name]).unwrap();
            chosen(snapshots::scenarios().unwrap(), &arguments, &Selection::Usual).unwrap_err()
        };
        for (name, why) in [("debian-upgrade", "its kernels are prebuilt"), ("pahole-gate", "it is about pahole")] {
            let error = refused(name);
            assert_eq!(error.class(), Class::Usage);
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn how_much_is_run_is_one_choice() {
        let breadth = |arguments: &[&str]| parse(arguments).unwrap().breadth();
        assert_eq!(breadth(&["--check"]), Selection::Usual);
        assert_eq!(breadth(&["--quick"]), Selection::Quick);
        assert_eq!(breadth(&["--all", "upgrade-grow"]), Selection::All);
        assert_eq!(breadth(&["--line", "6.12", "--line", "7.2"]), Selection::Lines(vec!["6.12".into(), "7.2".into()]));
        for two in
            [["--quick", "--all"], ["--all", "--line=7.2"], ["--source=x", "--line=7.2"], ["--source=x", "--bless"]]
        {
            assert!(parse(&two).is_err(), "{two:?}");
        }
    }
}
