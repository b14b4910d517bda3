//! The options of a run.

/// What to do with the observations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Compare with the record. The folder of a run that differs is kept in the cache.
    Compare,
    /// Compare with the record. Only the logs of a failed machine are kept in the cache.
    Check,
    /// Write a new record.
    Bless,
}

/// The options of a run.
#[derive(Debug, Clone, Copy)]
pub struct RunOptions {
    /// What to do with the observations.
    pub mode: Mode,
    /// The number of boots that run in parallel; at least one.
    pub jobs: usize,
    /// Whether each scenario boots twice, to compare the two serial logs byte for byte.
    pub twice: bool,
    /// Whether the folders of all runs are kept.
    pub keep: bool,
    /// Whether to ignore unavailable scenarios, provided that something ran in every requested group.
    pub allow_unavailable: bool,
}
