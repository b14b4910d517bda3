//! `modbtf explain`.

mod document;
mod human;
mod input;
mod json;
mod look_ups;
mod report;
mod wording;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use cli::exit::{ClassOf, class_of};
use cli::{Exit, Format};
use tracing::{info, info_span};
use verdict::KernelVersion;
use verdict::log::{Report, read_log};

use document::UnknownFinding;
use input::{InputError, UnknownVersion};
use look_ups::LookUps;
use report::{Explanation, Form};

/// Below the options.
const HELP: &str = "Examples:
  journalctl -k -b | modbtf explain
  modbtf explain --format json dmesg.txt
  modbtf explain --base /sys/kernel/btf/vmlinux --module overlay.ko
  modbtf explain --explain name-beyond-strings

Exit codes: 0 no failure was found; 1 failures were found; 2 usage, or a log or file that cannot be read; 130 interrupted.";

/// Explain why a kernel refused the BTF of modules, from a log.
///
/// Reads dmesg, journalctl, syslog, serial consoles and what was pasted from them, of kernels from 5.11 on, also with several boots in
/// one log. Names each module that failed, the check that failed, its cause and what to do next.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// The log, compressed or not; `-` or none for standard input.
    #[arg(value_name = "LOG")]
    log: Option<PathBuf>,

    /// The running kernel's BTF, to show the look-ups of names that led to the failure: /sys/kernel/btf/vmlinux, vmlinux or vmlinuz.
    #[arg(long, value_name = "FILE", requires = "module")]
    base: Option<PathBuf>,

    /// The module whose look-ups to show. Without a LOG, no log is read.
    #[arg(long, value_name = "FILE", requires = "base")]
    module: Option<PathBuf>,

    /// The base that the module was made with, to show what was meant.
    #[arg(long, value_name = "FILE", requires = "module")]
    made_with: Option<PathBuf>,

    /// The version of the running kernel, for the look-ups. The default is that of the log, the base or the module.
    #[arg(long, value_name = "VERSION", requires = "module")]
    kernel: Option<KernelVersion>,

    /// How many look-ups to show, the last ones.
    #[arg(long, value_name = "N", default_value_t = 12, requires = "module")]
    last: usize,

    /// Print what a finding means and what to do, by its id.
    #[arg(long, value_name = "ID", conflicts_with_all = ["log", "base", "list"])]
    explain: Option<String>,

    /// List the ids of all findings.
    #[arg(long, conflicts_with_all = ["log", "base"])]
    list: bool,

    /// The report's form, human or json, and the file to write it to; can be given several times.
    #[arg(long, value_name = "FORM[:FILE]", default_value = "human")]
    format: Vec<Format<Form>>,
}

/// The errors of this command that know their exit code.
#[must_use]
pub fn classified() -> [ClassOf; 3] {
    [class_of::<InputError>, class_of::<UnknownFinding>, class_of::<UnknownVersion>]
}

/// Explains a log, follows a module's look-ups, or prints what a finding means.
///
/// # Errors
///
/// A log or file that cannot be read, an unknown id, a report that cannot be written.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let _span = info_span!("explain").entered();
    if arguments.list || arguments.explain.is_some() {
        document::print(arguments.explain.as_deref(), &arguments.format)?;
        return Ok(Exit::Success);
    }
    let explanation = arguments.explain_log()?;
    for format in &arguments.format {
        format.write(match format.form {
            Form::Human => human::page(&explanation, format.style()),
            Form::Json => json::text(&explanation)?,
        })?;
    }
    Ok(explanation.exit())
}

impl Arguments {
    fn explain_log(&self) -> Result<Explanation> {
        let wanted = self.log.is_some() || self.module.is_none();
        let report = wanted.then(|| self.read()).transpose()?;
        let look_ups = self.look_ups(report.as_ref())?;
        Ok(Explanation { report, look_ups })
    }

    fn read(&self) -> Result<Report> {
        let log = input::open(self.log.as_deref())?;
        let report = info_span!("read the log").in_scope(|| read_log(log));
        let report = report.map_err(|source| InputError::read(self.log.as_deref(), source))?;
        info!(lines = report.lines, boots = report.boot_count, "read");
        Ok(report)
    }

    fn look_ups(&self, report: Option<&Report>) -> Result<Option<LookUps>> {
        let (Some(base), Some(module)) = (&self.base, &self.module) else { return Ok(None) };
        let boots = report.into_iter().flat_map(|report| report.boots.iter().rev());
        let of_log = boots.filter_map(verdict::log::Boot::version).next();
        let files = look_ups::Files { base, module, made_with: self.made_with.as_deref() };
        let look_ups = files.follow(self.kernel.or(of_log), self.last).context("cannot show the look-ups")?;
        Ok(Some(look_ups))
    }
}
