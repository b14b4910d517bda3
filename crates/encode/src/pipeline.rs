//! Reads CUs with several threads.
//!
//! Each thread takes the next CU and reads it. The CUs then have to meet the canonical types in the order of the file,
//! one at a time: whoever has read a CU lays it down, and if no one merges at the moment, merges as long as the next one in
//! order lies there. So no thread waits for another, unless it is too far ahead, and the result does not depend on who was
//! faster.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::cu::graph::Cu;
use crate::cu_reader::CuReader;
use crate::dedup::canonical::CanonicalTypes;
use crate::dedup::unit::Scratch;
use crate::dwarf::file::CuHeader;
use crate::dwarf::visit::collector::Collector;
use crate::error::EncodeError;
use crate::report::Report;

/// How many CUs, for each thread, may be read before they are merged.
const AHEAD: usize = 8;

/// What the threads share.
struct State<'p, 'b> {
    /// The next CU to be read.
    next_read: usize,
    /// The next CU to be merged.
    next_merge: usize,
    read: BTreeMap<usize, Cu>,
    /// CUs whose memory can be used again.
    spare: Vec<Cu>,
    /// The canonical types, while no one is at work on them.
    types: Option<(&'p mut CanonicalTypes<'b>, Scratch)>,
    error: Option<(usize, EncodeError)>,
}

struct Pipeline<'r, 'p, 'b> {
    reading: &'r CuReader<'r>,
    headers: &'r [CuHeader],
    ahead: usize,
    state: Mutex<State<'p, 'b>>,
    moved_on: Condvar,
}

/// Reads CUs with this many threads, and lets them meet the canonical types.
pub(crate) fn run(
    reading: &CuReader<'_>,
    headers: &[CuHeader],
    threads: usize,
    types: &mut CanonicalTypes<'_>,
    report: &mut Report,
) -> Result<(), EncodeError> {
    let state = State {
        next_read: 0,
        next_merge: 0,
        read: BTreeMap::new(),
        spare: Vec::new(),
        types: Some((types, Scratch::default())),
        error: None,
    };
    let ahead = threads.saturating_mul(AHEAD);
    let pipeline = Pipeline { reading, headers, ahead, state: Mutex::new(state), moved_on: Condvar::new() };
    let reports: Vec<Report> = std::thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(|| pipeline.work())).collect();
        let own = pipeline.work();
        let others = workers.into_iter().filter_map(|worker| worker.join().ok());
        others.chain([own]).collect()
    });
    reports.iter().for_each(|part| report.add(part));
    let state = pipeline.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    match state.error {
        Some((_, error)) => Err(error),
        None if state.next_merge < headers.len() => Err(EncodeError::Thread),
        None => Ok(()),
    }
}

/// Lets the others end if a thread panics, which else they would wait for.
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

    /// The number of the next CU to be read, and memory for it.
    fn next(&self) -> Option<(usize, Cu)> {
        let mut state = self.lock();
        loop {
            if state.error.is_some() || state.next_read >= self.headers.len() {
                return None;
            }
            if state.next_read < state.next_merge.saturating_add(self.ahead) {
                let number = state.next_read;
                state.next_read = number + 1;
                return Some((number, state.spare.pop().unwrap_or_default()));
            }
            state = self.moved_on.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self) -> Report {
        let _watch = Watch(self);
        let (mut collector, mut bytes, mut report) =
            (Collector::new(self.reading.context), Vec::new(), Report::default());
        while let Some((number, mut cu)) = self.next() {
            let Some(header) = self.headers.get(number) else { break };
            match self.reading.read(header, &mut collector, &mut bytes, &mut cu, &mut report) {
                Ok(()) => self.put(number, cu),
                Err(error) => self.fail(number, error),
            }
        }
        report
    }

    /// The error of the first failing CU in file order is reported, even if a later CU failed earlier in time.
    fn fail(&self, number: usize, error: EncodeError) {
        let mut state = self.lock();
        if state.error.as_ref().is_none_or(|&(other, _)| number < other) {
            state.error = Some((number, error));
        }
        self.moved_on.notify_all();
    }

    /// Lays down a CU that was read, and merges what lies there unless another thread does.
    fn put(&self, number: usize, cu: Cu) {
        let mut state = self.lock();
        state.read.insert(number, cu);
        let Some((types, mut scratch)) = state.types.take() else { return };
        loop {
            let next_merge = state.next_merge;
            let Some(cu) = state.read.remove(&next_merge) else { break };
            drop(state);
            let result = types.merge_cu(&cu, self.reading.int, &mut scratch);
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
