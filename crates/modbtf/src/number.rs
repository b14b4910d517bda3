//! Numbers for people.

/// With a comma before every three digits: `115,710,691`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// `1 file`, `1,121 files`.
pub(crate) fn of(number: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// As [`of`], of a length.
pub(crate) fn count(number: usize, one: &str) -> String {
    of(number as u64, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas_and_things_a_plural() {
        assert_eq!([0, 999, 1000, 115_710_691].map(grouped), ["0", "999", "1,000", "115,710,691"]);
        assert_eq!([of(1, "file"), of(0, "file"), count(1121, "file")], ["1 file", "0 files", "1,121 files"]);
    }
}
