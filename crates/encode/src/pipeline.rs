//! Reads CUs with several threads, and merges them in the order of the file.
//!
//! Each thread takes the number of the next CU and reads that CU. Then it puts the CU into a shared map. If no thread is merging, it
//! becomes the merging thread: it merges CUs as long as the next one in order is in the map, and goes on to read afterwards. So
//! no thread waits for another, except one that is too far ahead of the merge, and the bytes do not depend on which thread was
//! faster.
//!
//! This is not rayon. CUs that were read must stay few, since each holds all its types, so a thread that is too far ahead has to
//! wait. A task that waits blocks a thread of rayon's pool, which files that are encoded side by side share. Without waiting it
//! would be chunks of CUs, read by `par_iter` and merged behind it, in which all threads but one stand still while a chunk is
//! merged, and all but the slowest while one is read.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::cu::graph::Cu;
use crate::cu_reader::CuReader;
use crate::dedup::canonical::CanonicalTypes;
use crate::dedup::unit::Scratch;
use crate::dwarf::file::CuHeader;
use crate::dwarf::request::FileContext;
use crate::error::EncodeError;
use crate::ids::NameId;
use crate::report::Report;

/// How many CUs, for each thread, may be read before they are merged.
const AHEAD: usize = 8;

/// What the threads share.
struct State<'p, 'b> {
    /// The next CU to be read.
    next_read: usize,
    /// The next CU to be merged.
    next_merge: usize,
    /// The CUs that were read and not merged, by number.
    read: BTreeMap<usize, Cu>,
    /// CUs whose memory can be used again.
    spare: Vec<Cu>,
    /// The canonical types, while no thread is merging.
    types: Option<(&'p mut CanonicalTypes<'b>, Scratch)>,
    /// The error of the first CU in order that has one, with the number of that CU.
    error: Option<(usize, EncodeError)>,
}

struct Pipeline<'r, 'p, 'b> {
    context: FileContext<'r>,
    headers: &'r [CuHeader],
    threads: usize,
    /// The number of the name `int`.
    int: NameId,
    state: Mutex<State<'p, 'b>>,
    /// Notified when CUs were merged, and at an error.
    moved_on: Condvar,
}

/// Reads CUs with this many threads, and merges them. `int` is the number of that name.
pub(crate) fn run(
    context: FileContext<'_>,
    headers: &[CuHeader],
    threads: usize,
    int: NameId,
    types: &mut CanonicalTypes<'_>,
) -> Result<Report, EncodeError> {
    let state = State {
        next_read: 0,
        next_merge: 0,
        read: BTreeMap::new(),
        spare: Vec::new(),
        types: Some((types, Scratch::default())),
        error: None,
    };
    let pipeline = Pipeline { context, headers, threads, int, state: Mutex::new(state), moved_on: Condvar::new() };
    let reports: Vec<Report> = std::thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(|| pipeline.work())).collect();
        let own = pipeline.work();
        let others = workers.into_iter().filter_map(|worker| worker.join().ok());
        others.chain([own]).collect()
    });
    let mut report = Report::default();
    reports.iter().for_each(|part| report.add(part));
    let state = pipeline.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    match state.error {
        Some((_, error)) => Err(error),
        None if state.next_merge < headers.len() => Err(EncodeError::Thread),
        None => Ok(report),
    }
}

/// Ends the other threads if one panics, for which they would wait else.
struct Watch<'w, 'r, 'p, 'b>(&'w Pipeline<'r, 'p, 'b>);

impl Drop for Watch<'_, '_, '_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(usize::MAX, EncodeError::Thread);
        }
    }
}

impl<'p, 'b> Pipeline<'_, 'p, 'b> {
    fn lock(&self) -> MutexGuard<'_, State<'p, 'b>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next CU to be read, and one whose memory can be used again, or else a new one.
    fn next(&self) -> Option<(usize, Cu)> {
        let mut state = self.lock();
        loop {
            if state.error.is_some() || state.next_read >= self.headers.len() {
                return None;
            }
            if (state.next_read - state.next_merge) / AHEAD < self.threads {
                let number = state.next_read;
                state.next_read = number + 1;
                return Some((number, state.spare.pop().unwrap_or_default()));
            }
            state = self.moved_on.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self) -> Report {
        let _watch = Watch(self);
        let mut reader = CuReader::new(self.context);
        while let Some((number, mut cu)) = self.next() {
            let header = self.headers.get(number).map(std::slice::from_ref).unwrap_or(&[]);
            match reader.read(header, &mut cu) {
                Ok(()) => self.put(number, cu),
                Err(error) => self.fail(number, error),
            }
        }
        reader.report
    }

    /// The error of the first failing CU in file order is reported, even if a later CU failed earlier in time.
    fn fail(&self, number: usize, error: EncodeError) {
        let mut state = self.lock();
        if state.error.as_ref().is_none_or(|&(other, _)| number < other) {
            state.error = Some((number, error));
        }
        self.moved_on.notify_all();
    }

    /// Puts a CU that was read into the map, and merges what is there in order, unless another thread does.
    fn put(&self, number: usize, cu: Cu) {
        let mut state = self.lock();
        state.read.insert(number, cu);
        let Some((types, mut scratch)) = state.types.take() else { return };
        loop {
            let next_merge = state.next_merge;
            let Some(cu) = state.read.remove(&next_merge) else { break };
            drop(state);
            let result = types.merge_cu(&cu, self.int, &mut scratch);
            state = self.lock();
            state.next_merge = next_merge + 1;
            state.spare.push(cu);
            if let Err(error) = result {
                state.error = Some((next_merge, error));
                break;
            }
            self.moved_on.notify_all();
        }
        state.types = Some((types, scratch));
        self.moved_on.notify_all();
    }
}
