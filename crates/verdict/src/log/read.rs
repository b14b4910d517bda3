//! A log read from the beginning to the end: boots, and in each what failed.

use std::collections::HashSet;
use std::io::{self, Read};

use btf::BString;

use crate::errno::Errno;
use crate::finding::Finding;
use crate::form::Form;
use crate::log::batch;
use crate::log::boots;
use crate::log::failure::{Boot, Failure, Report, Sure};
use crate::log::insert;
use crate::log::record::{Event, Record};
use crate::log::scan::Scanner;
use crate::rules::Rules;

/// How many records are held before they are put together, so that a log of nothing but failures fits into memory.
const MOST_HELD: usize = 50_000;

/// How many failures are kept apart in one boot, and how many attempts to insert modules in a log; further ones are only counted.
const MOST_FAILURES: usize = 4_096;

/// Reads a log: of any length, in any of the shapes that people paste, several boots included.
///
/// # Errors
///
/// What the reader returns.
pub fn read_log(from: impl Read) -> io::Result<Report> {
    let mut reader = Reader::default();
    let mut scanner = Scanner::new();
    scanner.read(from, |record| reader.record(record))?;
    Ok(Report { lines: scanner.lines, bytes: scanner.bytes, ..reader.finish() })
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    /// Records of the boot that is being read, not put together yet.
    held: Vec<Record>,
    boots: Vec<Boot>,
    /// Attempts to insert modules, as programs report them.
    inserts: Vec<insert::FailedInsert>,
    /// The modules of these, with their boots: each is kept once.
    tried: HashSet<(BString, u64)>,
    boot_count: u64,
    /// Whether something of the current boot was read.
    begun: bool,
    /// Digests of boots, to recognise copies.
    digests: HashSet<u64>,
    /// Whether the newest line of the log comes first.
    reversed: bool,
}

impl Reader {
    fn record(&mut self, record: Record) {
        match &record.event {
            Event::Banner(release) => {
                let release = release.clone();
                self.boot(Some(release));
            }
            Event::Separator => self.boot(None),
            _ => {
                let complete = record.kernel().is_some_and(|line| line.form == Form::Refused);
                if !self.begun {
                    self.boot(None);
                }
                self.held.push(record);
                if complete && self.held.len() >= MOST_HELD {
                    self.put_together();
                }
            }
        }
    }

    /// A boot begins. Separator and banner may announce the same one.
    fn boot(&mut self, release: Option<String>) {
        self.put_together();
        let same = self.begun
            && self.boots.last().is_some_and(|boot| {
                boot.lines.is_none() && (boot.release.is_none() || release.is_none() || boot.release == release)
            });
        self.begun = true;
        if !same {
            self.boot_count = self.boot_count.saturating_add(1);
            self.boots.push(Boot { release, ..Boot::default() });
        } else if let (Some(boot), Some(release)) = (self.boots.last_mut(), release) {
            boot.release = Some(release);
        }
    }

    fn put_together(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let (parts, reversed) = boots::in_order(core::mem::take(&mut self.held));
        self.reversed |= reversed;
        for (nth, records) in parts.into_iter().enumerate() {
            let continues = self.boots.last().is_some_and(|boot| boot.lines.is_some());
            let copy = boots::digest(&records).is_some_and(|digest| !self.digests.insert(digest));
            if copy && !continues {
                if nth == 0 && self.boots.pop().is_some() {
                    self.boot_count = self.boot_count.saturating_sub(1);
                }
                self.begun = false;
                continue;
            }
            if nth > 0 {
                self.boot_count = self.boot_count.saturating_add(1);
                self.boots.push(Boot::default());
            }
            if let Some(boot) = self.boots.last_mut() {
                absorb(boot, &records);
                for failed in insert::failed_inserts(&records, self.boot_count) {
                    if self.inserts.len() < MOST_FAILURES && self.tried.insert(failed.key()) {
                        self.inserts.push(failed);
                    }
                }
            }
        }
    }

    fn finish(mut self) -> Report {
        self.put_together();
        if self.reversed {
            // The newest line comes first, so a boot's banner comes after its lines.
            let releases: Vec<_> = self.boots.iter().skip(1).map(|boot| boot.release.clone()).chain([None]).collect();
            for (boot, release) in self.boots.iter_mut().zip(releases) {
                boot.release = release;
            }
            if self.boots.pop_if(|boot| boot.lines.is_none()).is_some() {
                self.boot_count = self.boot_count.saturating_sub(1);
            }
        }
        let inserts = core::mem::take(&mut self.inserts);
        insert::assign(&mut self.boots, inserts);
        for boot in &mut self.boots {
            settle(boot);
        }
        let boots = self.boots.into_iter().filter(|boot| !boot.failures.is_empty()).collect();
        Report { boots, boot_count: self.boot_count, ..Report::default() }
    }
}

/// Adds what records amount to.
fn absorb(boot: &mut Boot, records: &[Record]) {
    for record in records {
        let (first, last) = boot.lines.unwrap_or((record.line, record.line));
        boot.lines = Some((first.min(record.line), last.max(record.line)));
        boot.old_format |= record.text.starts_with(b"BPF:[");
    }
    for failure in batch::failures(records, boot) {
        let full = boot.failures.len() >= MOST_FAILURES;
        match boot.failures.iter_mut().rev().find(|known| known.repeats(&failure)) {
            Some(known) => known.merge(failure),
            None if full => boot.omitted = boot.omitted.saturating_add(1),
            None => boot.failures.push(failure),
        }
    }
}

/// What can be said once a boot is complete. A module that was refused again, without lines, was refused for the same reason. And where
/// the reasons of other modules are there, a verdict that has none is one that the kernel gives without.
fn settle(boot: &mut Boot) {
    let failures = core::mem::take(&mut boot.failures);
    let (unexplained, mut explained): (Vec<Failure>, Vec<Failure>) =
        failures.into_iter().partition(|failure| failure.finding == Finding::CauseMissing);
    let has_reasons = explained.iter().any(|failure| failure.check.is_some() && failure.module.is_some());
    let version = boot.version();
    let may_be_silent = version.is_none_or(|version| Rules::new(version, false).checks_chains()) && !boot.old_format;
    for mut failure in unexplained {
        let same = |known: &&mut Failure| {
            let same_errno = known.errno == failure.errno || failure.errno.is_none();
            known.check.is_some() && known.module.is_some() && known.module == failure.module && same_errno
        };
        if let Some(known) = explained.iter_mut().find(same) {
            known.merge(failure);
            continue;
        }
        // Nothing is cut off: there is a line before it, and it has only the verdict.
        let whole = failure.first_line() > 1 && failure.evidence.len() == 1 && failure.errno == Some(Errno::EINVAL);
        if whole && may_be_silent && (has_reasons || boot.release.is_some()) {
            failure.finding = Finding::TypeMissing;
            failure.sure = if has_reasons { Sure::Likely } else { Sure::Possible };
            failure.missing.clear();
        }
        explained.push(failure);
    }
    explained.sort_by_key(Failure::first_line);
    boot.failures = explained;
}
