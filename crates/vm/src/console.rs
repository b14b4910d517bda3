//! Finding a panic in the console's log.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// The kernel's message when it panics (`kernel/panic.c`, `panic`).
const PANIC: &str = "Kernel panic - not syncing";

/// A longer line is read in parts of this many bytes.
const LINE_MAX: u64 = 64 * 1024;

/// The line of the first panic, from [`PANIC`] on.
pub(crate) fn find_panic(console: &Path) -> io::Result<Option<String>> {
    let mut reader = BufReader::new(File::open(console)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(LINE_MAX).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&line);
        if let Some(panic) = text.find(PANIC).and_then(|at| text.get(at..)) {
            return Ok(Some(panic.trim_end().to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_panic_is_found_without_its_time() {
        let directory = tempfile::tempdir().unwrap();
        let console = directory.path().join("console.log");
        std::fs::write(
            &console,
            b"\xff\xfe noise\r\n[    2.1] Kernel panic - not syncing: sysrq\r\n[ 3] Kernel panic - not syncing: two",
        )
        .unwrap();
        assert_eq!(find_panic(&console).unwrap().as_deref(), Some("Kernel panic - not syncing: sysrq"));
        std::fs::write(&console, "all is well\n").unwrap();
        assert_eq!(find_panic(&console).unwrap(), None);
    }
}
