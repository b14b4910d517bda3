//! A line of a log that reports a failure, its cause, or a boot.

use btf::BString;

use crate::line::Line;
use crate::log::clean::{kernel_line, plain};
use crate::log::message::MessageLine;
use crate::log::stamp::{Prefix, Stamp};

/// The meaning of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// A line of the kernel about BTF.
    Kernel(Line),
    /// Another message of the kernel or of a program.
    Message(MessageLine),
    /// The banner of a starting kernel, with its release.
    Banner(String),
    /// A line by which journalctl separates boots.
    Separator,
}

/// A line with an [`Event`], and its position and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Its number in the log, from 1.
    pub line: u64,
    pub stamp: Stamp,
    pub caller: Option<BString>,
    /// The message, without its prefix.
    pub text: BString,
    pub event: Event,
}

impl Record {
    /// Reads a line; `None` if it has no [`Event`].
    pub fn read(line: u64, raw: &[u8]) -> Option<Self> {
        let text = plain(raw);
        let (start, event) = match kernel_line(&text) {
            Some((start, line)) => (start, Event::Kernel(line)),
            None => match MessageLine::find(&text) {
                Some((start, line)) => (start, Event::Message(line)),
                None => boot(&text)?,
            },
        };
        let (before, message) = text.split_at_checked(start)?;
        let prefix = Prefix::read(before);
        Some(Self {
            line,
            stamp: prefix.stamp,
            caller: prefix.caller.map(BString::from),
            text: message.trim_ascii_end().into(),
            event,
        })
    }

    /// Microseconds since the boot.
    pub fn uptime(&self) -> Option<u64> {
        match self.stamp {
            Stamp::Monotonic(time) => Some(time),
            _ => None,
        }
    }

    /// The kernel's line about BTF, if it is one.
    pub fn kernel(&self) -> Option<&Line> {
        match &self.event {
            Event::Kernel(line) => Some(line),
            _ => None,
        }
    }
}

/// The begin of a boot, and its position in the line: the kernel's banner (`linux_banner` in `init/version.c`), or a line of journalctl.
fn boot(text: &[u8]) -> Option<(usize, Event)> {
    const BANNER: &[u8] = b"Linux version ";
    if let Some(start) = memchr::memmem::find(text, BANNER) {
        let rest = text.get(start.checked_add(BANNER.len())?..)?;
        let end = memchr::memmem::find(rest, b" (")?;
        let release = core::str::from_utf8(rest.get(..end)?).ok()?;
        let is_release = release.starts_with(|c: char| c.is_ascii_digit()) && !release.contains(' ') && end < 100;
        return is_release.then(|| (start, Event::Banner(release.to_owned())));
    }
    let text = text.trim_ascii_start();
    (text.starts_with(b"-- Boot ") || text.starts_with(b"-- Reboot")).then_some((0, Event::Separator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_removes_the_prefix() {
        let record =
            Record::read(7, b"> [159498.814905][  T77] failed to validate module [xt_mark] BTF: -22\r\n").unwrap();
        assert_eq!((record.line, record.stamp), (7, Stamp::Monotonic(159_498_814_905)));
        assert_eq!(record.text, "failed to validate module [xt_mark] BTF: -22");
        assert_eq!(record.caller.unwrap(), "T77");
    }

    #[test]
    fn read_finds_the_begin_of_boots() {
        let banner = b"[    0.000000] Linux version 6.1.0-55-cloud-amd64 (debian-kernel@lists.debian.org) (gcc-12)";
        assert_eq!(Record::read(1, banner).unwrap().event, Event::Banner("6.1.0-55-cloud-amd64".into()));
        assert_eq!(Record::read(1, b"-- Boot 0123456789abcdef --").unwrap().event, Event::Separator);
        assert!(Record::read(1, b"runs on Linux version 6.1").is_none());
    }
}
