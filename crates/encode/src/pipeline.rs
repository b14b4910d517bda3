//! Reading units with several threads.
//!
//! Each thread takes the next unit and reads it. The units then have to meet the canonical types in the order of the file,
//! one at a time: whoever has read a unit puts it on the table, and if no one is at work there, takes from the table in
//! order as long as the next one lies there. So no thread waits for another, unless it is too far ahead, and the result
//! does not depend on who was faster.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::EncodeError;
use crate::dedup::{Pool, Scratch};
use crate::dwarf::{Collector, UnitHead};
use crate::encoder::Reading;
use crate::report::Report;
use crate::unit::Unit;

/// How many units, for each thread, may be read before their turn.
const AHEAD: usize = 8;

/// What the threads share.
struct Table<'p, 'b> {
    /// The next unit to be read.
    next: usize,
    /// The next unit whose turn it is.
    turn: usize,
    read: BTreeMap<usize, Unit>,
    /// Units whose memory can be used again.
    spare: Vec<Unit>,
    /// The canonical types, while no one is at work on them.
    pool: Option<(&'p mut Pool<'b>, Scratch)>,
    error: Option<(usize, EncodeError)>,
}

struct Pipeline<'r, 'p, 'b> {
    reading: &'r Reading<'r>,
    heads: &'r [UnitHead],
    ahead: usize,
    table: Mutex<Table<'p, 'b>>,
    moved_on: Condvar,
}

/// Reads units with this many threads, and lets them meet the canonical types.
pub(crate) fn run(
    reading: &Reading<'_>,
    heads: &[UnitHead],
    threads: usize,
    pool: &mut Pool<'_>,
    report: &mut Report,
) -> Result<(), EncodeError> {
    let table = Table {
        next: 0,
        turn: 0,
        read: BTreeMap::new(),
        spare: Vec::new(),
        pool: Some((pool, Scratch::default())),
        error: None,
    };
    let ahead = threads.saturating_mul(AHEAD);
    let pipeline = Pipeline { reading, heads, ahead, table: Mutex::new(table), moved_on: Condvar::new() };
    let reports: Vec<Report> = std::thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(|| pipeline.work())).collect();
        let own = pipeline.work();
        let others = workers.into_iter().filter_map(|worker| worker.join().ok());
        others.chain([own]).collect()
    });
    reports.iter().for_each(|part| report.add(part));
    let table = pipeline.table.into_inner().unwrap_or_else(PoisonError::into_inner);
    match table.error {
        Some((_, error)) => Err(error),
        None if table.turn < heads.len() => Err(EncodeError::Thread),
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
    fn lock(&self) -> MutexGuard<'_, Table<'p, 'b>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next unit, and memory for it.
    fn next(&self) -> Option<(usize, Unit)> {
        let mut table = self.lock();
        loop {
            if table.error.is_some() || table.next >= self.heads.len() {
                return None;
            }
            if table.next < table.turn.saturating_add(self.ahead) {
                let number = table.next;
                table.next = number.saturating_add(1);
                return Some((number, table.spare.pop().unwrap_or_default()));
            }
            table = self.moved_on.wait(table).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self) -> Report {
        let _watch = Watch(self);
        let (mut collector, mut bytes, mut report) =
            (Collector::new(self.reading.sources), Vec::new(), Report::default());
        while let Some((number, mut unit)) = self.next() {
            let Some(head) = self.heads.get(number) else { break };
            match self.reading.read(head, &mut collector, &mut bytes, &mut unit, &mut report) {
                Ok(()) => self.put(number, unit),
                Err(error) => self.fail(number, error),
            }
        }
        report
    }

    /// The error of the first unit that has one is told, whoever came upon another one earlier.
    fn fail(&self, number: usize, error: EncodeError) {
        let mut table = self.lock();
        if table.error.as_ref().is_none_or(|&(other, _)| number < other) {
            table.error = Some((number, error));
        }
        self.moved_on.notify_all();
    }

    /// Puts a unit on the table, and does what is to be done there unless someone else does.
    fn put(&self, number: usize, unit: Unit) {
        let mut table = self.lock();
        table.read.insert(number, unit);
        let Some((pool, mut scratch)) = table.pool.take() else { return };
        loop {
            let turn = table.turn;
            let Some(unit) = table.read.remove(&turn) else { break };
            drop(table);
            let result = pool.take(&unit, self.reading.int, &mut scratch);
            table = self.lock();
            table.turn = turn.saturating_add(1);
            table.spare.push(unit);
            if let Err(error) = result {
                table.error = Some((turn, error));
                break;
            }
            self.moved_on.notify_all();
        }
        table.pool = Some((pool, scratch));
        self.moved_on.notify_all();
    }
}
