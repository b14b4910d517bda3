//! Logs that nobody wrote: any bytes, and lines of real logs in any order, cut anywhere.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use crate::exercise;

/// Every line of the logs beside these tests.
fn lines() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let logs = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "txt"));
    logs.flat_map(|path| fs::read(path).unwrap().split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>())
        .collect()
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        exercise::log(&bytes);
    }

    #[test]
    fn lines_of_real_logs_are_read_in_any_order_and_cut(
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40), 0..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let lines = lines();
        let mut log = Vec::new();
        for (index, start) in picks {
            let line = &lines[index.index(lines.len())];
            // One in three loses its beginning.
            log.extend_from_slice(&line[if start < 13 { start.min(line.len()) } else { 0 }..]);
            log.push(b'\n');
        }
        log.truncate(if log.is_empty() { 0 } else { log.len() - cut.index(log.len().min(30)) });
        exercise::log(&log);
    }
}
