//! Getting kernels: the container engine, Debian's archive, the cache.
