//! What the host and the guest's PID 1 exchange: a plan goes in as a file of the initramfs, events come out as JSON, one
//! a line, on the second serial port.
//!
//! Everything here is plain data. The kernel's own console stays on the first serial port and is never parsed for
//! results; the end of a run is known from [`Event::End`] *and* from the exit code that the guest asks QEMU for.

use serde::{Deserialize, Serialize};

/// The version of this protocol: a guest refuses a plan of another version, a host refuses events of another version.
pub const PROTOCOL: u32 = 1;

/// Where the guest's PID 1 lies in the initramfs.
pub const INIT_PATH: &str = "/init";

/// Where the plan lies in the initramfs: one JSON document, a [`Plan`].
pub const PLAN_PATH: &str = "/plan.json";

/// The device on which the guest writes its events, one JSON document a line.
pub const RESULTS_DEVICE: &str = "/dev/ttyS1";

/// The I/O port of QEMU's `isa-debug-exit` device (`iobase=0xf4,iosize=0x04`).
pub const DEBUG_EXIT_PORT: u16 = 0xf4;

/// What the guest writes to [`DEBUG_EXIT_PORT`] after a complete run. QEMU exits with `(value << 1) | 1`.
pub const DEBUG_EXIT_DONE: u8 = 0x10;

/// What the guest writes to [`DEBUG_EXIT_PORT`] when it could not follow its plan; [`Event::Failed`] says why.
pub const DEBUG_EXIT_FAILED: u8 = 0x11;

/// QEMU's exit code for a value written to [`DEBUG_EXIT_PORT`].
#[must_use]
pub const fn qemu_exit_code(value: u8) -> i32 {
    ((value as i32) << 1) | 1
}

/// What the guest has to do, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PROTOCOL`] of the host that wrote the plan.
    pub protocol: u32,
    /// The steps, in order. A step that fails does not end the run: its errno is its result.
    pub steps: Vec<Step>,
}

/// One step of a [`Plan`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Step {
    /// Loads a module with `finit_module(2)`.
    Load {
        /// The module's name as the kernel will know it (`[a-zA-Z0-9_]+`): `overlay`.
        module: String,
        /// The module's file in the initramfs, absolute and uncompressed.
        file: String,
        /// Module parameters, as on insmod's command line.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        parameters: String,
    },
    /// Goes wrong on purpose; only the harness's own checks ask for this.
    Fault {
        /// How to go wrong.
        fault: Fault,
    },
}

/// A way in which a guest can go wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The kernel panics (through `/proc/sysrq-trigger`).
    Panic,
    /// The guest never reports again, while the kernel stays alive.
    Hang,
    /// PID 1 exits, which the kernel answers with a panic.
    ExitInit,
}

/// What the guest reports. A run is [`Event::Begin`], [`Event::Boot`], one [`Event::Step`] for each step of the plan, in
/// order, and [`Event::End`]; or it stops short of that, possibly with an [`Event::Failed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// PID 1 runs.
    Begin {
        /// [`PROTOCOL`] of the guest.
        protocol: u32,
        /// `uname -r`.
        release: String,
        /// `uname -v`.
        version: String,
    },
    /// What was there before the first step.
    Boot {
        /// `/sys/kernel/btf/vmlinux`, if the kernel has it.
        base: Option<SysfsBtf>,
        /// The kernel's records so far.
        records: Vec<Record>,
    },
    /// A step was carried out.
    Step {
        /// Which one: an index into [`Plan::steps`].
        index: usize,
        /// What came of it.
        load: Load,
        /// What the kernel said during it.
        records: Vec<Record>,
    },
    /// All steps were carried out.
    End {
        /// How many.
        steps: usize,
        /// What the kernel said after the last step.
        records: Vec<Record>,
    },
    /// The guest could not follow its plan: a defect of the harness, never a verdict on a module.
    Failed {
        /// What it was doing and what went wrong.
        message: String,
    },
}

/// What came of loading one module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// The module's name, repeated from the plan.
    pub module: String,
    /// `finit_module`'s errno as a positive number; 0 is success.
    pub errno: i32,
    /// Whether `/sys/module/<name>/initstate` says `live` after the step.
    pub live: bool,
    /// `/sys/kernel/btf/<name>` after the step, if it is there.
    pub btf: Option<SysfsBtf>,
}

/// The content of a file below `/sys/kernel/btf`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SysfsBtf {
    /// Its length in bytes, as read.
    pub size: u64,
    /// SHA-256 of its bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// One record of `/dev/kmsg`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The kernel's sequence number.
    pub seq: u64,
    /// Microseconds since boot.
    pub us: u64,
    /// The syslog level, 0 to 7 (facility taken off).
    pub level: u8,
    /// The record's text, one line, still escaped as `/dev/kmsg` escapes it (`\x09` is a tab): so it is ASCII and loses
    /// nothing. [`Record::unescaped`] gives the bytes.
    pub text: String,
}

impl Record {
    /// The record's text as the kernel wrote it: `\xNN` undone, as bytes, since a name taken from a garbled string table
    /// need not be UTF-8.
    ///
    /// Source of the escaping: `kernel/printk/printk.c`, `append_char` and `msg_add_ext_text`: every byte below 32, from 127
    /// on, and the backslash is written as `\x` and two hexadecimal digits.
    #[must_use]
    pub fn unescaped(&self) -> Vec<u8> {
        let bytes = self.text.as_bytes();
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let escaped = bytes
                .get(at..at + 4)
                .and_then(|four| four.strip_prefix(b"\\x"))
                .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
                .and_then(|digits| std::str::from_utf8(digits).ok())
                .and_then(|digits| u8::from_str_radix(digits, 16).ok());
            match escaped {
                Some(byte) => {
                    out.push(byte);
                    at += 4;
                }
                None => {
                    out.push(byte);
                    at += 1;
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> Record {
        Record { seq: 1, us: 2, level: 3, text: text.to_owned() }
    }

    #[test]
    fn escapes_are_undone_and_nothing_else() {
        assert_eq!(record(r"BPF: \x09 type_id=28").unescaped(), b"BPF: \t type_id=28");
        assert_eq!(record(r"\xff\x5c\x5cx41").unescaped(), b"\xff\\\\x41");
        assert_eq!(record(r"\x4").unescaped(), br"\x4");
        assert_eq!(record(r"\xzz").unescaped(), br"\xzz");
        assert_eq!(record(r"\x+1").unescaped(), br"\x+1");
        assert_eq!(record("").unescaped(), b"");
    }

    #[test]
    fn a_plan_and_its_events_survive_json() {
        let plan = Plan {
            protocol: PROTOCOL,
            steps: vec![
                Step::Load {
                    module: "overlay".into(),
                    file: "/modules/0-overlay.ko".into(),
                    parameters: String::new(),
                },
                Step::Fault { fault: Fault::ExitInit },
            ],
        };
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(
            json,
            r#"{"protocol":1,"steps":[{"do":"load","module":"overlay","file":"/modules/0-overlay.ko"},{"do":"fault","fault":"exit-init"}]}"#
        );
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);

        let event = Event::Step {
            index: 0,
            load: Load { module: "overlay".into(), errno: 22, live: false, btf: None },
            records: vec![record(r"\x09")],
        };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }

    #[test]
    fn qemu_doubles_the_value_and_adds_one() {
        assert_eq!(qemu_exit_code(DEBUG_EXIT_DONE), 33);
        assert_eq!(qemu_exit_code(DEBUG_EXIT_FAILED), 35);
    }
}
