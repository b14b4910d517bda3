//! Everything that is demanded of any bytes that are read as a log. The fuzz target uses it as well.

use std::io::{self, Read};

use verdict::log::{Report, read_log};

/// Reads bytes as a log, whole and in pieces.
pub fn log(bytes: &[u8]) {
    let report = read_log(bytes).expect("bytes are read");
    let pieces = read_log(Pieces(bytes, 1)).expect("bytes are read");
    assert_eq!(report, pieces, "however they arrive");
    assert_eq!(report.bytes, bytes.len() as u64);
    check(&report);
}

fn check(report: &Report) {
    assert!(report.boots.len() as u64 <= report.boot_count);
    for failure in report.failures() {
        assert!(!failure.evidence.is_empty() && failure.evidence.len() <= 24, "{failure:?}");
        assert!(failure.times >= 1 && failure.first_line() >= 1, "{failure:?}");
        assert!(failure.first_line() <= failure.last_line && failure.last_line <= report.lines, "{failure:?}");
        assert!(failure.evidence.iter().all(|row| row.line <= report.lines && row.text.len() <= 4096), "{failure:?}");
        assert!(failure.module.as_ref().is_none_or(|module| !module.is_empty()), "{failure:?}");
    }
}

/// A reader that gives a few bytes at a time, more each time.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(room.len()).min(self.0.len());
        let (piece, rest) = self.0.split_at(count);
        room.get_mut(..count).expect("there is room").copy_from_slice(piece);
        (self.0, self.1) = (rest, self.1 * 2 % 977 + 1);
        Ok(count)
    }
}
