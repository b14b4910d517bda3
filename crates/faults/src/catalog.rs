//! The catalog of all faults.

use util::error::{Class, Classified};
use util::suggest::Suggestion;

use crate::fault::{Described, ProgramFault};
use crate::machine::Fault;
use crate::{builds, refused, runs};

/// A fault of this name does not exist.
#[derive(Debug, thiserror::Error)]
#[error("cannot find the fault {given}; {suggestion}")]
pub struct UnknownFault {
    given: String,
    suggestion: Suggestion,
}

impl Classified for UnknownFault {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// All faults, in the order in which they are injected.
#[must_use]
pub fn all() -> Vec<Described> {
    Fault::ALL.map(runs::described).into_iter().chain(program_faults().map(ProgramFault::described)).collect()
}

/// The faults that are injected into this program.
pub fn program_faults() -> impl Iterator<Item = &'static ProgramFault> {
    runs::FAULTS.iter().chain(&builds::FAULTS).chain(&refused::FAULTS)
}

/// Checks that each of these names is a fault's.
///
/// # Errors
///
/// [`UnknownFault`] for the first name that is not.
pub fn check_names(names: &[String]) -> Result<(), UnknownFault> {
    let known: Vec<_> = all().iter().map(|fault| fault.name).collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(given) => Err(UnknownFault { given: given.clone(), suggestion: Suggestion::new(given, known) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_have_names_of_their_own_and_a_wrong_name_gets_a_suggestion() {
        let mut names: Vec<_> = all().iter().map(|fault| fault.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(check_names(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).is_ok());
        let error = check_names(&["qemu-kiled".into()]).unwrap_err();
        assert_eq!(error.to_string(), "cannot find the fault qemu-kiled; did you mean qemu-killed?");
    }
}
