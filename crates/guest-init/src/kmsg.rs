//! The kernel's records, read one by one from `/dev/kmsg`.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;

use guest_protocol::Record;
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::failure::Failure;

const PATH: &str = "/dev/kmsg";

/// Bytes that hold any record: the kernel formats one into a buffer of 8,192 bytes or fewer
/// (`kernel/printk/internal.h` and `include/linux/printk.h`, `CONSOLE_EXT_LOG_MAX` and `PRINTK_MESSAGE_MAX`).
const RECORD_MAX: usize = 16 * 1024;

/// A reader of the kernel's log, at the record after the last one read.
pub struct Kmsg<R = File> {
    source: R,
    buffer: Vec<u8>,
}

impl Kmsg {
    /// Opens the log at the oldest record that is still there.
    pub fn open() -> Result<Self, Failure> {
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let source = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(PATH)
            .map_err(|error| format!("failed to open {PATH}: {error}"))?;
        Ok(Self::new(source))
    }
}

impl<R: Read> Kmsg<R> {
    /// Reads records from `source`, which gives exactly one a read.
    fn new(source: R) -> Self {
        Self { source, buffer: vec![0; RECORD_MAX] }
    }

    /// Reads until there is no further record for now.
    ///
    /// # Errors
    ///
    /// A record that was overwritten before it was read is an error, as is one that is not understood: what the kernel
    /// said is evidence, and a gap in it must not look like silence.
    pub fn drain(&mut self) -> Result<Vec<Record>, Failure> {
        let mut records = Vec::new();
        loop {
            match self.source.read(&mut self.buffer) {
                Ok(0) => return Ok(records),
                Ok(length) => {
                    let bytes = self.buffer.get(..length).unwrap_or_default();
                    records.push(parse(bytes).ok_or_else(|| misread(bytes))?);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(records),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if Errno::from_io_error(&error) == Some(Errno::PIPE) => {
                    return Err(format!(
                        "kernel records were overwritten before {PATH} could be read: boot with a larger log_buf_len="
                    )
                    .into());
                }
                Err(error) => return Err(format!("failed to read {PATH}: {error}").into()),
            }
        }
    }
}

fn misread(bytes: &[u8]) -> Failure {
    format!("failed to understand a record of {PATH}: {:?}", String::from_utf8_lossy(bytes)).into()
}

/// Takes one record apart: `prefix,sequence,microseconds,flags[,…];text`, a newline, then lines that begin with a space
/// and describe the device it came from (`kernel/printk/printk.c`, `info_print_ext_header` and `msg_print_ext_body`).
fn parse(bytes: &[u8]) -> Option<Record> {
    let record = std::str::from_utf8(bytes).ok()?;
    let (header, body) = record.split_once(';')?;
    let mut fields = header.split(',');
    let prefix: u32 = fields.next()?.parse().ok()?;
    let seq = fields.next()?.parse().ok()?;
    let us = fields.next()?.parse().ok()?;
    let (text, _) = body.split_once('\n')?;
    Some(Record { seq, us, level: u8::try_from(prefix & 7).ok()?, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io;

    use super::*;

    /// Gives one record a read, as the kernel does.
    struct Source(VecDeque<io::Result<&'static str>>);

    impl Read for Source {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let record = self.0.pop_front().unwrap_or_else(|| Err(ErrorKind::WouldBlock.into()))?;
            buffer[..record.len()].copy_from_slice(record.as_bytes());
            Ok(record.len())
        }
    }

    fn drain(reads: impl IntoIterator<Item = io::Result<&'static str>>) -> Result<Vec<Record>, Failure> {
        Kmsg::new(Source(reads.into_iter().collect())).drain()
    }

    #[test]
    fn a_record_keeps_its_escapes_and_loses_its_facility_and_device() {
        let records = drain([
            Ok("3,412,1834567,-;BPF: \\x09 type_id=28, bits;offset=608\n"),
            Ok("30,413,1834570,c,caller=T1;usb 1-1: new\n SUBSYSTEM=usb\n DEVICE=c189:1\n"),
        ])
        .unwrap();
        let text = |text: &str| text.to_owned();
        assert_eq!(
            records,
            [
                Record { seq: 412, us: 1_834_567, level: 3, text: text("BPF: \\x09 type_id=28, bits;offset=608") },
                Record { seq: 413, us: 1_834_570, level: 6, text: text("usb 1-1: new") },
            ]
        );
    }

    #[test]
    fn a_drain_ends_where_the_log_ends_and_goes_on_there() {
        let would_block = || Err(ErrorKind::WouldBlock.into());
        let reads = [
            Ok("6,0,0,-;one\n"),
            Err(ErrorKind::Interrupted.into()),
            Ok("6,1,0,-;two\n"),
            would_block(),
            Ok("6,2,0,-;three\n"),
        ];
        let mut kmsg = Kmsg::new(Source(reads.into_iter().collect()));
        assert_eq!(kmsg.drain().unwrap().len(), 2);
        assert_eq!(kmsg.drain().unwrap()[0].text, "three");
        assert!(kmsg.drain().unwrap().is_empty());
    }

    #[test]
    fn a_lost_record_and_a_strange_one_are_errors() {
        let lost = drain([Err(Errno::PIPE.into())]).unwrap_err().to_string();
        assert!(lost.contains("overwritten"), "{lost}");
        for strange in ["", "no header\n", "6,x,0,-;text\n", "6,1;text\n", "6,1,2,-;no newline"] {
            assert!(parse(strange.as_bytes()).is_none(), "{strange:?}");
        }
        assert!(parse(b"6,1,2,-;\xff\n").is_none());
    }
}
