//! An explicit order of the CUs of a file, in place of their order in the file.

use crate::ids::id32;

/// The CUs that each thread of an encoder takes, in the order in which it takes them.
///
/// CUs are numbered from 0 in the order of the file; CUs that are not encoded are not counted. Each thread writes the first
/// definition of a function among its CUs, and the types of a thread come before those of the next thread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CuOrder {
    threads: Vec<Vec<u32>>,
}

impl CuOrder {
    /// The CUs of each thread.
    #[must_use]
    pub const fn new(threads: Vec<Vec<u32>>) -> Self {
        Self { threads }
    }

    /// The CUs of each thread.
    #[must_use]
    pub fn threads(&self) -> &[Vec<u32>] {
        &self.threads
    }

    /// All CUs in this order, each with its thread. CUs that no thread takes are the last thread's. Numbers without a CU, and a
    /// CU's second appearance, are ignored.
    pub(crate) fn arrange<T: Copy>(&self, cus: &[T]) -> Vec<(T, u32)> {
        let mut taken = vec![false; cus.len()];
        let mut arranged = Vec::with_capacity(cus.len());
        let last = id32(self.threads.len().max(1) - 1);
        let listed =
            (0u32..).zip(&self.threads).flat_map(|(thread, of)| of.iter().map(move |&cu| (cu as usize, thread)));
        for (cu, thread) in listed.chain((0..cus.len()).map(|cu| (cu, last))) {
            if let (Some(taken @ false), Some(&found)) = (taken.get_mut(cu), cus.get(cu)) {
                *taken = true;
                arranged.push((found, thread));
            }
        }
        arranged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrange_takes_every_cu_once() {
        let order = CuOrder::new(vec![vec![2, 9, 2], vec![0]]);
        assert_eq!(order.arrange(&["a", "b", "c", "d"]), [("c", 0), ("a", 1), ("b", 1), ("d", 1)]);
        assert_eq!(CuOrder::default().arrange(&[7, 8]), [(7, 0), (8, 0)]);
    }
}
