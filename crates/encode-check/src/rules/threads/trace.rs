//! Which thread of pahole took which unit.
//!
//! Up to 1.28, `pahole -j` gave each thread an encoder of its own (`pahole_stealer` in `pahole.c`). Units go to whichever
//! thread is free, so no two runs need to agree; and what a thread has encoded shows: it writes the first definition of a
//! function *that it meets*, and the types of one thread stand before those of the next when they are deduplicated. So BTF
//! that was made like that can only be made again by one who knows the schedule. It can be read from the BTF: functions lie in
//! it thread by thread, and each thread took its units in ascending order.

use std::collections::{HashMap, HashSet};

use encode::CuOrder;

/// What a schedule is read from.
#[derive(Debug, Default)]
pub(crate) struct ThreadTrace {
    /// The names of the functions that each unit defines.
    pub(crate) definitions: Vec<Vec<u32>>,
    /// The names of the functions that were written, in their order.
    pub(crate) written: Vec<u32>,
}

/// While the schedule is being found out: threads by number, in the order of their types.
struct Reading<'t> {
    traces: &'t ThreadTrace,
    definers: HashMap<u32, Vec<u32>>,
    thread_of: Vec<Option<usize>>,
}

impl ThreadTrace {
    /// The schedule that explains what was written, as far as it shows.
    pub(crate) fn infer(&self) -> CuOrder {
        let mut definers: HashMap<u32, Vec<u32>> = HashMap::new();
        for (unit, names) in (0u32..).zip(&self.definitions) {
            for &name in names {
                let units = definers.entry(name).or_default();
                if units.last() != Some(&unit) {
                    units.push(unit);
                }
            }
        }
        let mut reading = Reading { traces: self, definers, thread_of: vec![None; self.definitions.len()] };
        let mut anchors = reading.anchors();
        let more = reading.between(&anchors);
        anchors.extend(more);
        anchors.sort_by_key(|anchor| anchor.place);
        let count = reading.follow(&anchors);
        let mut threads = vec![Vec::new(); count];
        reading.rest(&mut threads);
        CuOrder::new(reading.split(threads, &anchors))
    }
}

/// A function of which it is known which unit it is from.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    /// Its place in what was written.
    place: usize,
    unit: u32,
}

impl Reading<'_> {
    fn set(&mut self, unit: u32, thread: usize) {
        if let Some(slot) = self.thread_of.get_mut(unit as usize) {
            slot.get_or_insert(thread);
        }
    }

    fn is_open(&self, unit: u32) -> bool {
        self.thread_of.get(unit as usize) == Some(&None)
    }

    /// The functions of one definition.
    fn anchors(&self) -> Vec<Anchor> {
        let only = |name: &u32| match self.definers.get(name).map(Vec::as_slice) {
            Some(&[unit]) => Some(unit),
            _ => None,
        };
        let written = self.traces.written.iter().enumerate();
        written.filter_map(|(place, name)| Some(Anchor { place, unit: only(name)? })).collect()
    }

    /// Units that only define what others define too: what was written between two anchors and is of neither's unit is of
    /// one that has no anchor yet, if possible one whose number is between theirs.
    fn between(&self, anchors: &[Anchor]) -> Vec<Anchor> {
        let mut is_open = vec![true; self.traces.definitions.len()];
        let close = |unit: u32, is_open: &mut Vec<bool>| {
            if let Some(slot) = is_open.get_mut(unit as usize) {
                *slot = false;
            }
        };
        anchors.iter().for_each(|anchor| close(anchor.unit, &mut is_open));
        let mut next = 0;
        let mut found = Vec::new();
        // The last unit that was found between the same two anchors, and what it wrote.
        let mut here: Option<(usize, u32)> = None;
        let mut by: HashSet<(u32, u32)> = HashSet::new();
        for (place, name) in self.traces.written.iter().enumerate() {
            while anchors.get(next).is_some_and(|anchor| anchor.place <= place) {
                next = next.saturating_add(1);
            }
            let before = next.checked_sub(1).and_then(|last| anchors.get(last)).map(|anchor| anchor.unit);
            let after = anchors.get(next).map(|anchor| anchor.unit);
            let units = self.definers.get(name).map_or(&[][..], Vec::as_slice);
            let is_before = before.is_some_and(|unit| units.contains(&unit));
            let is_after =
                after.is_some_and(|unit| units.contains(&unit) && self.is_first(unit, *name, anchors.get(next)));
            let unit = here.filter(|&(gap, _)| gap == next).map(|(_, unit)| unit);
            let is_here = unit.is_some_and(|unit| units.contains(&unit) && by.insert((unit, *name)));
            if is_before || is_after || is_here {
                continue;
            }
            let open = || units.iter().copied().filter(|&unit| is_open.get(unit as usize) == Some(&true));
            let is_behind = |unit: &u32| before.is_none_or(|before| before < *unit);
            let is_ahead = |unit: &u32| after.is_none_or(|after| *unit < after);
            let fitting = open().find(|unit| is_behind(unit) && is_ahead(unit));
            let fitting = fitting.or_else(|| open().find(|unit| is_behind(unit) || is_ahead(unit)));
            if let Some(unit) = fitting {
                close(unit, &mut is_open);
                here = Some((next, unit));
                by.insert((unit, *name));
                found.push(Anchor { place, unit });
            }
        }
        found
    }

    /// Whether a unit defines a function before that of an anchor.
    fn is_first(&self, unit: u32, name: u32, anchor: Option<&Anchor>) -> bool {
        let anchor = anchor.and_then(|anchor| self.traces.written.get(anchor.place));
        let names = self.traces.definitions.get(unit as usize).map_or(&[][..], Vec::as_slice);
        let found = names.iter().find(|&&found| found == name || Some(&found) == anchor);
        found == Some(&name)
    }

    /// Gives the units of anchors their threads: where they descend, the next one begins. How many threads there are.
    fn follow(&mut self, anchors: &[Anchor]) -> usize {
        let mut thread = 0usize;
        let mut last = 0;
        for anchor in anchors {
            thread = thread.saturating_add(usize::from(anchor.unit < last));
            last = anchor.unit;
            self.set(anchor.unit, thread);
        }
        thread.saturating_add(1)
    }

    /// Units that left no trace go to the thread to which they would add the least.
    fn rest(&mut self, threads: &mut [Vec<u32>]) {
        for unit in (0u32..).take(self.thread_of.len()) {
            let names = self.traces.definitions.get(unit as usize).map_or(&[][..], Vec::as_slice);
            if self.is_open(unit) {
                let adds = |thread: usize| {
                    let is_known = |name: &&u32| {
                        let mut units = self.definers.get(*name).into_iter().flatten();
                        units.any(|&other| other < unit && self.thread_of.get(other as usize) == Some(&Some(thread)))
                    };
                    names.iter().filter(|name| !is_known(name)).count()
                };
                let best = (0..threads.len()).min_by_key(|&thread| adds(thread)).unwrap_or(0);
                self.set(unit, best);
            }
            let thread = self.thread_of.get(unit as usize).copied().flatten().unwrap_or(0);
            if let Some(units) = threads.get_mut(thread) {
                units.push(unit);
            }
        }
    }

    /// The units that something written may be from, as far as the anchors around it tell; the likelier one first.
    fn units_at(&self, place: usize, name: u32, anchors: &[Anchor]) -> impl Iterator<Item = u32> {
        let next = anchors.partition_point(|anchor| anchor.place <= place);
        let before = next.checked_sub(1).and_then(|last| anchors.get(last));
        let before = before.filter(|anchor| anchor.place == place || !self.is_first(anchor.unit, name, Some(anchor)));
        let units = self.definers.get(&name).map_or(&[][..], Vec::as_slice);
        before.into_iter().chain(anchors.get(next)).map(|anchor| anchor.unit).filter(|unit| units.contains(unit))
    }

    /// What looks like one thread is two where a unit wrote a function that an earlier one of the thread defines: the second
    /// thread went on with higher units than the first ended with.
    fn split(&self, mut threads: Vec<Vec<u32>>, anchors: &[Anchor]) -> Vec<Vec<u32>> {
        let mut counts: HashMap<u32, usize> = HashMap::new();
        for &name in &self.traces.written {
            let count = counts.entry(name).or_default();
            *count = count.saturating_add(1);
        }
        let mut seen: HashMap<(usize, u32), u32> = HashMap::new();
        let mut by: HashSet<(u32, u32)> = HashSet::new();
        // From the last unit that defines the function to the one that wrote it nonetheless.
        let mut gaps = Vec::new();
        for (place, &name) in self.traces.written.iter().enumerate().filter(|(_, name)| counts.get(name) > Some(&1)) {
            // A unit writes a function once.
            let Some(unit) = self.units_at(place, name, anchors).find(|&unit| by.insert((unit, name))) else {
                continue;
            };
            let thread = self.thread_of.get(unit as usize).copied().flatten().unwrap_or(0);
            let is_again = seen.insert((thread, name), unit).is_some_and(|other| other < unit);
            let units = self.definers.get(&name).map_or(&[][..], Vec::as_slice);
            let is_here = |other: &&u32| **other < unit && self.thread_of.get(**other as usize) == Some(&Some(thread));
            let last = units.iter().filter(is_here).max().filter(|_| is_again);
            gaps.extend(last.map(|&last| (unit, last)));
        }
        gaps.sort_unstable();
        for (unit, last) in gaps {
            let Some(which) = threads.iter().position(|of| of.contains(&unit)) else { continue };
            let cut = threads.get(which).and_then(|of| self.cut(of, [last, unit], &counts));
            let second = cut.and_then(|cut| threads.get_mut(which).map(|of| of.split_off(cut)));
            if let Some(second) = second {
                threads.insert(which.saturating_add(1), second);
            }
        }
        threads
    }

    /// Where to cut a thread between two of its units, so that the fewest functions would be written again. `None` if it
    /// does not have both.
    fn cut(&self, of: &[u32], [first, second]: [u32; 2], counts: &HashMap<u32, usize>) -> Option<usize> {
        let (first, second) = (of.binary_search(&first).ok()?, of.binary_search(&second).ok()?);
        (first.saturating_add(1)..=second).min_by_key(|&cut| {
            let (before, after) = of.split_at_checked(cut).unwrap_or_default();
            let names = after.iter().filter_map(|&unit| self.traces.definitions.get(unit as usize)).flatten();
            let again = names.filter(|name| {
                let is_before = |unit: &u32| before.binary_search(unit).is_ok();
                counts.get(*name) == Some(&1) && self.definers.get(*name).is_some_and(|of| of.iter().any(is_before))
            });
            (again.count(), std::cmp::Reverse(cut))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written if units that define these functions, each with a prototype of its own, are taken like that.
    fn written(definitions: &[Vec<u32>], threads: &[Vec<u32>]) -> Vec<u32> {
        let mut written = Vec::new();
        for thread in threads {
            let mut seen = HashSet::new();
            let names = thread.iter().flat_map(|&unit| &definitions[unit as usize]);
            written.extend(names.filter(|&&name| seen.insert(name)));
        }
        written
    }

    #[test]
    fn nothing_is_inferred_from_nothing() {
        assert!(ThreadTrace::default().infer().threads().concat().is_empty());
    }

    #[test]
    fn a_schedule_is_read_from_what_it_leads_to() {
        let definitions = vec![vec![1, 90], vec![2, 90, 91], vec![3], vec![90, 91], vec![4, 91], vec![5, 90], vec![]];
        for threads in [
            vec![vec![0, 2, 4], vec![1, 3, 5, 6]],
            vec![vec![1, 4, 5], vec![0, 2, 3]],
            vec![vec![0, 1, 2, 3, 4, 5, 6]],
            vec![vec![2, 5], vec![0, 3], vec![1, 4]],
            vec![vec![0, 2], vec![3, 4, 5], vec![1]],
        ] {
            let traces = ThreadTrace { definitions: definitions.clone(), written: written(&definitions, &threads) };
            let found = traces.infer();
            assert_eq!(written(&definitions, found.threads()), traces.written, "{threads:?}: {found:?}");
            let mut all: Vec<u32> = found.threads().concat();
            all.sort_unstable();
            assert_eq!(all, [0, 1, 2, 3, 4, 5, 6]);
        }
    }

    #[test]
    fn one_thread_after_the_other_is_seen_by_what_is_written_twice() {
        let definitions = vec![vec![1, 90], vec![2], vec![3, 90], vec![4]];
        let traces = ThreadTrace { definitions, written: vec![1, 90, 2, 3, 90, 4] };
        assert_eq!(traces.infer().threads(), [vec![0, 1], vec![2, 3]]);
        let definitions = vec![vec![1, 90], vec![90, 2], vec![3]];
        let traces = ThreadTrace { definitions, written: vec![1, 90, 90, 2, 3] };
        assert_eq!(traces.infer().threads(), [vec![0], vec![1, 2]]);
    }

    #[test]
    fn what_stands_between_two_units_is_of_one_other_unit_as_far_as_that_can_be() {
        let definitions = vec![vec![1], vec![2], vec![3], vec![90, 91], vec![90, 91]];
        let traces = ThreadTrace { definitions, written: vec![1, 90, 91, 2, 3, 90] };
        assert_eq!(traces.infer().threads(), [vec![0, 3], vec![1, 2, 4]]);
    }
}
