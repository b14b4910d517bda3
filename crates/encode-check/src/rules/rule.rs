//! The type of a rule.

/// Why the two may differ, and where exactly.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name, in reports.
    pub name: &'static str,
    /// What it predicts.
    pub predicts: &'static str,
    /// What in pahole or libbpf causes it: the file and function.
    pub cause: &'static str,
}
