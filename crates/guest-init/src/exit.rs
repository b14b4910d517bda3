//! Ending the machine with an exit code that the host can tell from a panic's and a poweroff's.

use std::hint::spin_loop;
use std::time::Duration;
use std::{io, thread};

use guest_protocol::DEBUG_EXIT_PORT;
use rustix::system::{RebootCommand, reboot};

/// How often to spin while QEMU, which shuts down at its own pace, takes notice of the write.
const SPINS: u64 = 1 << 30;

/// Asks QEMU to exit with a code made of `value` ([`guest_protocol::qemu_exit_code`]). Where the device does not answer,
/// the machine is powered off, which the host tells from a complete run by the exit code.
pub fn exit_vm(value: u8) -> ! {
    match debug_exit(value) {
        // To sleep would let the virtual clock run ahead, and the kernel with it, until QEMU stops: the log would then
        // end at a different place each time.
        Ok(()) => (0..SPINS).for_each(|_| spin_loop()),
        Err(error) => eprintln!("guest-init: failed to write to I/O port {DEBUG_EXIT_PORT:#x}: {error}"),
    }
    if let Err(error) = reboot(RebootCommand::PowerOff) {
        eprintln!("guest-init: failed to power the machine off: {error}");
    }
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}

/// Writes a byte to QEMU's `isa-debug-exit` device.
#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "port I/O has no safe interface, and the kernels in question are built without /dev/port"
)]
fn debug_exit(value: u8) -> io::Result<()> {
    // SAFETY: the call changes this thread's I/O permissions for one port and touches no memory.
    if unsafe { libc::ioperm(DEBUG_EXIT_PORT.into(), 1, 1) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the permission for this port was just given; the instruction reads two registers and no memory.
    unsafe {
        std::arch::asm!(
            "out dx, al",
            in("dx") DEBUG_EXIT_PORT,
            in("al") value,
            options(nomem, nostack, preserves_flags)
        );
    }
    Ok(())
}

/// Elsewhere there is no such device.
#[cfg(not(target_arch = "x86_64"))]
fn debug_exit(_value: u8) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
