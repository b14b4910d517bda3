//! Lines that matter, out of a log of any length: only lines with one of a few words are looked at, and no other line costs an allocation.

use std::io::{self, Read};

use aho_corasick::{AhoCorasick, MatchKind};
use memchr::{memchr_iter, memchr2, memrchr2};

use crate::log::record::Record;

/// One of these is in every line that matters.
const MARKERS: &[&str] = &[
    "BPF:",
    "BTF",
    "failed to validate module [",
    "Linux version ",
    "-- Boot ",
    "-- Reboot",
    "Unknown symbol ",
    "disagrees about version",
    "no symbol version for ",
    "version magic ",
    "linkonce.this_module",
    "vmlinux, cannot register",
    "already present in vmlinux",
    "could not insert ",
    "can't insert ",
    "can't load module ",
    "Failed to insert module ",
    "e_shstrndx",
    "rule to make target",
    "string table is empty",
    "resolve_btfids",
    "FAILED unresolved symbol",
];

/// How much is read at a time. A longer line is taken for several.
const CHUNK: usize = 1 << 20;

/// A log that is being read.
pub(crate) struct Scanner {
    markers: Option<AhoCorasick>,
    /// Lines that are complete.
    pub lines: u64,
    pub bytes: u64,
}

impl Scanner {
    pub fn new() -> Self {
        // The markers are few and fixed, so this does not fail; without it every line would be looked at.
        let markers = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(MARKERS).ok();
        Self { markers, lines: 0, bytes: 0 }
    }

    /// Reads to the end and hands on each line that matters.
    ///
    /// # Errors
    ///
    /// What the reader returns. Lines before it were handed on.
    pub fn read(&mut self, mut from: impl Read, mut with: impl FnMut(Record)) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK];
        let mut filled = 0_usize;
        loop {
            let room = buffer.get_mut(filled..).unwrap_or_default();
            let count = match from.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            self.bytes = self.bytes.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            filled = filled.saturating_add(count);
            let held = buffer.get(..filled).unwrap_or_default();
            if count == 0 {
                self.lines(held, &mut with);
                if held.last().is_some_and(|&byte| byte != b'\n') {
                    self.lines = self.lines.saturating_add(1);
                }
                return Ok(());
            }
            let whole = match memchr::memrchr(b'\n', held) {
                Some(last) => last.saturating_add(1),
                None if filled == buffer.len() => filled,
                None => continue,
            };
            self.lines(held.get(..whole).unwrap_or_default(), &mut with);
            buffer.copy_within(whole..filled, 0);
            filled = filled.saturating_sub(whole);
        }
    }

    /// Looks at whole lines.
    fn lines(&mut self, text: &[u8], with: &mut impl FnMut(Record)) {
        let mut counted = 0;
        let mut from = 0;
        while let Some(at) = self.next(text, from) {
            // A carriage return ends a line, too, but is not counted as one.
            let start =
                memrchr2(b'\n', b'\r', text.get(..at).unwrap_or_default()).map_or(0, |end| end.saturating_add(1));
            let rest = text.get(at..).unwrap_or_default();
            let end = memchr2(b'\n', b'\r', rest).map_or(text.len(), |length| at.saturating_add(length));
            self.count(text.get(counted..start).unwrap_or_default());
            counted = start;
            if let Some(record) = Record::read(self.lines.saturating_add(1), text.get(start..end).unwrap_or_default()) {
                with(record);
            }
            from = end.max(at.saturating_add(1));
        }
        self.count(text.get(counted..).unwrap_or_default());
    }

    /// Where the next marker is.
    fn next(&self, text: &[u8], from: usize) -> Option<usize> {
        let rest = text.get(from..).filter(|rest| !rest.is_empty())?;
        match &self.markers {
            Some(markers) => markers.find(rest).map(|found| from.saturating_add(found.start())),
            None => Some(from),
        }
    }

    fn count(&mut self, text: &[u8]) {
        self.lines = self.lines.saturating_add(u64::try_from(memchr_iter(b'\n', text).count()).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that gives few bytes at a time.
    struct Slowly<'a>(&'a [u8], usize);

    impl Read for Slowly<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(room.len());
            room[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn found(text: &[u8], step: usize) -> (Vec<(u64, String)>, u64) {
        let mut scanner = Scanner::new();
        let mut found = vec![];
        scanner.read(Slowly(text, step), |record| found.push((record.line, record.text.to_string()))).unwrap();
        (found, scanner.lines)
    }

    #[test]
    fn lines_are_found_with_their_numbers_whatever_the_reader_gives() {
        let text = b"x\n\nBPF: Invalid name\r\r\n\xff\xfe\nfailed to validate module [a] BTF: -22\nBPF: no form\nend";
        let expected = vec![(3, "BPF: Invalid name".into()), (5, "failed to validate module [a] BTF: -22".into())];
        for step in [1, 2, 7, 1000] {
            assert_eq!(found(text, step), (expected.clone(), 7), "{step}");
        }
        assert_eq!(found(b"", 1), (vec![], 0));
    }

    #[test]
    fn lines_of_any_length_are_read() {
        let mut text = vec![b'x'; 3 * CHUNK];
        text.extend_from_slice(b"\n[ 1.0] BPF: Invalid name\n");
        assert_eq!(found(&text, usize::MAX).0, [(2, "BPF: Invalid name".into())]);
    }

    #[test]
    fn lines_between_carriage_returns_are_lines() {
        let (lines, _) = found(b"progress 1%\rprogress 2%\rBPF: Invalid name\rBPF: \r\n", 1000);
        assert_eq!(lines.len(), 2);
    }
}
