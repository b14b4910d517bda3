//! `cargo xtask conformance`: the model of a kernel's validation, held against the kernel.

use std::path::{Path, PathBuf};

use ::conformance::{
    Case, CaseFile, Error, Options, Progress, Reached, Subject, SubjectReport, coverage, run, run_cases,
};
use anyhow::{Context as _, Result, bail};
use cli::terminal::print_line;
use cli::{Exit, Page, Style, Table};
use kernels::Availability;
use kernels::kbuild::{Config, KernelConfigs, Request};
use kernels::source::SourcePins;
use scenario::definition::BuiltKernel;
use scenario::kernel_source::KernelSource as _;
use scenario::run::{EnvironmentOptions, KernelPaths, RunEnvironment, Sources};

use crate::environment::Environment;
use crate::progress::Display;

/// Hold the model of a kernel's validation against the kernel: load modules with mutated BTF by the thousand, and compare every line,
/// the errno and what appears in sysfs with what was predicted.
///
/// Exit codes: 0 kernel and model agree in every case; 1 they differ; 2 usage; 3 the environment, or a kernel is unavailable; 130
/// interrupted.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Kernel series to build and ask, such as 6.1, 6.12 or 7.2; can be given several times. Without one, a prebuilt kernel is asked
    #[arg(long, value_name = "SERIES")]
    series: Vec<String>,
    /// Configurations of the kernels that are built
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "strict,allow-mismatch")]
    config: Vec<String>,
    /// The prebuilt kernel that is asked
    #[arg(long, value_name = "RELEASE", default_value = "6.1.0-56-cloud-amd64", conflicts_with = "series")]
    release: String,
    /// How many random cases each kernel is given, after the directed ones
    #[arg(long, value_name = "N", default_value_t = 3_000)]
    cases: u64,
    /// What random cases are made from, besides their number
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Run only this case, as an earlier run wrote it, on its kernel
    #[arg(long, value_name = "FILE", conflicts_with_all = ["series", "coverage"])]
    case: Option<PathBuf>,
    /// How many machines run side by side
    #[arg(long, value_name = "N", default_value_t = 2)]
    jobs: usize,
    /// Where cases that differ are written
    #[arg(long, value_name = "DIR", default_value = "target/conformance")]
    failures: PathBuf,
    /// Exit 0 if the archive no longer has the prebuilt kernel
    #[arg(long)]
    allow_unavailable: bool,
    /// Also list the kernel's own log calls, read from its source, and how often each was reached
    #[arg(long, requires = "series")]
    coverage: bool,
    #[command(flatten)]
    environment: Environment,
}

/// A kernel to test, and the directory of its source if it was built.
struct TestedKernel {
    subject: Subject,
    source: Option<PathBuf>,
}

/// Compares kernels with the model and prints the result for each.
///
/// # Errors
///
/// A kernel cannot be tested.
pub fn run_command(arguments: &Arguments) -> Result<Exit> {
    let case = arguments.case.as_deref().map(CaseFile::load).transpose()?;
    let source_pins = SourcePins::builtin()?;
    let mut arguments = arguments.clone();
    if let Some(case) = &case {
        // The kernel of the case: its series and configuration, or its release.
        match case.kernel.split_once('-').filter(|(series, _)| source_pins.series(series).is_ok()) {
            Some((series, config)) => (arguments.series, arguments.config) = (vec![series.into()], vec![config.into()]),
            None => (arguments.series, arguments.release) = (Vec::new(), case.kernel.clone()),
        }
    }
    let arguments = &arguments;
    let configs = KernelConfigs::at(crate::workspace::root().join("kernel-configs"));
    for series in &arguments.series {
        source_pins.series(series)?;
        for config in &arguments.config {
            configs.check_names(&Config::new(&[config.as_str()]), None, Some(series))?;
        }
    }
    let display = Display::default();
    let show_preparation = |progress| display.preparation(progress);
    let cancel = cli::interrupt::watch()?;
    let apt = arguments.environment.apt()?;
    let context = arguments.environment.context(&apt, cancel, &show_preparation)?;
    let root = crate::workspace::root();
    let environment_options = EnvironmentOptions {
        engine: arguments.environment.engine,
        accel: vm::AccelRequest::Tcg,
        root: root.clone(),
        encoding: None,
    };
    let environment = RunEnvironment::prepare(context, &environment_options)?;
    let guest = vm::build_guest(&root, &root.join("target/guest"), "guest-cases").map_err(Error::from)?;
    let sources = Sources { pins: source_pins, configs, own: None };
    let ignore = |_: scenario::run::Progress<'_>| {};
    let run_context = environment.run_context(&sources, &ignore);
    let options = Options {
        cases: arguments.cases,
        seed: arguments.seed,
        jobs: arguments.jobs,
        failures: arguments.failures.clone(),
        guest,
    };
    let show = |progress: Progress<'_>| {
        let Progress::Loaded { kernel, done, all } = progress;
        if done % 500 == 0 || done == all {
            display.note(&format!("{kernel}: {done} of {all} cases"));
        }
    };
    let mut agrees = true;
    let mut reached: Vec<(PathBuf, Reached)> = Vec::new();
    for kernel in tested_kernels(arguments, &environment, &sources)? {
        let report = match &case {
            Some(file) => run_cases(&run_context, &kernel.subject, &[file.case()?], &options, &show)?,
            None => run(&run_context, &kernel.subject, &options, &show)?,
        };
        agrees &= report.agrees();
        if let Some(source) = kernel.source.clone() {
            match reached.iter_mut().find(|(known, _)| *known == source) {
                Some((_, sum)) => sum.merge(&report.reached),
                None => reached.push((source, report.reached.clone())),
            }
        }
        print_report(&report, &kernel, case.as_ref().map(CaseFile::case).transpose()?.as_ref());
    }
    // The calls of a series, over all its configurations.
    for (source, reached) in reached.iter().filter(|_| arguments.coverage) {
        agrees &= print_coverage(source, reached)?;
    }
    Ok(if agrees { Exit::Success } else { Exit::Failed })
}

/// Gets or builds the requested kernels.
fn tested_kernels(
    arguments: &Arguments,
    environment: &RunEnvironment<'_>,
    sources: &Sources,
) -> Result<Vec<TestedKernel>> {
    if arguments.series.is_empty() {
        let pins = arguments.environment.pins()?;
        let pin = pins.release(&arguments.release);
        let pin = pin.with_context(|| format!("{} is not pinned in kernel-configs/debian.toml", arguments.release))?;
        let found = environment.packages(std::slice::from_ref(pin))?.into_iter().next();
        let package = match found.context("the archive was not asked")? {
            Availability::Available(package) => package,
            Availability::Unavailable(why) if arguments.allow_unavailable => {
                print_line(&format!("{}: not asked: {why}", arguments.release));
                return Ok(Vec::new());
            }
            Availability::Unavailable(why) => bail!("{why}"),
        };
        let subject = Subject::read(arguments.release.clone(), &KernelPaths::of_package(&package))?;
        return Ok(vec![TestedKernel { subject, source: None }]);
    }
    let mut all = Vec::new();
    for series in &arguments.series {
        let pin = sources.pins.series(series)?;
        let source = match environment.source(pin)? {
            Availability::Available(source) => source,
            Availability::Unavailable(why) => bail!("{why}"),
        };
        for name in &arguments.config {
            let config = Config::new(&[name.as_str()]);
            let request = Request { source: &source, configs: &sources.configs, config: &config, upgrade: None };
            let build = environment.build(&request)?;
            let built = BuiltKernel { config: name.clone(), upgrade: None, external: Vec::new() };
            let paths = KernelPaths::of_build(&build, &built, Some(&pin.package));
            let subject = Subject::read(format!("{series}-{name}"), &paths)?;
            all.push(TestedKernel { subject, source: Some(source.tree.clone()) });
        }
    }
    Ok(all)
}

fn print_report(report: &SubjectReport, kernel: &TestedKernel, case: Option<&Case>) {
    let mut page = Page::new(Style::plain(cli::terminal::columns().min(200)));
    let verdict = match (report.deviations.len(), report.agrees()) {
        (0, true) => {
            format!("{}: kernel and model agree in all {} cases that were loaded.", report.kernel, report.loaded)
        }
        (0, false) => format!("{}: the machine stopped, and the model did not expect it.", report.kernel),
        (count, _) => format!("{}: kernel and model differ in {count} of {} cases.", report.kernel, report.loaded),
    };
    page.headline(&verdict);
    let shares = &report.shares;
    let mut facts = vec![
        (
            "kernel".to_owned(),
            format!(
                "{}, {}",
                kernel.subject.rules.version,
                if kernel.subject.rules.allow_mismatch { "allows a mismatch" } else { "strict" }
            ),
        ),
        ("module".to_owned(), kernel.subject.template.0.clone()),
        ("seed".to_owned(), report.seed.to_string()),
    ];
    if case.is_none() && shares.random > 0 {
        let share = |count: usize| format!("{:.1} % of the random cases", shares.per_cent(count));
        facts.push(("past the header".to_owned(), share(shares.past_header)));
        facts.push(("accepted".to_owned(), share(shares.accepted)));
        if let Some((site, count)) = shares.most() {
            let site = site
                .map_or("without a line".to_owned(), |site| format!("{}, `{}`", site.function, site.form.template()));
            facts.push(("most frequent refusal".to_owned(), format!("{}: {site}", share(count))));
        }
    }
    for (undefined, count) in &report.undefined {
        facts.push(("not loaded".to_owned(), format!("{count}, but for one: {undefined}")));
    }
    page.facts("  ", &facts);
    for finding in &report.findings {
        page.line(&format!("  finding, case {}: {}", finding.number, finding.what));
        page.line(&format!("    {}", finding.ending));
    }
    for deviation in report.deviations.iter().take(5) {
        page.line(&format!("  case {}, {:?}", deviation.number, deviation.case.origin));
        deviation.predicted.iter().for_each(|line| page.line(&format!("    predicted  {line}")));
        deviation.observed.iter().for_each(|line| page.line(&format!("    observed   {line}")));
    }
    for file in report.files.iter().take(5) {
        page.line(&format!("  run it alone: cargo xtask conformance --case {}", file.display()));
    }
    print_line(&page.finish());
}

/// Lists the calls. Whether each was reached or is known to be unreachable.
fn print_coverage(source: &Path, reached: &Reached) -> Result<bool> {
    let calls = coverage(source, reached)?;
    let mut table = Table::new(["call", "text", "cases"]);
    let mut complete = true;
    for call in &calls {
        let place = format!("{}:{}", call.site.function, call.site.line);
        let text = call.site.format.escape_debug().to_string();
        let cases = match (call.cases, call.unreachable) {
            (0, Some(why)) => why.to_owned(),
            (0, None) => {
                complete = false;
                "NOT REACHED".to_owned()
            }
            (count, _) => count.to_string(),
        };
        table.row([place, text, cases]);
    }
    for line in table.lines(200) {
        print_line(&line);
    }
    Ok(complete)
}
