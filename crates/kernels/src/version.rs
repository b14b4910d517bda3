//! Debian versions and their order.

use std::cmp::Ordering;

/// Compares two Debian versions, `[epoch:]upstream[-revision]`.
///
/// Source of the rule: Debian Policy, section 5.6.12. Epochs are compared as numbers. Then upstream version and
/// revision are each split into alternating runs of non-digits (letters sort before other characters, `~` sorts
/// before the end) and digits (compared as numbers).
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    let (left_epoch, left) = epoch(left);
    let (right_epoch, right) = epoch(right);
    let (left_upstream, left_revision) = revision(left);
    let (right_upstream, right_revision) = revision(right);
    compare_number(left_epoch, right_epoch)
        .then_with(|| compare_part(left_upstream, right_upstream))
        .then_with(|| compare_part(left_revision, right_revision))
}

fn epoch(version: &str) -> (&[u8], &str) {
    match version.split_once(':') {
        Some((epoch, rest)) => (epoch.as_bytes(), rest),
        None => (b"", version),
    }
}

fn revision(version: &str) -> (&[u8], &[u8]) {
    match version.rsplit_once('-') {
        Some((upstream, revision)) => (upstream.as_bytes(), revision.as_bytes()),
        None => (version.as_bytes(), b""),
    }
}

fn compare_part(mut left: &[u8], mut right: &[u8]) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        let (left_text, left_rest) = split_while(left, |byte| !byte.is_ascii_digit());
        let (right_text, right_rest) = split_while(right, |byte| !byte.is_ascii_digit());
        let (left_number, left_rest) = split_while(left_rest, |byte| byte.is_ascii_digit());
        let (right_number, right_rest) = split_while(right_rest, |byte| byte.is_ascii_digit());
        let order = compare_text(left_text, right_text).then_with(|| compare_number(left_number, right_number));
        if order.is_ne() {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
    Ordering::Equal
}

fn split_while(bytes: &[u8], keep: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().position(|byte| !keep(byte)).unwrap_or(bytes.len()))
}

fn compare_text(left: &[u8], right: &[u8]) -> Ordering {
    let rank = |byte: Option<&u8>| match byte {
        Some(b'~') => -1,
        None => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    };
    (0..left.len().max(right.len()))
        .map(|at| rank(left.get(at)).cmp(&rank(right.get(at))))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Compares two numbers of any length, ignoring leading zeroes.
fn compare_number(left: &[u8], right: &[u8]) -> Ordering {
    let (_, left) = split_while(left, |byte| *byte == b'0');
    let (_, right) = split_while(right, |byte| *byte == b'0');
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// The series that a kernel belongs to: the first two numbers of its release or version, `6.12` of `6.12.115+deb13-cloud-amd64`.
pub(crate) fn series(release: &str) -> Option<&str> {
    let end_of_number = |text: &str| text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let major = end_of_number(release);
    let rest = release.get(major..)?.strip_prefix('.')?;
    let minor = end_of_number(rest);
    if major == 0 || minor == 0 { None } else { release.get(..major + 1 + minor) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_dpkg_orders_them() {
        let ascending = [
            "6.1~rc2-1",
            "6.1-1",
            "6.1.9-1",
            "6.1.176-1",
            "6.1.192-1~bpo1",
            "6.1.192-1",
            "6.1.192-1a",
            "6.1.192-1+b1",
            "6.1.192-2",
            "6.1.192-10",
            "6.12.115-1",
            "1:0-1",
        ];
        for (at, left) in ascending.iter().enumerate() {
            for (other, right) in ascending.iter().enumerate() {
                assert_eq!(compare(left, right), at.cmp(&other), "{left} {right}");
            }
        }
        assert_eq!(compare("0:6.01-1", "6.1-1"), Ordering::Equal);
        assert_eq!(compare("6.1", "6.1-0"), Ordering::Equal);
    }

    #[test]
    fn a_series_is_two_numbers() {
        assert_eq!(series("6.12.115+deb13.1-cloud-amd64"), Some("6.12"));
        assert_eq!(series("6.1.0-55"), Some("6.1"));
        assert_eq!(series("7.2-1"), Some("7.2"));
        assert_eq!(series("6"), None);
        assert_eq!(series("x.1"), None);
        assert_eq!(series("6.x"), None);
        assert_eq!(series(""), None);
    }
}
