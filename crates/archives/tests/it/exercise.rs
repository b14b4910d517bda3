//! Everything that can be done with bytes, for the tests and for fuzzing.

use std::io::Read as _;
use std::ops::ControlFlow;

use archives::{Archive, KernelFile, Limits, Segment};

/// Small enough that an input cannot take long.
const LIMITS: Limits = Limits { entries: 2000, total: 4 << 20, in_memory: 1 << 20, path: 300 };

/// Takes any bytes as an archive: reads all of it, reads a little of each entry, stops in the midst of it. What a limit does not
/// cut is the same each time.
pub fn archive(bytes: &[u8]) {
    let Ok(Some(archive)) = Archive::from_bytes(bytes.to_vec()) else { return };
    let archive = archive.with_limits(LIMITS);
    let _ = archive.package_id();
    let mut paths = Vec::new();
    let mut total = 0;
    let whole = archive.visit(&mut |entry| {
        let mut buffer = Vec::new();
        assert!(entry.path().len() <= LIMITS.path && entry.target().is_none_or(|target| target.len() <= LIMITS.path));
        let _ = (KernelFile::of(entry.path()), entry.path_str());
        paths.push((entry.path().to_owned(), entry.offset()));
        entry.read_all(&mut buffer)?;
        assert_eq!(buffer.len() as u64, entry.size());
        total += entry.size();
        Ok(ControlFlow::Continue(()))
    });
    assert!(paths.len() as u64 <= LIMITS.entries);
    if let Ok(segments) = &whole {
        assert!(total <= LIMITS.total * 2 + bytes.len() as u64, "{total}");
        check_segments(segments, paths.len(), bytes.len());
    }
    let mut seen = 0;
    let again = archive.visit(&mut |entry| {
        if seen < paths.len() {
            assert_eq!((entry.path(), entry.offset()), (paths[seen].0.as_ref(), paths[seen].1));
        }
        seen += 1;
        let _ = entry.read(&mut [0; 3]);
        Ok(ControlFlow::Continue(()))
    });
    assert!(whole.is_err() || (again.is_ok() && seen == paths.len()));
    let half = paths.len() / 2;
    let mut seen = 0;
    let _ = archive.visit(&mut |_| {
        seen += 1;
        Ok(if seen > half { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    });
    assert_eq!(seen, paths.len().min(half + 1));
}

fn check_segments(segments: &[Segment], entries: usize, len: usize) {
    let counted: u64 = segments.iter().map(|segment| segment.entries).sum();
    assert!(segments.is_empty() || counted == entries as u64);
    assert!(segments.iter().all(|segment| segment.offset < len as u64));
}
