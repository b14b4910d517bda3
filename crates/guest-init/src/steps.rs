//! Carrying out one step of the plan.

use std::ffi::CString;
use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;
use std::{process, thread};

use guest_protocol::{Fault, Load, Step};
use rustix::system::finit_module;

use crate::failure::Failure;
use crate::sysfs;

/// Carries out one step. A load that the kernel refuses is a result; an error is a step that could not be tried.
pub fn execute(step: &Step) -> Result<Load, Failure> {
    match step {
        Step::Load { module, file, parameters } => load(module, file, parameters),
        Step::Fault { fault } => Err(trigger_fault(*fault)),
    }
}

fn load(module: &str, file: &str, parameters: &str) -> Result<Load, Failure> {
    let parameters = CString::new(parameters)
        .map_err(|error| format!("failed to pass the parameters {parameters:?} to {module}: {error}"))?;
    let object = File::open(file).map_err(|error| format!("failed to open {file}, module {module}: {error}"))?;
    let errno = finit_module(&object, &parameters, 0).map_or_else(|errno| errno.raw_os_error(), |()| 0);
    let sys = Path::new("/sys");
    Ok(Load { module: module.to_owned(), errno, live: sysfs::is_live(sys, module)?, btf: sysfs::btf(sys, module)? })
}

/// Goes wrong as asked. Returns only if that did not work.
fn trigger_fault(fault: Fault) -> Failure {
    match fault {
        Fault::Panic => match fs::write("/proc/sysrq-trigger", "c") {
            Ok(()) => "the kernel survived a crash asked for through /proc/sysrq-trigger".into(),
            Err(error) => format!("failed to write to /proc/sysrq-trigger: {error}").into(),
        },
        Fault::Hang => loop {
            thread::sleep(Duration::from_secs(3600));
        },
        Fault::ExitInit => process::exit(0),
    }
}
