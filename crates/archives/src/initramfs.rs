//! Initramfs: cpio archives after one another, each as it is or compressed, with zeroes between them, as the kernel unpacks them
//! (`init/initramfs.c`, `unpack_to_rootfs`).

use std::io::Read;
use std::ops::ControlFlow;

use kmod::{Compression, Decoder};

use crate::cpio;
use crate::entry::{Part, Visit};
use crate::error::Error;
use crate::input::Input;

/// One of the archives of an initramfs, such as microcode, or what a distribution's tool made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// How it is compressed.
    pub compression: Option<Compression>,
    /// How many entries it has. Archives that are compressed together count as one.
    pub entries: u64,
}

/// How many archives there may be.
const MAX_SEGMENTS: usize = 4096;

const WHAT: &str = "the initramfs";

/// Shows the entries of all archives in `input`, which begins `base` bytes after the beginning of the file.
pub(crate) fn read<R: Read>(
    input: &mut Input<R>,
    base: u64,
    visit: &mut Visit<'_, '_>,
    segments: &mut Vec<Segment>,
) -> Result<ControlFlow<()>, Error> {
    let mut budget = visit.limits.total;
    loop {
        let offset = base + input.offset();
        let failed = |source| Error::Read { what: WHAT, offset, source };
        input.skip_zeroes().map_err(failed)?;
        let offset = base + input.offset();
        let start = input.peek(8).map_err(failed)?;
        if start.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        if segments.len() == MAX_SEGMENTS {
            return Err(Error::Limit { what: "the archives of an initramfs", offset, limit: MAX_SEGMENTS as u64 });
        }
        let compression = if start.starts_with(b"0707") { None } else { Compression::detect(start) };
        if compression.is_none() && !start.starts_with(b"0707") {
            let begins = hex::encode(&start[..start.len().min(8)]);
            let reason = format!("neither cpio nor compressed data: it begins with {begins}");
            return Err(Error::Record { what: WHAT, offset, reason });
        }
        visit.part = Part::Segment(segments.len());
        let before = visit.entries;
        let mut flow = Ok(ControlFlow::Continue(()));
        match compression {
            None => flow = cpio::read(input, visit, &|_| None).map_err(Error::part("the cpio archive", offset)),
            Some(compression) => {
                let mut plain = Input::new(Decoder::new(compression, &mut *input)?, budget);
                while matches!(flow, Ok(ControlFlow::Continue(()))) {
                    flow = match next_archive(&mut plain) {
                        Ok(true) => cpio::read(&mut plain, visit, &|_| None),
                        Ok(false) => break,
                        Err(error) => Err(error),
                    };
                }
                budget = budget.saturating_sub(plain.offset());
                flow = flow.map_err(Error::part(format!("the {compression} archive"), offset));
            }
        }
        segments.push(Segment { offset, compression, entries: visit.entries - before });
        if flow?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
}

/// Whether another archive follows in compressed data.
fn next_archive<R: Read>(plain: &mut Input<R>) -> Result<bool, Error> {
    let offset = plain.offset();
    let failed = |source| Error::Read { what: WHAT, offset, source };
    plain.skip_zeroes().map_err(failed)?;
    Ok(!plain.is_at_end().map_err(failed)?)
}
