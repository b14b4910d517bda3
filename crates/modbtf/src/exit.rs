//! The exit codes of `modbtf`, defined here and nowhere else.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | every file was encoded |
//! | 1 | a file could not be encoded: damaged, without DWARF, signed; the report names each |
//! | 2 | usage: the command line cannot be understood, names no file, or would have one written over that is read |
//! | 3 | the environment: a base that is not usable, or a file that could not be read or written |
//! | 130 | interrupted; files that were begun are whole, the others as they were |
//!
//! Where several apply, the first of 130, 3, 1 is taken. `modbtf-pahole` exits with 0 or 1, and 2 for usage, as pahole does.

/// An exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every file was encoded.
    Encoded,
    /// A file could not be encoded.
    Failed,
    /// The command line cannot be understood.
    Usage,
    /// Something is wrong with what the files are read from or written to, or with the base.
    Environment,
    /// Ctrl-C, or a signal to the same end.
    Interrupted,
}

impl Exit {
    /// The number that the process exits with.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Encoded => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Environment => 3,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
