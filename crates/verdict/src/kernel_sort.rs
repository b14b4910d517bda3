//! `sort()` of the kernel: a heapsort. It is not stable, and its order of equal elements decides which of several warnings is printed.
//!
//! Source: `sort_r` in `lib/sort.c`: up to 6.1 one element is extracted from the heap at a time, in 6.12 two
//! are.

use crate::rules::Rules;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SortVariant {
    /// One element is taken from the heap at a time.
    OneAtATime,
    /// Two elements are.
    TwoAtATime,
}

impl SortVariant {
    /// The one of a kernel.
    pub fn of(rules: &Rules) -> Self {
        if rules.sorts_two_at_once() { Self::TwoAtATime } else { Self::OneAtATime }
    }
}

/// Sorts as the kernel does. `order` is negative, 0 or positive, as `cmp_func`; it need not be an order.
pub(crate) fn sort<T>(items: &mut [T], variant: SortVariant, order: impl Fn(&T, &T) -> i32) {
    let mut end = items.len();
    for root in (0..end / 2).rev() {
        sift(items, root, end, variant, &order);
    }
    match variant {
        SortVariant::OneAtATime => {
            while end > 1 {
                end = end.saturating_sub(1);
                items.swap(0, end);
                sift(items, 0, end, variant, &order);
            }
        }
        SortVariant::TwoAtATime => {
            while end > 3 {
                end = end.saturating_sub(1);
                items.swap(0, end);
                let second = match items {
                    [_, left, right, ..] if order(left, right) <= 0 => 2,
                    _ => 1,
                };
                end = end.saturating_sub(1);
                items.swap(second, end);
                sift(items, second, end, variant, &order);
                sift(items, 0, end, variant, &order);
            }
            if end > 1 {
                finish(items, end, &order);
            }
        }
    }
}

/// Restores the heap below a place: down to a leaf along the larger children, then up to where the element belongs.
fn sift<T>(items: &mut [T], root: usize, end: usize, variant: SortVariant, order: &impl Fn(&T, &T) -> i32) {
    let compare = |items: &[T], a: usize, b: usize| items.get(a).zip(items.get(b)).map_or(0, |(a, b)| order(a, b));
    let children = |of: usize| (of.saturating_mul(2).saturating_add(1), of.saturating_mul(2).saturating_add(2));
    let parent = |of: usize| of.saturating_sub(1) / 2;
    // Of two equal children, the older variant descends to the left one, the newer to the right one.
    let least = if variant == SortVariant::OneAtATime { 0 } else { 1 };
    let mut place = root;
    loop {
        let (left, right) = children(place);
        match right.cmp(&end) {
            core::cmp::Ordering::Less => place = if compare(items, left, right) >= least { left } else { right },
            core::cmp::Ordering::Equal => {
                place = left;
                break;
            }
            core::cmp::Ordering::Greater => break,
        }
    }
    while place != root && compare(items, root, place) >= 0 {
        place = parent(place);
    }
    let belongs = place;
    while place != root {
        place = parent(place);
        items.swap(place, belongs);
    }
}

/// The last two or three elements of the newer variant.
fn finish<T>(items: &mut [T], end: usize, order: &impl Fn(&T, &T) -> i32) {
    let last = end.saturating_sub(1);
    items.swap(0, last);
    if let [first, second, ..] = items
        && end == 3
        && order(first, second) > 0
    {
        core::mem::swap(first, second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys that are often equal, with their place before sorting.
    fn sorted(keys: &[u8], variant: SortVariant) -> Vec<(u8, usize)> {
        let mut items: Vec<_> = keys.iter().copied().enumerate().map(|(place, key)| (key, place)).collect();
        sort(&mut items, variant, |a, b| i32::from(a.0) - i32::from(b.0));
        items
    }

    #[test]
    fn sort_sorts() {
        let mut keys = Vec::new();
        let mut next = 7_u32;
        for length in 0..64 {
            assert!(sorted(&keys, SortVariant::OneAtATime).is_sorted_by_key(|item| item.0), "{length}");
            assert!(sorted(&keys, SortVariant::TwoAtATime).is_sorted_by_key(|item| item.0), "{length}");
            next = next.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            keys.push((next >> 16) as u8 & 15);
        }
    }

    #[test]
    fn sort_is_not_stable_and_variants_differ() {
        let places = |variant| sorted(&[1, 1, 1, 1], variant).iter().map(|item| item.1).collect::<Vec<_>>();
        assert_ne!(places(SortVariant::OneAtATime), [0, 1, 2, 3]);
        assert_ne!(places(SortVariant::OneAtATime), places(SortVariant::TwoAtATime));
    }
}
