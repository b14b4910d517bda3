//! Where the kernel leaves its own rules.

/// What the kernel does that no rule of its own foresees.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Undefined {
    /// `btf_type_by_id` returns NULL, and the kernel reads through it.
    #[error("the kernel follows a reference to a type that does not exist, through a null pointer")]
    NullPointer,
    /// The id lies beyond the end of the map of ids.
    #[error("the kernel reads beyond its map of ids, since a type refers to a type that does not exist")]
    BeyondIdMap,
    /// The name's offset lies beyond the strings.
    #[error("the kernel compares a name that does not exist, through a null pointer")]
    NullName,
    /// Arrays contain each other.
    #[error("the kernel follows arrays that contain each other without an end")]
    EndlessLoop,
}
