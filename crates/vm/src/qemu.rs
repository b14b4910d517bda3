//! QEMU's command line, built from plain data.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use guest_protocol::DEBUG_EXIT_PORT;
use serde::{Deserialize, Serialize};

use crate::run_dir::RunDir;

/// The program.
pub const PROGRAM: &str = "qemu-system-x86_64";

/// The machine type. It includes a version, so that a newer QEMU presents the same hardware. QEMU 7.2 and later
/// support it.
const MACHINE: &str = "pc-i440fx-7.2";

/// The command line of every kernel: the console, exiting at a panic instead of waiting, and a log large enough for
/// all messages of one step.
const COMMAND_LINE: &str = "console=ttyS0 panic=-1 oops=panic audit=0 log_buf_len=4M";

/// Additions for a kernel whose clock is not deterministic: no random addresses, no times in the console log, and no
/// check of the timer against a clock that other processes slow down.
const FREE_CLOCK: &str = "nokaslr printk.time=0 no_timer_check";

/// How the guest's processor is executed. Accelerator and processor model belong together: a model of one accelerator
/// may stop another at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accel {
    /// Emulated, with a clock that counts instructions: the same boot gives the same bytes.
    Tcg,
    /// Emulated, with the host's clock: faster, but no two logs are equal.
    TcgFast,
    /// The host's processor.
    Kvm,
}

impl Accel {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Tcg => &["-accel", "tcg", "-icount", "shift=1,sleep=off", "-seed", "1", "-cpu", "max"],
            Self::TcgFast => &["-accel", "tcg", "-cpu", "max"],
            Self::Kvm => &["-accel", "kvm", "-cpu", "host"],
        }
    }

    fn command_line(self) -> &'static str {
        match self {
            Self::Tcg => "",
            Self::TcgFast | Self::Kvm => FREE_CLOCK,
        }
    }
}

impl std::fmt::Display for Accel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tcg => "TCG with an instruction-counting clock",
            Self::TcgFast => "TCG with the host's clock",
            Self::Kvm => "KVM",
        })
    }
}

/// The machine to boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The kernel's boot image.
    pub kernel: PathBuf,
    /// The initramfs.
    pub initramfs: PathBuf,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Additions to the kernel's command line.
    pub command_line: String,
    /// The accelerator.
    pub accel: Accel,
}

/// The whole command, beginning with the program: one processor, only the requested devices, two serial ports that
/// write to files of `run`, and `isa-debug-exit`.
pub(crate) fn arguments(machine: &Machine, run: &RunDir) -> Vec<OsString> {
    let mut command: Vec<OsString> = [PROGRAM, "-machine", MACHINE].map(OsString::from).into();
    command.extend(machine.accel.arguments().iter().map(OsString::from));
    let fixed = ["-smp", "1", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"];
    command.extend(fixed.map(OsString::from));
    command.extend(["-rtc", "base=2024-01-01T00:00:00,clock=vm"].map(OsString::from));
    command.extend(["-m".into(), format!("{}M", machine.memory_mib).into()]);
    command.extend(["-kernel".into(), machine.kernel.clone().into_os_string()]);
    command.extend(["-initrd".into(), machine.initramfs.clone().into_os_string()]);
    command.extend(["-append".into(), kernel_command_line(machine).into()]);
    command.extend(["-serial".into(), to_file(&run.console())]);
    command.extend(["-serial".into(), to_file(&run.results())]);
    let exit = format!("isa-debug-exit,iobase={DEBUG_EXIT_PORT:#x},iosize=0x04");
    command.extend(["-device".into(), exit.into()]);
    command
}

fn kernel_command_line(machine: &Machine) -> String {
    let parts = [COMMAND_LINE, machine.accel.command_line(), machine.command_line.trim()];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

fn to_file(path: &Path) -> OsString {
    let mut argument = OsString::from("file:");
    argument.push(path);
    argument
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(accel: Accel, command_line: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let run = RunDir::prepare(directory.path()).unwrap();
        let machine = Machine {
            kernel: "/k/vmlinuz".into(),
            initramfs: "/r/initramfs".into(),
            memory_mib: 512,
            command_line: command_line.into(),
            accel,
        };
        let words = arguments(&machine, &run);
        let words: Vec<_> = words.iter().map(|word| word.to_str().unwrap()).collect();
        words.join(" ").replace(directory.path().to_str().unwrap(), "RUN")
    }

    #[test]
    fn a_deterministic_boot_is_this_command() {
        assert_eq!(
            words(Accel::Tcg, ""),
            "qemu-system-x86_64 -machine pc-i440fx-7.2 -accel tcg -icount shift=1,sleep=off -seed 1 -cpu max -smp 1 \
             -nodefaults -no-user-config -display none -no-reboot -rtc base=2024-01-01T00:00:00,clock=vm -m 512M \
             -kernel /k/vmlinuz -initrd /r/initramfs \
             -append console=ttyS0 panic=-1 oops=panic audit=0 log_buf_len=4M \
             -serial file:RUN/console.log -serial file:RUN/results.jsonl \
             -device isa-debug-exit,iobase=0xf4,iosize=0x04"
        );
    }

    #[test]
    fn accelerator_and_processor_go_together() {
        for (accel, pair) in [
            (Accel::Tcg, "-accel tcg -icount shift=1,sleep=off -seed 1 -cpu max "),
            (Accel::TcgFast, "-accel tcg -cpu max "),
            (Accel::Kvm, "-accel kvm -cpu host "),
        ] {
            let words = words(accel, " quiet ");
            assert!(words.contains(pair), "{words}");
            assert_eq!(words.matches("-accel").count(), 1, "{words}");
            assert_eq!(words.contains("nokaslr"), accel != Accel::Tcg, "{words}");
            assert!(words.contains(" quiet -serial"), "{words}");
        }
    }
}
