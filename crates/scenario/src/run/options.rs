//! How a run is carried out.

/// What is done with what was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Compare with the baseline. The folder of a run that differs is kept in the cache.
    Compare,
    /// Compare with the baseline. Only the logs of a machine that went wrong are kept, in the cache.
    Check,
    /// Record a new baseline.
    Bless,
}

/// How scenarios are run.
#[derive(Debug, Clone, Copy)]
pub struct RunOptions {
    /// What is done with what was observed.
    pub mode: Mode,
    /// How many boots run side by side; at least one.
    pub jobs: usize,
    /// Whether each scenario boots twice, to compare the two serial logs byte for byte.
    pub twice: bool,
    /// Whether the folders of all runs are kept.
    pub keep: bool,
    /// Whether unavailable scenarios do not count as a failure, provided that something ran in every requested group.
    pub allow_unavailable: bool,
}
