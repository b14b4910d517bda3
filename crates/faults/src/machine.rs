//! Faults of machines: each possible ending of a run, caused on a real kernel.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use container::scratch::LockedTempDir;
use guest_protocol::{Fault as Order, PROTOCOL, Plan, Step};
use kernels::archive::Kernel;
use rustix::process::{Pid, Signal, kill_process};
use scenario::exit::Ending;
use scenario::run::RunEnvironment;
use vm::{Accel, AccelChooser, AccelRequest, Boot, BootLimits, BootOutcome, Initramfs, KvmHost, Machine};

/// A fault of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The kernel panics during a step.
    KernelPanics,
    /// PID 1 exits, and the kernel panics because of that.
    InitExits,
    /// A step never ends.
    StepHangs,
    /// The kernel boots but never starts PID 1.
    InitNeverReports,
    /// The boot image loops at its first instruction.
    NothingPrinted,
    /// QEMU is killed during the run.
    QemuKilled,
    /// There is no fault, except possibly in KVM: `--accel auto` must succeed whatever `/dev/kvm` does.
    KvmUnproven,
}

impl Fault {
    /// All faults.
    pub const ALL: [Self; 7] = [
        Self::KernelPanics,
        Self::InitExits,
        Self::StepHangs,
        Self::InitNeverReports,
        Self::NothingPrinted,
        Self::QemuKilled,
        Self::KvmUnproven,
    ];

    /// Its name on a command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KernelPanics => "kernel-panics",
            Self::InitExits => "init-exits",
            Self::StepHangs => "step-hangs",
            Self::InitNeverReports => "init-never-reports",
            Self::NothingPrinted => "nothing-printed",
            Self::QemuKilled => "qemu-killed",
            Self::KvmUnproven => "kvm-unproven",
        }
    }

    /// The expected ending, and the expected text.
    #[must_use]
    pub const fn expected(self) -> (&'static str, &'static str) {
        match self {
            Self::KernelPanics => ("panic", "Kernel panic - not syncing: sysrq triggered crash"),
            Self::InitExits => ("panic", "Kernel panic - not syncing: Attempted to kill init"),
            Self::StepHangs => ("hang", "the guest did not report step 0"),
            Self::InitNeverReports => ("hang", "PID 1 did not report"),
            Self::NothingPrinted => ("hang", "the kernel printed nothing"),
            Self::QemuKilled => ("lost", "killed by signal 9"),
            Self::KvmUnproven => ("measured", ""),
        }
    }

    fn steps(self) -> Vec<Step> {
        let order = |fault| vec![Step::Fault { fault }];
        match self {
            Self::KernelPanics => order(Order::Panic),
            Self::InitExits => order(Order::ExitInit),
            Self::StepHangs | Self::QemuKilled => order(Order::Hang),
            Self::InitNeverReports | Self::NothingPrinted | Self::KvmUnproven => Vec::new(),
        }
    }

    /// Makes the kernel wait forever for a root file system, because it has no PID 1 to start.
    const fn command_line(self) -> &'static str {
        match self {
            Self::InitNeverReports => "rdinit=/none root=/dev/none rootwait",
            _ => "",
        }
    }
}

/// Causes a fault on a kernel. Returns the ending, which is [`Ending::Measured`] if the run completed, and the reason
/// why KVM was not used if it was tried.
///
/// # Errors
///
/// A failure that prevents causing the fault.
pub fn provoke(ready: &RunEnvironment<'_>, kernel: &Kernel, fault: Fault) -> Result<(Ending, Option<String>)> {
    let folder = LockedTempDir::make(&ready.runs, fault.name())?;
    let steps = fault.steps();
    let initramfs = folder.path().join("initramfs");
    Initramfs::new(&ready.guest, &Plan { protocol: PROTOCOL, steps: steps.clone() })?.write(&initramfs)?;
    let image = match fault {
        Fault::NothingPrinted => looping(&kernel.image, folder.path())?,
        _ => kernel.image.clone(),
    };
    let boot = Boot {
        machine: Machine {
            kernel: image,
            initramfs,
            memory_mib: 512,
            command_line: fault.command_line().into(),
            accel: Accel::Tcg,
        },
        run: folder.path().join("boot"),
        steps: steps.len(),
        limits: limits(fault),
    };
    let (outcome, fallback) = run(ready, &boot, fault)?;
    Ok((Ending::of_unfinished(&outcome.ending).unwrap_or(Ending::Measured), fallback))
}

fn run(ready: &RunEnvironment<'_>, boot: &Boot, fault: Fault) -> Result<(BootOutcome, Option<String>)> {
    let (launcher, cancel) = (ready.launcher(), ready.context.cancel);
    if fault == Fault::KvmUnproven {
        let host = KvmHost::this(&ready.image.manifest.qemu).context("cannot read /proc")?;
        let chooser = AccelChooser::new(AccelRequest::Auto, host, None);
        let outcome = chooser.boot(boot, launcher, cancel, &mut |_| {})?;
        return Ok((outcome, chooser.choose().1));
    }
    let mut failed = None;
    let outcome = vm::boot(boot, launcher, cancel, &mut |progress| {
        if fault == Fault::QemuKilled && progress == vm::BootProgress::Begun {
            failed = kill_qemu(&boot.run).err();
        }
    })?;
    match failed {
        Some(source) => {
            Err(source).with_context(|| format!("cannot kill the QEMU that writes to {}", boot.run.display()))
        }
        None => Ok((outcome, None)),
    }
}

/// Limits: long if a real boot is expected, short if a timeout is.
fn limits(fault: Fault) -> BootLimits {
    let seconds = Duration::from_secs;
    let patient = BootLimits::of(Accel::Tcg);
    match fault {
        Fault::NothingPrinted => BootLimits { first_print: seconds(5), ..patient },
        Fault::InitNeverReports => BootLimits { first_event: seconds(15), ..patient },
        Fault::StepHangs => BootLimits { silence: seconds(6), ..patient },
        _ => patient,
    }
}

/// Copies a boot image and makes its first instruction jump to itself: the jump at 0x200 in the header of the x86
/// boot protocol (`Documentation/arch/x86/boot.rst`).
fn looping(image: &Path, folder: &Path) -> Result<PathBuf> {
    let mut bytes = fs::read(image).with_context(|| format!("cannot read {}", image.display()))?;
    let path = folder.join("vmlinuz");
    if let Some(jump) = bytes.get_mut(0x200..0x202) {
        jump.copy_from_slice(&[0xeb, 0xfe]);
    }
    fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// Kills the QEMU process with the folder `run` in its arguments, wherever it runs.
fn kill_qemu(run: &Path) -> io::Result<()> {
    let run = run.to_string_lossy();
    for entry in fs::read_dir("/proc")? {
        let dir = entry?.path();
        let Some(pid) = dir.file_name().and_then(|name| name.to_str()?.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        // A process that has just ended has no arguments.
        let arguments = fs::read(dir.join("cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments);
        if arguments.starts_with(vm::PROGRAM) && arguments.contains(&*run) {
            return Ok(kill_process(pid, Signal::KILL)?);
        }
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "no such process"))
}
