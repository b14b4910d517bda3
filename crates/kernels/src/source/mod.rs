//! Kernel sources in the cache.
