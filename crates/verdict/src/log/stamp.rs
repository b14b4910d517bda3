//! What stands before a message: time stamps of every shape that people paste, and the context that printed it.

/// When a line was logged, as far as lines can be compared by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stamp {
    /// Nothing that can be compared.
    None,
    /// Microseconds since the boot.
    Monotonic(u64),
    /// Seconds of the calendar, counted from anywhere.
    Wall(u64),
    /// Microseconds since the line before (`dmesg --reltime`).
    Delta(u64),
}

/// How far the lines of one failure lie apart at most, in microseconds. A slow serial console may hold each line up.
const TOGETHER: u64 = 500_000;

impl Stamp {
    /// Whether a line with this stamp may belong to the one with an earlier stamp before it.
    pub fn is_near(self, earlier: Self) -> bool {
        match (earlier, self) {
            (Self::Monotonic(from), Self::Monotonic(to)) => to.abs_diff(from) <= TOGETHER,
            (Self::Wall(from), Self::Wall(to)) => to.abs_diff(from) <= 1,
            (_, Self::Delta(since)) => since <= TOGETHER,
            _ => true,
        }
    }

    /// The order of two stamps, if they can be compared.
    pub fn order(self, other: Self) -> Option<core::cmp::Ordering> {
        match (self, other) {
            (Self::Monotonic(a), Self::Monotonic(b)) | (Self::Wall(a), Self::Wall(b)) => Some(a.cmp(&b)),
            _ => None,
        }
    }
}

/// What stands before a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix<'a> {
    /// When.
    pub stamp: Stamp,
    /// Which thread or processor printed it (CONFIG_PRINTK_CALLER): `T123`, `C1`.
    pub caller: Option<&'a [u8]>,
}

impl<'a> Prefix<'a> {
    /// Reads what stands before a message. Anything may stand there.
    pub fn read(text: &'a [u8]) -> Self {
        if let Some(prefix) = kmsg(text) {
            return prefix;
        }
        let mut prefix = Self { stamp: Stamp::None, caller: None };
        for content in brackets(text) {
            if let Some(caller) = caller(content) {
                prefix.caller = Some(caller);
            } else if prefix.stamp == Stamp::None {
                prefix.stamp = bracketed(content);
            }
        }
        if prefix.stamp == Stamp::None {
            prefix.stamp = calendar(text).map_or(Stamp::None, Stamp::Wall);
        }
        prefix
    }
}

/// `/dev/kmsg`: `level,sequence,microseconds,flags[,caller=T123];`.
fn kmsg(text: &[u8]) -> Option<Prefix<'_>> {
    let (&last, fields) = text.trim_ascii().split_last()?;
    let mut fields = fields.split(|&byte| byte == b',');
    if last != b';' || number(trim_front(fields.next()?)).is_none() || number(fields.next()?).is_none() {
        return None;
    }
    let stamp = Stamp::Monotonic(number(fields.next()?)?);
    let caller = fields.find_map(|field| field.strip_prefix(b"caller="));
    Some(Prefix { stamp, caller })
}

/// What may stand before a record that was quoted.
fn trim_front(text: &[u8]) -> &[u8] {
    let start = text.iter().position(u8::is_ascii_digit).unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

/// The contents of all pairs of brackets.
fn brackets(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'[').skip(1).filter_map(|rest| {
        let end = memchr::memchr(b']', rest)?;
        rest.get(..end).map(<[u8]>::trim_ascii)
    })
}

/// `T123` or `C1`.
fn caller(content: &[u8]) -> Option<&[u8]> {
    let (first, digits) = content.split_first()?;
    (b"TC".contains(first) && number(digits).is_some()).then_some(content)
}

/// `12.345678` or `+0,000007`.
fn bracketed(content: &[u8]) -> Stamp {
    let (text, delta) = content.strip_prefix(b"+").map_or((content, false), |rest| (rest, true));
    let Some(point) = text.iter().position(|byte| b".,".contains(byte)) else { return Stamp::None };
    let (whole, fraction) = text.split_at(point);
    let fraction = fraction.get(1..).unwrap_or_default();
    let (Some(seconds), Some(parts), 1..=9) = (number(whole), number(fraction), fraction.len()) else {
        return Stamp::None;
    };
    let mut micros = parts;
    for _ in fraction.len()..6 {
        micros = micros.saturating_mul(10);
    }
    for _ in 6..fraction.len() {
        micros = micros.checked_div(10).unwrap_or(0);
    }
    let micros = seconds.saturating_mul(1_000_000).saturating_add(micros);
    if delta { Stamp::Delta(micros) } else { Stamp::Monotonic(micros) }
}

/// Seconds from anywhere: of `Jan 01 10:00:01`, `Tue Sep  5 10:53:29 2023`, `2026-01-01T10:00:01+01:00`.
fn calendar(text: &[u8]) -> Option<u64> {
    const MONTHS: [&[u8]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let mut words =
        text.split(|byte| byte.is_ascii_whitespace() || b"[]<>|,".contains(byte)).filter(|word| !word.is_empty());
    let (mut year, mut month, mut day, mut time) = (0, None, None, None);
    // A line's date stands at its beginning.
    for word in words.by_ref().take(9) {
        if let Some((date, clock)) = iso(word) {
            (year, month, day) = date;
            time = time.or(clock);
        } else if let Some(clock) = clock(word) {
            time = time.or(Some(clock));
        } else if let Some(nth) = MONTHS.iter().position(|name| *name == word) {
            month = month.or(u64::try_from(nth).ok());
        } else if let Some(number) = number(word) {
            match (word.len(), month, day) {
                (1 | 2, Some(_), None) => day = Some(number),
                (4, _, _) if year == 0 => year = number,
                _ => {}
            }
        }
    }
    let days = year.saturating_mul(372).saturating_add(month?.saturating_mul(31)).saturating_add(day?);
    Some(days.saturating_mul(86_400).saturating_add(time?))
}

/// `2026-01-01`, perhaps with `T10:00:01` behind it.
#[expect(clippy::type_complexity, reason = "two dates and a time, taken apart at once")]
fn iso(word: &[u8]) -> Option<((u64, Option<u64>, Option<u64>), Option<u64>)> {
    let (date, time) = (word.get(..10)?, word.get(10..)?);
    let mut parts = date.split(|&byte| byte == b'-').map(number);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let time = time.strip_prefix(b"T").and_then(clock);
    Some(((year, Some(month.saturating_sub(1)), Some(day)), time))
}

/// `10:00:01`, whatever follows.
fn clock(word: &[u8]) -> Option<u64> {
    let head = word.get(..8)?;
    let mut parts = head.split(|&byte| byte == b':').map(number);
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let minutes = hours.saturating_mul(60).saturating_add(minutes);
    Some(minutes.saturating_mul(60).saturating_add(seconds))
}

fn number(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits.then(|| core::str::from_utf8(text).ok()?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(text: &str) -> Stamp {
        Prefix::read(text.as_bytes()).stamp
    }

    #[test]
    fn stamps_since_the_boot_are_read() {
        for text in [
            "[    2.500000] ",
            "> [2.500000] ",
            "Jan 01 10:00:01 host kernel: [    2.500000] ",
            "[    2.500000] host kernel: ",
        ] {
            assert_eq!(stamp(text), Stamp::Monotonic(2_500_000), "{text}");
        }
        assert_eq!(stamp("kern  :err   : [  +0,000007] "), Stamp::Delta(7));
        assert_eq!(stamp("3,1234,5678,-;"), Stamp::Monotonic(5678));
        assert_eq!(stamp("[99999999999999999999.5] "), Stamp::None);
    }

    #[test]
    fn stamps_of_the_calendar_are_compared() {
        let order = |a: &str, b: &str| stamp(a).order(stamp(b));
        let before = Some(core::cmp::Ordering::Less);
        assert_eq!(order("Jan 01 10:00:01 host kernel: ", "Jan 01 10:00:02 host kernel: "), before);
        assert_eq!(order("[Tue Sep  5 10:53:29 2023] ", "[Wed Sep  6 00:00:00 2023] "), before);
        assert_eq!(order("2026-01-31T23:59:59+01:00 host kernel: ", "2026-02-01T00:00:00+01:00 host kernel: "), before);
        assert_eq!(order("2026-01-31 23:59:59 ", "2026-02-01 00:00:00.5 "), before);
        assert_eq!(stamp("kern  :err   : [mrt26 17:11] "), Stamp::None);
        assert!(stamp("Jan 01 10:00:02 ").is_near(stamp("Jan 01 10:00:01 ")));
    }

    #[test]
    fn callers_are_read() {
        let caller = |text: &'static str| {
            Prefix::read(text.as_bytes()).caller.map(|caller| core::str::from_utf8(caller).unwrap())
        };
        assert_eq!(caller("[    2.500000][   T123] "), Some("T123"));
        assert_eq!(caller("[    2.500000] [C1] "), Some("C1"));
        assert_eq!(caller("3,1,5,-,caller=T9;"), Some("T9"));
        assert_eq!(caller("[    2.500000] "), None);
    }

    #[test]
    fn lines_that_lie_apart_do_not_belong_together() {
        assert!(!stamp("[    2.500000] ").is_near(stamp("[    1.020003] ")));
        assert!(stamp("[    2.500000] ").is_near(stamp("[    2.499999] ")));
        assert!(!stamp("[  +3,000000] ").is_near(Stamp::None) && stamp("x").is_near(Stamp::Monotonic(1)));
    }
}
