//! How types are written, and what stands for what is not.

/// Stands for text that was left out.
pub(super) const CUT: &str = "…";

/// What [`definition`](super::definition) adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// The offset of each member in bytes, with bits after a colon, and the size of each struct and union in bytes, as
    /// comments.
    pub offsets: bool,
}
