//! PID 1 of a conformance run: loads a module with the sections of each case, reports, and unloads it.

use std::ffi::CString;
use std::path::Path;
use std::{fs, process};

use guest_cases::{CASES_PATH, CasesPlan, TEMPLATE_PATH, Template, read_cases};
use guest_init::failure::Failure;
use guest_init::kmsg::Kmsg;
use guest_init::results::Results;
use guest_init::{exit, start, sysfs};
use guest_protocol::{DEBUG_EXIT_DONE, Event, Load, PLAN_PATH, PROTOCOL};
use rustix::system::{delete_module, init_module};

fn main() {
    if process::id() != 1 {
        eprintln!(
            "guest-cases: this program mounts file systems and ends the machine: it runs as PID 1 of a guest only"
        );
        process::exit(2);
    }
    start::report_panics();
    match start::mount_all().and_then(|()| run()) {
        Ok(()) => exit::exit_vm(DEBUG_EXIT_DONE),
        Err(failure) => start::fail(&failure.to_string()),
    }
}

fn run() -> Result<(), Failure> {
    let mut results = Results::open()?;
    results.send(&start::begin())?;
    let plan: CasesPlan = serde_json::from_slice(&read(PLAN_PATH)?)?;
    if plan.protocol != PROTOCOL {
        return Err(format!("the plan is of protocol {}, this guest speaks {PROTOCOL}", plan.protocol).into());
    }
    let template = Template::new(read(TEMPLATE_PATH)?, plan.btf_header, plan.base_header);
    let mut template = template.ok_or("the template has no section header where the plan says")?;
    // What is logged is read from the log. On the console, which is slow, only what ends the kernel is printed.
    fs::write("/proc/sys/kernel/printk", "1").map_err(|error| format!("cannot set the console's level: {error}"))?;
    let mut kmsg = Kmsg::open()?;
    let base = sysfs::btf(Path::new("/sys"), "vmlinux")?;
    results.send(&Event::Boot { base, records: kmsg.drain()? })?;
    let cases = read(CASES_PATH)?;
    let mut steps = 0;
    for (index, case) in read_cases(&cases).enumerate() {
        let case = case.ok_or_else(|| format!("case {index} is cut short"))?;
        let load = load(&plan.module, template.with(&case))?;
        results.send(&Event::Step { index, load, records: kmsg.drain()? })?;
        steps = index + 1;
    }
    results.send(&Event::End { steps, records: kmsg.drain()? })?;
    results.drain()
}

fn read(path: &str) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| format!("cannot read {path}: {error}").into())
}

/// Loads the module, looks at what the kernel shows of it, and unloads it.
fn load(name: &str, image: &[u8]) -> Result<Load, Failure> {
    let errno = init_module(image, c"").map_or_else(|errno| errno.raw_os_error(), |()| 0);
    let sys = Path::new("/sys");
    let load = Load { module: name.to_owned(), errno, live: sysfs::is_live(sys, name)?, btf: sysfs::btf(sys, name)? };
    if errno == 0 {
        let module = CString::new(name)?;
        delete_module(&module, 0).map_err(|error| format!("cannot unload {name}: {error}"))?;
    }
    Ok(load)
}
