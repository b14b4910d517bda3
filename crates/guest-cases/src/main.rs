//! PID 1 of a conformance run: loads a module with the sections of each case, reports, and unloads it.

use std::ffi::CString;
use std::path::Path;
use std::{fs, process};

use guest_cases::{CASES_PATH, CasesPlan, TEMPLATE_PATH, Template, read_cases};
use guest_protocol::{DEBUG_EXIT_DONE, DEBUG_EXIT_FAILED, Event, Load, PLAN_PATH, PROTOCOL};
use rustix::mount::{MountFlags, mount};
use rustix::system::{delete_module, init_module};

use crate::failure::Failure;
use crate::kmsg::Kmsg;
use crate::results::Results;

// These are files of guest-init. They are no library because recorded boots depend on guest-init byte for byte, and its program is
// another when they are.
#[path = "../../guest-init/src/exit.rs"]
mod exit;
#[path = "../../guest-init/src/failure.rs"]
mod failure;
#[path = "../../guest-init/src/kmsg.rs"]
mod kmsg;
#[path = "../../guest-init/src/results.rs"]
mod results;
#[path = "../../guest-init/src/sysfs.rs"]
mod sysfs;

fn main() {
    if process::id() != 1 {
        eprintln!(
            "guest-cases: this program mounts file systems and ends the machine: it runs as PID 1 of a guest only"
        );
        process::exit(2);
    }
    std::panic::set_hook(Box::new(|panic| fail(&format!("PID 1 panicked: {panic}"))));
    match mount_all().and_then(|()| run()) {
        Ok(()) => exit::exit_vm(DEBUG_EXIT_DONE),
        Err(failure) => fail(&failure.to_string()),
    }
}

fn mount_all() -> Result<(), Failure> {
    for (kind, target) in [("devtmpfs", "/dev"), ("proc", "/proc"), ("sysfs", "/sys")] {
        fs::create_dir_all(target).map_err(|error| format!("cannot create {target}: {error}"))?;
        mount(kind, target, kind, MountFlags::empty(), None)
            .map_err(|error| format!("cannot mount {kind} on {target}: {error}"))?;
    }
    Ok(())
}

/// Reports why the cases could not be loaded, and ends the machine.
fn fail(message: &str) -> ! {
    eprintln!("guest-cases: {message}");
    let event = Event::Failed { message: message.to_owned() };
    let reported = Results::open().and_then(|mut results| results.send(&event).and_then(|()| results.drain()));
    if let Err(error) = reported {
        eprintln!("guest-cases: {error}");
    }
    exit::exit_vm(DEBUG_EXIT_FAILED)
}

fn run() -> Result<(), Failure> {
    let mut results = Results::open()?;
    let uname = rustix::system::uname();
    let [release, version] = [uname.release(), uname.version()].map(|text| text.to_string_lossy().into_owned());
    results.send(&Event::Begin { protocol: PROTOCOL, release, version })?;
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
