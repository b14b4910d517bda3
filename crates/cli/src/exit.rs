//! The exit codes of `modbtf` and `cargo xtask`. They are defined only here.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | everything requested was done, and the results are as required |
//! | 1 | it was done, but a result is not as required: a scenario differs, a file cannot be encoded; the report shows which |
//! | 2 | usage: the command line or a definition is invalid |
//! | 3 | the environment: something necessary is missing, unavailable, or cannot be read or written |
//! | 4 | a virtual machine panicked, hung or was lost; the report shows which |
//! | 130 | interrupted |
//!
//! If several apply, each command's help defines the order. `modbtf-pahole` has pahole's exit codes: see its help.

use std::error::Error;
use std::process::ExitCode;

use util::error::{Class, Classified};

/// An exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// All results are as required.
    Success,
    /// A result is not as required.
    Failed,
    /// The command line or a definition is invalid.
    Usage,
    /// The environment lacks something.
    Environment,
    /// A virtual machine panicked, hung or was lost.
    Machine,
    /// Ctrl-C, or a similar signal.
    Interrupted,
}

impl Exit {
    /// The exit code of the process.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Environment => 3,
            Self::Machine => 4,
            Self::Interrupted => 130,
        }
    }

    /// The exit code for an error: the class of the first error in its chain that `known` recognises, otherwise
    /// environment.
    ///
    /// `known` lists the classified errors of a program's crates, each as [`class_of::<E>`](class_of).
    #[must_use]
    pub fn of(error: &(dyn Error + 'static), known: &[ClassOf]) -> Self {
        let mut chain = std::iter::successors(Some(error), |&error| error.source());
        let class = chain.find_map(|cause| known.iter().find_map(|class_of| class_of(cause)));
        class.map_or(Self::Environment, Self::from)
    }
}

/// Classifies an error if it has the type for which this function was made.
pub type ClassOf = fn(&(dyn Error + 'static)) -> Option<Class>;

/// A [`ClassOf`] for one type of error.
#[must_use]
pub fn class_of<E: Classified>(error: &(dyn Error + 'static)) -> Option<Class> {
    error.downcast_ref::<E>().map(E::class)
}

impl From<Class> for Exit {
    fn from(class: Class) -> Self {
        match class {
            Class::Usage => Self::Usage,
            Class::Environment => Self::Environment,
            Class::Cancelled => Self::Interrupted,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no such thing")]
    struct Ours(Class);

    impl Classified for Ours {
        fn class(&self) -> Class {
            self.0
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("cannot go on")]
    struct Outer(#[source] Ours);

    #[test]
    fn an_error_exits_with_the_class_of_its_classified_cause() {
        let exit = |error: &(dyn Error + 'static)| Exit::of(error, &[class_of::<Ours>]);
        assert_eq!(exit(&Ours(Class::Usage)), Exit::Usage);
        assert_eq!(exit(&Outer(Ours(Class::Cancelled))), Exit::Interrupted);
        assert_eq!(exit(&std::fmt::Error), Exit::Environment);
    }

    #[test]
    fn codes_are_those_that_are_documented() {
        let all = [Exit::Success, Exit::Failed, Exit::Usage, Exit::Environment, Exit::Machine, Exit::Interrupted];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 3, 4, 130]);
    }
}
