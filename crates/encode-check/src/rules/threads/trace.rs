//! Which thread of pahole took which CU.
//!
//! Up to 1.28, `pahole -j` gave each thread an encoder of its own (`pahole_stealer` in `pahole.c`). CUs go to whichever thread is
//! free, so two runs need not agree. But the result shows what a thread has encoded: it writes the first definition of a function
//! *that it meets*, and when types are deduplicated those of one thread come before those of the next. So such BTF can only be
//! made again by those who know which thread took which CU. The BTF shows it: functions are written thread by thread, and each
//! thread took its CUs in ascending order.
//!
//! A file may have many CUs, and a function of a header is defined by most of them. So nothing here searches all CUs, all threads
//! or all definitions of a function for each thing that was written.

use std::collections::{BTreeSet, HashMap, HashSet};

use encode::CuOrder;

/// What the order of CUs is inferred from.
#[derive(Debug, Default)]
pub(crate) struct ThreadTrace {
    /// The names of the functions that each CU defines.
    pub(crate) definitions: Vec<Vec<u32>>,
    /// The names of the functions that were written, in their order.
    pub(crate) written: Vec<u32>,
}

/// While the order is inferred: threads by number, in the order of their types.
struct Inference<'t> {
    traces: &'t ThreadTrace,
    /// The CUs that define each function, ascending.
    definers: HashMap<u32, Vec<u32>>,
    /// Which of the definitions of a CU is the first one of a function.
    places: HashMap<(u32, u32), usize>,
    thread_of: Vec<Option<usize>>,
}

impl ThreadTrace {
    /// The order that explains what was written, as far as it shows.
    pub(crate) fn infer(&self) -> CuOrder {
        let mut definers: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut places = HashMap::new();
        for (cu, names) in (0u32..).zip(&self.definitions) {
            for (place, &name) in names.iter().enumerate() {
                places.entry((cu, name)).or_insert(place);
                let cus = definers.entry(name).or_default();
                if cus.last() != Some(&cu) {
                    cus.push(cu);
                }
            }
        }
        let thread_of = vec![None; self.definitions.len()];
        let mut inference = Inference { traces: self, definers, places, thread_of };
        let mut anchors = inference.anchors();
        let more = inference.between(&anchors);
        anchors.extend(more);
        anchors.sort_by_key(|anchor| anchor.place);
        let count = inference.follow(&anchors);
        let threads = inference.rest(count);
        CuOrder::new(inference.split(threads, &anchors))
    }
}

/// A function of which it is known which CU it is from.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    /// Its place in what was written.
    place: usize,
    cu: u32,
}

/// The CUs that have no anchor yet, by the functions that they define.
struct OpenCus<'t> {
    definitions: &'t [Vec<u32>],
    by_name: HashMap<u32, BTreeSet<u32>>,
}

impl OpenCus<'_> {
    fn close(&mut self, cu: u32) {
        for name in self.definitions.get(cu as usize).into_iter().flatten() {
            if let Some(cus) = self.by_name.get_mut(name) {
                cus.remove(&cu);
            }
        }
    }

    /// A CU that defines a function: the first one whose number is between those of two others, else the first one that is behind
    /// the former or ahead of the latter.
    fn fitting(&self, name: u32, before: Option<u32>, after: Option<u32>) -> Option<u32> {
        let cus = self.by_name.get(&name)?;
        let is_ahead = |cu: &u32| after.is_none_or(|after| *cu < after);
        let first = cus.first().copied();
        let Some(before) = before else { return first };
        let behind = cus.range(before.saturating_add(1)..).next().copied().filter(|&cu| cu > before);
        behind.filter(is_ahead).or_else(|| first.filter(is_ahead)).or(behind)
    }
}

impl Inference<'_> {
    fn set(&mut self, cu: u32, thread: usize) {
        if let Some(slot) = self.thread_of.get_mut(cu as usize) {
            slot.get_or_insert(thread);
        }
    }

    fn thread(&self, cu: u32) -> usize {
        self.thread_of.get(cu as usize).copied().flatten().unwrap_or(0)
    }

    fn defines(&self, cu: u32, name: u32) -> bool {
        self.places.contains_key(&(cu, name))
    }

    fn names_of(&self, cu: u32) -> &[u32] {
        self.traces.definitions.get(cu as usize).map_or(&[][..], Vec::as_slice)
    }

    /// The functions of one definition.
    fn anchors(&self) -> Vec<Anchor> {
        let only = |name: &u32| match self.definers.get(name).map(Vec::as_slice) {
            Some(&[cu]) => Some(cu),
            _ => None,
        };
        let written = self.traces.written.iter().enumerate();
        written.filter_map(|(place, name)| Some(Anchor { place, cu: only(name)? })).collect()
    }

    /// CUs that only define what others define too: what was written between two anchors and is of neither's CU is of one that
    /// has no anchor yet, if possible one whose number is between theirs.
    fn between(&self, anchors: &[Anchor]) -> Vec<Anchor> {
        let by_name = self.definers.iter().map(|(&name, cus)| (name, cus.iter().copied().collect())).collect();
        let mut open = OpenCus { definitions: &self.traces.definitions, by_name };
        let anchored: BTreeSet<u32> = anchors.iter().map(|anchor| anchor.cu).collect();
        anchored.into_iter().for_each(|cu| open.close(cu));
        let mut next = 0;
        let mut found = Vec::new();
        // The last CU that was found between the same two anchors, and what it wrote.
        let mut here: Option<(usize, u32)> = None;
        let mut by: HashSet<(u32, u32)> = HashSet::new();
        for (place, &name) in self.traces.written.iter().enumerate() {
            while anchors.get(next).is_some_and(|anchor| anchor.place <= place) {
                next = next.saturating_add(1);
            }
            let before = next.checked_sub(1).and_then(|last| anchors.get(last)).map(|anchor| anchor.cu);
            let after = anchors.get(next).map(|anchor| anchor.cu);
            let is_before = before.is_some_and(|cu| self.defines(cu, name));
            let is_after = after.is_some_and(|cu| self.is_first(cu, name, anchors.get(next)));
            let cu = here.filter(|&(gap, _)| gap == next).map(|(_, cu)| cu);
            let is_here = cu.is_some_and(|cu| self.defines(cu, name) && by.insert((cu, name)));
            if is_before || is_after || is_here {
                continue;
            }
            if let Some(cu) = open.fitting(name, before, after) {
                open.close(cu);
                here = Some((next, cu));
                by.insert((cu, name));
                found.push(Anchor { place, cu });
            }
        }
        found
    }

    /// Whether a CU defines a function, and that before the function of an anchor.
    fn is_first(&self, cu: u32, name: u32, anchor: Option<&Anchor>) -> bool {
        let Some(place) = self.places.get(&(cu, name)) else { return false };
        let anchor = anchor.and_then(|anchor| self.traces.written.get(anchor.place));
        anchor.and_then(|&anchor| self.places.get(&(cu, anchor))).is_none_or(|other| place <= other)
    }

    /// Gives the CUs of anchors their threads: where they descend, the next one begins. How many threads there are.
    fn follow(&mut self, anchors: &[Anchor]) -> usize {
        let mut thread = 0usize;
        let mut last = 0;
        for anchor in anchors {
            thread = thread.saturating_add(usize::from(anchor.cu < last));
            last = anchor.cu;
            self.set(anchor.cu, thread);
        }
        thread.saturating_add(1)
    }

    /// The CUs of each thread. Those that left no trace go to the thread to which they would add the least.
    fn rest(&mut self, count: usize) -> Vec<Vec<u32>> {
        let mut threads = vec![Vec::new(); count];
        // The threads that each function of the CUs so far is known to.
        let mut known: HashMap<u32, BTreeSet<usize>> = HashMap::new();
        for cu in (0u32..).take(self.thread_of.len()) {
            let names = self.traces.definitions.get(cu as usize).map_or(&[][..], Vec::as_slice);
            if self.thread_of.get(cu as usize) == Some(&None) {
                let mut shared: HashMap<usize, usize> = HashMap::new();
                for &thread in names.iter().filter_map(|name| known.get(name)).flatten() {
                    let count = shared.entry(thread).or_default();
                    *count = count.saturating_add(1);
                }
                let best = shared.into_iter().max_by_key(|&(thread, count)| (count, std::cmp::Reverse(thread)));
                self.set(cu, best.map_or(0, |(thread, _)| thread));
            }
            let thread = self.thread(cu);
            for &name in names {
                known.entry(name).or_default().insert(thread);
            }
            if let Some(cus) = threads.get_mut(thread) {
                cus.push(cu);
            }
        }
        threads
    }

    /// The CUs that something written may be from, as far as the anchors around it tell; the likelier one first.
    fn cus_at(&self, place: usize, name: u32, anchors: &[Anchor]) -> impl Iterator<Item = u32> {
        let next = anchors.partition_point(|anchor| anchor.place <= place);
        let before = next.checked_sub(1).and_then(|last| anchors.get(last));
        let before = before.filter(|anchor| anchor.place == place || !self.is_first(anchor.cu, name, Some(anchor)));
        let cus = before.into_iter().chain(anchors.get(next)).map(|anchor| anchor.cu);
        cus.filter(move |&cu| self.defines(cu, name))
    }

    /// What looks like one thread is two where a CU wrote a function that an earlier one of the thread defines: the second thread
    /// went on with higher CUs than the first ended with.
    fn split(&self, threads: Vec<Vec<u32>>, anchors: &[Anchor]) -> Vec<Vec<u32>> {
        let mut counts: HashMap<u32, usize> = HashMap::new();
        for &name in &self.traces.written {
            let count = counts.entry(name).or_default();
            *count = count.saturating_add(1);
        }
        let gaps = self.gaps(&counts, anchors);
        let once = Occurrences::of(self.traces, &threads, &counts);
        // Where each thread is cut, by place in it.
        let mut cuts: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); threads.len()];
        for (cu, last) in gaps {
            let which = self.thread(cu);
            let (Some(of), Some(cuts)) = (threads.get(which), cuts.get_mut(which)) else { continue };
            let (Ok(first), Ok(second)) = (of.binary_search(&last), of.binary_search(&cu)) else { continue };
            let start = cuts.range(..=second).next_back().copied().unwrap_or(0);
            let end = cuts.range(second.saturating_add(1)..).next().copied().unwrap_or(of.len());
            if start <= first {
                cuts.extend(self.cut(&once, which, of, Window { start, first, second, end }));
            }
        }
        let mut parts = Vec::new();
        for (of, cuts) in threads.iter().zip(cuts) {
            let ends = cuts.iter().copied().chain([of.len()]);
            let starts = [0].into_iter().chain(cuts.iter().copied());
            parts.extend(starts.zip(ends).map(|(start, end)| of.get(start..end).unwrap_or_default().to_vec()));
        }
        parts
    }

    /// Pairs of CUs of one thread between which there must be a cut: the one that wrote a function, and the last one before it that
    /// defines the function too.
    fn gaps(&self, counts: &HashMap<u32, usize>, anchors: &[Anchor]) -> Vec<(u32, u32)> {
        let mut seen: HashMap<(usize, u32), u32> = HashMap::new();
        let mut by: HashSet<(u32, u32)> = HashSet::new();
        // The CUs of each thread that define a function, ascending.
        let mut of_thread: HashMap<(usize, u32), Vec<u32>> = HashMap::new();
        for (&name, cus) in self.definers.iter().filter(|(name, _)| counts.get(name) > Some(&1)) {
            for &cu in cus {
                if let Some(thread) = self.thread_of.get(cu as usize).copied().flatten() {
                    of_thread.entry((thread, name)).or_default().push(cu);
                }
            }
        }
        let mut gaps = Vec::new();
        for (place, &name) in self.traces.written.iter().enumerate().filter(|(_, name)| counts.get(name) > Some(&1)) {
            // A CU writes a function once.
            let Some(cu) = self.cus_at(place, name, anchors).find(|&cu| by.insert((cu, name))) else { continue };
            let thread = self.thread(cu);
            if seen.insert((thread, name), cu).is_some_and(|other| other < cu) {
                let cus = of_thread.get(&(thread, name)).map_or(&[][..], Vec::as_slice);
                let before = cus.partition_point(|&other| other < cu);
                gaps.extend(before.checked_sub(1).and_then(|last| cus.get(last)).map(|&last| (cu, last)));
            }
        }
        gaps.sort_unstable();
        gaps
    }

    /// Where to cut part of a thread so that the fewest functions would be written again; the last such place.
    fn cut(&self, once: &Occurrences, which: usize, of: &[u32], window: Window) -> Option<usize> {
        let Window { start, first, second, end } = window;
        // How many more functions are written again by a cut at each place, from `start` on, than by one at the place before. A
        // definition is written again by every cut between the first CU of this part that has it and its own.
        let mut steps = vec![0isize; second.saturating_sub(start).saturating_add(2)];
        let mut firsts: HashMap<u32, usize> = HashMap::new();
        for (place, &cu) in of.iter().enumerate().take(second.saturating_add(1)).skip(start) {
            for &name in self.names_of(cu) {
                let Some(places) = once.places.get(&(which, name)) else { continue };
                let first = *firsts.entry(name).or_insert_with(|| {
                    add(&mut steps, place.saturating_sub(start), between(places, place, end));
                    place
                });
                if first < place {
                    add(&mut steps, place.saturating_sub(start), -1);
                }
            }
        }
        let again = steps.iter().scan(0isize, |again, step| {
            *again = again.saturating_add(*step);
            Some(*again)
        });
        let again = again.enumerate().map(|(place, again)| (place.saturating_add(start), again));
        let window = again.filter(|&(cut, _)| first < cut && cut <= second);
        window.min_by_key(|&(cut, again)| (again, std::cmp::Reverse(cut))).map(|(cut, _)| cut)
    }
}

/// Changes the number of all places behind one.
fn add(steps: &mut [isize], place: usize, more: isize) {
    if let Some(step) = steps.get_mut(place.saturating_add(1)) {
        *step = step.saturating_add(more);
    }
}

/// Part of a thread, by places in it: from `start` up to `end`, to be cut behind `first` and not behind `second`.
#[derive(Debug, Clone, Copy)]
struct Window {
    start: usize,
    first: usize,
    second: usize,
    end: usize,
}

/// Where in each thread the functions are defined that were written once.
struct Occurrences {
    /// By thread and function: places in the thread, ascending; one several times if its CU has several definitions.
    places: HashMap<(usize, u32), Vec<usize>>,
}

impl Occurrences {
    fn of(traces: &ThreadTrace, threads: &[Vec<u32>], counts: &HashMap<u32, usize>) -> Self {
        let mut places: HashMap<_, Vec<usize>> = HashMap::new();
        for (which, of) in threads.iter().enumerate() {
            for (place, &cu) in of.iter().enumerate() {
                let names = traces.definitions.get(cu as usize).into_iter().flatten();
                for &name in names.filter(|name| counts.get(name) == Some(&1)) {
                    places.entry((which, name)).or_default().push(place);
                }
            }
        }
        Self { places }
    }
}

/// How many of these places are behind one and before another.
fn between(places: &[usize], place: usize, end: usize) -> isize {
    let up_to = |limit: usize| places.partition_point(|&other| other < limit);
    isize::try_from(up_to(end).saturating_sub(up_to(place.saturating_add(1)))).unwrap_or(isize::MAX)
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

    #[test]
    fn a_function_of_every_cu_is_not_searched_for_in_all_of_them() {
        // Two CUs in three define one function, which each of them writes, and every third one of its own: ten billion steps for
        // those who search all CUs for each thing that was written.
        const CUS: u32 = 100_000;
        let definitions: Vec<Vec<u32>> = (1..=CUS).map(|n| if n % 3 == 0 { vec![n] } else { vec![0] }).collect();
        let written = definitions.concat();
        let found = ThreadTrace { definitions, written }.infer();
        let mut all = found.threads().concat();
        assert!(all.is_sorted(), "each thread begins behind the end of the one before");
        all.dedup();
        assert_eq!(all.len(), CUS as usize);
    }
}
