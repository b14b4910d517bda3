//! Which accelerator: KVM where it is wanted and proves itself, TCG otherwise.
//!
//! Nothing short of a real kernel that prints proves KVM: the device may open, make a machine and run a boot sector, and
//! still hang Linux. So the first boot is the proof. Whether it came off is remembered for this host, kernel and QEMU.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use util::atomic;

use crate::boot::boot;
use crate::boot_plan::{Boot, BootLimits};
use crate::error::BootError;
use crate::launch::Launcher;
use crate::outcome::{BootEnding, BootOutcome, BootProgress};
use crate::qemu::Accel;

const DEVICE: &str = "/dev/kvm";

/// Which accelerator is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccelRequest {
    /// KVM if it proves itself, otherwise TCG.
    Auto,
    /// KVM, and no falling back.
    Kvm,
    /// TCG with an instruction-counting clock.
    Tcg,
}

/// What a verdict on KVM holds for: another boot of the host, another kernel or another QEMU is another case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvmHost {
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// `/proc/sys/kernel/osrelease`.
    pub kernel: String,
    /// What QEMU calls itself, with its version.
    pub qemu: String,
}

impl KvmHost {
    /// This host, with this QEMU.
    ///
    /// # Errors
    ///
    /// `/proc` could not be read.
    pub fn this(qemu: impl Into<String>) -> io::Result<Self> {
        let read = |path| fs::read_to_string(path).map(|text| text.trim().to_owned());
        Ok(Self {
            boot_id: read("/proc/sys/kernel/random/boot_id")?,
            kernel: read("/proc/sys/kernel/osrelease")?,
            qemu: qemu.into(),
        })
    }
}

/// Whether KVM boots real kernels on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvmVerdict {
    /// Where this was seen.
    pub host: KvmHost,
    /// `None`: it does. Otherwise why not.
    pub dead: Option<String>,
}

impl KvmVerdict {
    /// The verdict stored at `path`, if it is one and holds for `host`. Whatever else lies there is as good as nothing: KVM is
    /// then tried again.
    #[must_use]
    pub fn load(path: &Path, host: &KvmHost) -> Option<Self> {
        let verdict: Self = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        (verdict.host == *host).then_some(verdict)
    }

    /// Stores the verdict at `path`, which is replaced as a whole.
    ///
    /// # Errors
    ///
    /// Whatever the file system says.
    pub fn store(&self, path: &Path) -> io::Result<()> {
        atomic::replace(path, &serde_json::to_vec_pretty(self)?).map_err(atomic::Error::into_io)
    }
}

/// Chooses the accelerator for each boot and remembers what a boot has shown. Boots side by side may share it.
#[derive(Debug)]
pub struct AccelChooser {
    /// What is asked for.
    pub request: AccelRequest,
    /// Where QEMU runs.
    pub host: KvmHost,
    /// KVM's device, as the host sees it.
    pub device: PathBuf,
    /// The limits for each accelerator.
    pub limits: fn(Accel) -> BootLimits,
    verdict: Mutex<Option<KvmVerdict>>,
}

impl AccelChooser {
    /// Chooses as `request` says on `host`, with what is known of it already.
    #[must_use]
    pub fn new(request: AccelRequest, host: KvmHost, known: Option<KvmVerdict>) -> Self {
        let verdict = Mutex::new(known.filter(|known| known.host == host));
        Self { request, host, device: DEVICE.into(), limits: BootLimits::of, verdict }
    }

    /// What is known of KVM by now, to be stored for the next run.
    #[must_use]
    pub fn verdict(&self) -> Option<KvmVerdict> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, dead: Option<String>) {
        let verdict = KvmVerdict { host: self.host.clone(), dead };
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
    }

    /// Which accelerator the next boot begins with, and why not KVM where that was not ruled out by the request.
    #[must_use]
    pub fn choose(&self) -> (Accel, Option<String>) {
        match self.request {
            AccelRequest::Tcg => (Accel::Tcg, None),
            AccelRequest::Kvm => (Accel::Kvm, None),
            AccelRequest::Auto => match self.verdict().and_then(|verdict| verdict.dead).or_else(|| self.closed()) {
                Some(reason) => (Accel::Tcg, Some(reason)),
                None => (Accel::Kvm, None),
            },
        }
    }

    /// Why the device cannot be opened, if it cannot.
    fn closed(&self) -> Option<String> {
        let opened = OpenOptions::new().read(true).write(true).open(&self.device);
        opened.err().map(|error| format!("{} cannot be opened: {error}", self.device.display()))
    }

    /// Boots as [`boot()`] does, with the accelerator of [`AccelChooser::choose`] and the limits that go with it in place of those
    /// in `plan`. Where that was KVM by [`AccelRequest::Auto`] and the run hung or was lost, it is run again with TCG. KVM is to
    /// blame only if PID 1 reports then and did not before: a kernel, an engine or a disk may be at fault as well.
    ///
    /// # Errors
    ///
    /// Those of [`boot()`].
    pub fn boot(
        &self,
        plan: &Boot,
        launcher: &dyn Launcher,
        cancel: &AtomicBool,
        progress: &mut dyn FnMut(BootProgress),
    ) -> Result<BootOutcome, BootError> {
        let with = |accel, progress: &mut dyn FnMut(BootProgress)| {
            let mut plan = Boot { limits: (self.limits)(accel), ..plan.clone() };
            plan.machine.accel = accel;
            boot(&plan, launcher, cancel, progress)
        };
        let (accel, _) = self.choose();
        let outcome = with(accel, progress)?;
        if accel != Accel::Kvm {
            return Ok(outcome);
        }
        let failed = matches!(outcome.ending, BootEnding::Hang { .. } | BootEnding::Lost { .. });
        if !failed && !outcome.events.is_empty() {
            self.remember(None);
        }
        if !failed || self.request == AccelRequest::Kvm {
            return Ok(outcome);
        }
        let reason = format!("with KVM, {}", outcome.ending);
        progress(BootProgress::FallingBack { reason: reason.clone() });
        let again = with(Accel::Tcg, progress)?;
        if outcome.events.is_empty() && !again.events.is_empty() {
            self.remember(Some(reason));
        }
        Ok(again)
    }
}
