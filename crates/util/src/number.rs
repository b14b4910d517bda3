//! Numbers formatted for people.

/// Types of counts.
pub trait Count: Copy {
    /// The number.
    fn count(self) -> u64;
}

impl Count for u64 {
    fn count(self) -> u64 {
        self
    }
}

impl Count for u32 {
    fn count(self) -> u64 {
        self.into()
    }
}

impl Count for usize {
    fn count(self) -> u64 {
        self as u64
    }
}

/// With a comma before every three digits: `115,710,691`.
#[must_use]
pub fn grouped(number: impl Count) -> String {
    let digits = number.count().to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// `1 module`, `1,121 modules`.
#[must_use]
pub fn of(number: impl Count, one: &str) -> String {
    format!("{} {one}{}", grouped(number), if number.count() == 1 { "" } else { "s" })
}

/// Bytes with three significant digits: `203 MB`, `8.36 MB`, `453 bytes`. The blank is a non-breaking one.
#[must_use]
pub fn bytes(number: u64) -> String {
    let (value, unit) = match number {
        0..1_000 => return format!("{number}\u{a0}bytes"),
        1_000..1_000_000 => (number as f64 / 1e3, "kB"),
        1_000_000..1_000_000_000 => (number as f64 / 1e6, "MB"),
        _ => (number as f64 / 1e9, "GB"),
    };
    format!("{}\u{a0}{unit}", three(value))
}

/// `more` divided by `less`; `None` if `less` is 0.
#[must_use]
pub fn ratio(more: u64, less: u64) -> Option<f64> {
    (less > 0).then(|| more as f64 / less as f64)
}

/// A ratio with three significant digits, `–` if there is none.
#[must_use]
pub fn times(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "–".to_owned(), three)
}

/// Milliseconds as seconds: `2.05`.
#[must_use]
pub fn seconds(milliseconds: u64) -> String {
    format!("{}.{:02}", grouped(milliseconds / 1000), milliseconds % 1000 / 10)
}

/// The difference between two times in milliseconds: `3.01 s more`, `0.10 s less`.
#[must_use]
pub fn difference(was: u64, is: u64) -> String {
    let word = if is < was { "less" } else { "more" };
    format!("{}\u{a0}s {word}", seconds(is.abs_diff(was)))
}

fn three(value: f64) -> String {
    match value {
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => grouped(value.round() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_threes() {
        let texts = [0, 999, 1_000, 115_710_691, u64::MAX].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "115,710,691", "18,446,744,073,709,551,615"]);
        assert_eq!(
            [of(1u32, "module"), of(0u64, "module"), of(1_121usize, "module")],
            ["1 module", "0 modules", "1,121 modules"]
        );
    }

    #[test]
    fn bytes_and_ratios_have_three_digits_that_count() {
        let texts = [999, 1_000, 8_361_220, 99_960_000, 202_400_100, 5_000_000_000].map(bytes);
        let texts = texts.map(|text| text.replace('\u{a0}', " "));
        assert_eq!(texts, ["999 bytes", "1.00 kB", "8.36 MB", "100 MB", "202 MB", "5.00 GB"]);
        assert_eq!(times(ratio(115_710_691, 5_194_047)), "22.3");
        assert_eq!(times(ratio(9_999, 1_000)), "10.0");
        assert_eq!(times(ratio(1, 0)), "–");
    }

    #[test]
    fn seconds_are_cut_to_hundredths() {
        assert_eq!([0, 999, 2_050, 61_234].map(seconds), ["0.00", "0.99", "2.05", "61.23"]);
        let differences = [difference(4_440, 7_455), difference(5_320, 5_220), difference(1, 1)];
        assert_eq!(differences, ["3.01\u{a0}s more", "0.10\u{a0}s less", "0.00\u{a0}s more"]);
    }
}
