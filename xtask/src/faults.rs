//! `cargo xtask faults`: fault injection on real machines and in real builds.

use ::faults::Setting;
use anyhow::Result;
use cli::Exit;
use cli::terminal::print_line;
use scenario::run::{EnvironmentOptions, RunEnvironment};

use crate::environment::Environment;
use crate::progress::Display;

/// Inject faults, on real machines and in real builds, and check that each is reported with the right cause.
///
/// Exit codes: 0 each was; 1 one was not, or could not be injected; 2 usage; 3 the environment, or the archive no longer has
/// the kernels or the source that are needed; 130 interrupted.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The faults to inject; all of them if none is named
    #[arg(value_name = "FAULT")]
    faults: Vec<String>,
    /// List the faults, what each does and what is expected, and inject none
    #[arg(long)]
    list: bool,
    /// Exit 0 if the archive no longer has the kernels or the source that some faults need
    #[arg(long)]
    allow_unavailable: bool,
    #[command(flatten)]
    environment: Environment,
}

/// Injects the given faults.
///
/// # Errors
///
/// An unknown fault, or a failure that prevents booting any machine.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    if arguments.list {
        for fault in ::faults::all() {
            print_line(&format!("{:22}  {}; expected: {}", fault.name, fault.done, fault.demanded));
        }
        return Ok(Exit::Success);
    }
    ::faults::check_names(&arguments.faults)?;
    let environment = &arguments.environment;
    let pins = environment.pins()?;
    let display = Display::default();
    let show = |progress| display.preparation(progress);
    let cancel = cli::interrupt::watch()?;
    let apt = environment.apt()?;
    let context = environment.context(&apt, cancel, &show)?;
    let (engine, root) = (environment.engine, crate::workspace::root());
    let kernel_configs = root.join("kernel-configs");
    let options = EnvironmentOptions { engine, accel: vm::AccelRequest::Tcg, root, encoding: None };
    let run_environment = RunEnvironment::prepare(context, &options)?;
    let setting = Setting::new(&run_environment, engine, environment.of_machine(), kernel_configs);
    let Some(tally) = ::faults::inject(&setting, &arguments.faults, &pins, &print_line)? else {
        return Ok(Exit::Interrupted);
    };
    print_line(&tally.sentence());
    Ok(tally.exit(arguments.allow_unavailable))
}
