//! "Did you mean" for an unknown name.

use std::fmt;

/// The maximum number of names that are all listed if none of them is close.
const LISTED: usize = 8;

/// An unknown name, and the known names that are closest to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    close: Vec<String>,
    known: Vec<String>,
}

impl Suggestion {
    /// Compares a name with the known ones and keeps at most three that are close, closest first.
    #[must_use]
    pub fn new<S: AsRef<str>>(given: &str, known: impl IntoIterator<Item = S>) -> Self {
        let known: Vec<String> = known.into_iter().map(|name| name.as_ref().to_owned()).collect();
        let lower = given.to_lowercase();
        let mut close: Vec<_> = known
            .iter()
            .map(|name| (strsim::jaro_winkler(&lower, &name.to_lowercase()), name))
            .filter(|&(similarity, _)| similarity > 0.8)
            .collect();
        close.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        Self { close: close.into_iter().take(3).map(|(_, name)| name.clone()).collect(), known }
    }
}

/// `did you mean a, b or c?` if names are close. Otherwise `known: a, b, c` for at most `LISTED` names, and for more
/// their number and the first. `none is known` if there are no names.
impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.close.as_slice(), self.known.as_slice()) {
            ([], []) => f.write_str("none is known"),
            ([], known) if known.len() <= LISTED => write!(f, "known: {}", known.join(", ")),
            ([], [first, ..]) => write!(f, "{} are known, such as {first}", self.known.len()),
            ([only], _) => write!(f, "did you mean {only}?"),
            ([most @ .., last], _) => write!(f, "did you mean {} or {last}?", most.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_names_are_suggested() {
        let known = ["upgrade-grow", "upgrade-shrink", "crc-break"];
        assert_eq!(Suggestion::new("upgrade-gorw", known).to_string(), "did you mean upgrade-grow or upgrade-shrink?");
        assert_eq!(Suggestion::new("CRC-brake", known).to_string(), "did you mean crc-break?");
        assert_eq!(Suggestion::new("xyz", known).to_string(), "known: upgrade-grow, upgrade-shrink, crc-break");
    }

    #[test]
    fn many_names_are_counted_instead_of_listed() {
        let many: Vec<_> = (0..48).map(|n| format!("scenario-{n}")).collect();
        assert_eq!(Suggestion::new("zzz", &many).to_string(), "48 are known, such as scenario-0");
        assert_eq!(Suggestion::new("zzz", [""; 0]).to_string(), "none is known");
    }
}
