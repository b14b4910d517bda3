//! Choosing the accelerator: KVM if it is wanted and works, else TCG.
//!
//! KVM counts as working only after a real kernel has printed under it. The device may open, create a machine and run
//! a boot sector, and still hang Linux. So the first boot is the test. Its result is remembered for this host, kernel
//! and QEMU.

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

/// The requested accelerator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccelRequest {
    /// KVM if it works, else TCG.
    Auto,
    /// KVM without a fallback.
    Kvm,
    /// TCG with an instruction-counting clock.
    Tcg,
}

/// The scope of a verdict on KVM. After a reboot of the host, or with another kernel or QEMU, it no longer applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvmHost {
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// `/proc/sys/kernel/osrelease`.
    pub kernel: String,
    /// QEMU's version line.
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
    /// The host on which this was observed.
    pub host: KvmHost,
    /// `None` if KVM works, else the reason why it does not.
    pub dead: Option<String>,
}

impl KvmVerdict {
    /// The verdict stored at `path`, if it is valid and applies to `host`. Any other content is ignored: then KVM is
    /// tried again.
    #[must_use]
    pub fn load(path: &Path, host: &KvmHost) -> Option<Self> {
        let verdict: Self = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        (verdict.host == *host).then_some(verdict)
    }

    /// Stores the verdict at `path`, replacing the file by one rename.
    ///
    /// # Errors
    ///
    /// A failure of the file system.
    pub fn store(&self, path: &Path) -> io::Result<()> {
        atomic::replace(path, &serde_json::to_vec_pretty(self)?).map_err(atomic::Error::into_io)
    }
}

/// Chooses the accelerator for each boot, and remembers what the boots show. Parallel boots may share it.
#[derive(Debug)]
pub struct AccelChooser {
    /// The requested accelerator.
    pub request: AccelRequest,
    /// The host on which QEMU runs.
    pub host: KvmHost,
    /// KVM's device on the host.
    pub device: PathBuf,
    /// The limits for each accelerator.
    pub limits: fn(Accel) -> BootLimits,
    verdict: Mutex<Option<KvmVerdict>>,
}

impl AccelChooser {
    /// Chooses according to `request` on `host`, with an earlier verdict if there is one.
    #[must_use]
    pub fn new(request: AccelRequest, host: KvmHost, known: Option<KvmVerdict>) -> Self {
        let verdict = Mutex::new(known.filter(|known| known.host == host));
        Self { request, host, device: DEVICE.into(), limits: BootLimits::of, verdict }
    }

    /// The current verdict on KVM, to be stored for the next run.
    #[must_use]
    pub fn verdict(&self) -> Option<KvmVerdict> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, dead: Option<String>) {
        let verdict = KvmVerdict { host: self.host.clone(), dead };
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
    }

    /// The accelerator for the start of the next boot, and the reason for not using KVM, unless the request excludes
    /// it.
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

    /// The reason why the device cannot be opened, if it cannot.
    fn closed(&self) -> Option<String> {
        let opened = OpenOptions::new().read(true).write(true).open(&self.device);
        opened.err().map(|error| format!("{} cannot be opened: {error}", self.device.display()))
    }

    /// Boots like [`boot()`], with the accelerator of [`AccelChooser::choose`] and its limits instead of those in
    /// `plan`. If KVM was chosen because of [`AccelRequest::Auto`] and the run hung or was lost, the boot is repeated
    /// with TCG. KVM is the cause only if PID 1 reports in the second boot and did not in the first. Otherwise a
    /// kernel, an engine or a disk may be the cause.
    ///
    /// # Errors
    ///
    /// Errors of [`boot()`].
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
