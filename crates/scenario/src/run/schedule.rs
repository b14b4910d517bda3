//! Running several scenarios in parallel.
//!
//! The workers are plain threads, not rayon's, because a scenario's work uses rayon itself. A rayon thread that waits for
//! such inner work may start another scenario in the meantime, also in a pool of its own. Then more scenarios than
//! requested would run, and one could wait for a lock that the interrupted one holds on the same thread.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Works on `workers` items at a time, the long ones first, and returns the results in the order of the items.
pub(super) fn side_by_side<T: Sync, R: Send + Sync>(
    items: &[T],
    workers: usize,
    is_long: impl Fn(&T) -> bool,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let slots: Vec<(&T, OnceLock<R>)> = items.iter().map(|item| (item, OnceLock::new())).collect();
    let mut order: Vec<_> = slots.iter().collect();
    order.sort_by_key(|(item, _)| !is_long(item));
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..workers.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                while let Some((item, slot)) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let _ = slot.set(work(item));
                }
            });
        }
    });
    slots.into_iter().filter_map(|(_, slot)| slot.into_inner()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, Mutex};

    use super::*;

    #[test]
    fn side_by_side_begins_with_long_items_and_keeps_the_order_of_results() {
        let begun = Mutex::new(Vec::new());
        let is_long = |name: &&str| name.len() > 1;
        let results = side_by_side(&["a", "bb", "c", "dd"], 1, is_long, |name| {
            begun.lock().unwrap().push(*name);
            format!("{name}!")
        });
        assert_eq!(begun.into_inner().unwrap(), ["bb", "dd", "a", "c"]);
        assert_eq!(results, ["a!", "bb!", "c!", "dd!"]);
    }

    #[test]
    fn side_by_side_runs_as_many_items_at_once_as_asked_for() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let barrier = Barrier::new(2);
        side_by_side(
            &[0; 4],
            2,
            |_| false,
            |_| {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                barrier.wait();
                now.fetch_sub(1, Ordering::SeqCst);
                barrier.wait();
            },
        );
        assert_eq!(most.into_inner(), 2);
    }
}
