//! Cleans a raw line: removes terminal colours and carriage returns, and decodes escapes. Finds the kernel's message about BTF in it,
//! also if tabs, blanks or the end were lost.

use std::borrow::Cow;

use memchr::memmem;

use crate::form::{Channel, Form, TemplatePart};
use crate::line::{Line, Value};

/// The number of bytes of a line that are read. A record has at most 1,023, after a prefix.
const LONGEST: usize = 4096;

/// A line without terminal colours and carriage returns, with escapes like `\x09` decoded.
pub fn plain(raw: &[u8]) -> Cow<'_, [u8]> {
    let raw = raw.get(..LONGEST).unwrap_or(raw);
    let raw = match raw.iter().rposition(|byte| !b"\r\n\0".contains(byte)) {
        Some(last) => raw.get(..=last).unwrap_or(raw),
        None => &[],
    };
    if memchr::memchr3(0x1b, b'\\', b'\r', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            0x1b => after_colour(after),
            b'\r' => after,
            b'\\' => {
                let (byte, after) = escaped(after);
                out.push(byte);
                after
            }
            _ => {
                out.push(byte);
                after
            }
        };
    }
    Cow::Owned(out)
}

/// What follows a control sequence.
fn after_colour(rest: &[u8]) -> &[u8] {
    let Some(sequence) = rest.strip_prefix(b"[") else { return rest };
    let end = sequence
        .iter()
        .position(|byte| (0x40..0x7f).contains(byte))
        .map_or(sequence.len(), |end| end.saturating_add(1));
    sequence.get(end..).unwrap_or_default()
}

/// The byte that an escape after a backslash stands for, and what follows.
fn escaped(rest: &[u8]) -> (u8, &[u8]) {
    let byte = rest.strip_prefix(b"x").and_then(|hex| {
        let (digits, after) = hex.split_at_checked(2)?;
        let byte = u8::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()?;
        Some((byte, after))
    });
    byte.unwrap_or((b'\\', rest))
}

/// The kernel's message about BTF in a plain line, and where it begins.
pub fn kernel_line(text: &[u8]) -> Option<(usize, Line)> {
    if let Some(at) = memmem::find(text, b"BPF:") {
        let before = text.get(..at)?.last();
        // `eBPF:` is another program's prefix.
        if !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte)) {
            return Some((at, verifier_line(text.get(at..)?)?));
        }
    }
    // All warnings of the kernel about BTF have the word in them.
    memmem::find(text, b"BTF").or_else(|| memmem::find(text, VERDICT.as_bytes()))?;
    let warnings = Form::ALL.iter().filter(|form| form.channel() == Channel::Warn);
    warnings.copied().find_map(|form| {
        let Some(TemplatePart::Literal(opening)) = form.template_parts().next() else { return None };
        let at = memmem::find(text, opening.as_bytes())?;
        let record = text.get(at..)?;
        let line = Line::parse(record).or_else(|| Line::parse(record.trim_ascii_end()));
        line.or_else(|| verdict(record)).map(|line| (at, line))
    })
}

/// A line of the verifier's log whose tabs may have become blanks, and whose blanks at the end may be lost.
fn verifier_line(text: &[u8]) -> Option<Line> {
    if let Some(line) = Line::parse(text) {
        return Some(line);
    }
    let core = text.strip_prefix(b"BPF:")?.trim_ascii();
    if core.is_empty() {
        return Some(Line::new(Form::End, []));
    }
    let attempts: [(&[u8], &[u8]); 5] = [(b"", b""), (b"\t", b""), (b"\t ", b""), (b"", b" "), (b"", b"  ")];
    attempts.iter().find_map(|(front, end)| Line::parse(&[b"BPF: ", *front, core, *end].concat()))
}

/// How a verdict begins: [`Form::Refused`].
const VERDICT: &str = "failed to validate module [";

/// A verdict with something behind it, or one whose end is cut off: then it has no errno.
fn verdict(record: &[u8]) -> Option<Line> {
    let rest = record.strip_prefix(VERDICT.as_bytes())?;
    let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte)).count();
    let (module, after) = rest.split_at_checked(length)?;
    if module.is_empty() {
        return None;
    }
    let mut values = vec![Value::Text(module.into())];
    if let Some(number) = after.strip_prefix(b"] BTF: ") {
        let sign = usize::from(number.first() == Some(&b'-'));
        let digits = number.iter().skip(sign).take_while(|byte| byte.is_ascii_digit()).count();
        let number = core::str::from_utf8(number.get(..sign.saturating_add(digits))?).ok()?;
        values.extend(number.parse().ok().map(Value::Number));
    }
    Some(Line::new(Form::Refused, values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn read(text: &str) -> Line {
        kernel_line(&plain(text.as_bytes())).unwrap_or_else(|| panic!("{text}")).1
    }

    #[test]
    fn plain_undoes_escapes_and_colours() {
        assert_eq!(&*plain(b"\x1b[32m[ 1.2]\x1b[0m \x1b[1mBPF\x1b[m\r\r\n"), b"[ 1.2] BPF");
        assert_eq!(&*plain(br"BPF: \x09 type_id=1 \x5c \q \x"), b"BPF: \t type_id=1 \\ \\q \\x");
        assert!(matches!(plain(b"as it is\r\n"), Cow::Borrowed(b"as it is")));
        assert_eq!(&*plain(b"\x1b["), b"");
        assert_eq!(plain(&[b'a'; 10_000]).len(), LONGEST);
    }

    #[test]
    fn verifier_lines_are_read_without_their_tabs_and_blanks() {
        for (text, form) in [
            ("BPF: \t type_id=34 bits_offset=64", Form::Member),
            ("BPF:      type_id=34 bits_offset=64", Form::Member),
            ("BPF:     width type_id=54975 bits_offset=0", Form::Member),
            ("BPF: w type_id=5 bitfield_size=1 bits_offset=0", Form::BitfieldMember),
            ("BPF:      type_id=5457 offset=1288 size=64", Form::SectionVar),
            ("BPF:         Invalid name_offset:2322721", Form::EnumeratorName),
            ("BPF: [94156] TYPEDEF", Form::TypeAlone),
            ("BPF:[94156] TYPEDEF", Form::TypeAlone),
            ("BPF:type_id=94174", Form::ReferenceDetails),
            ("BPF:Invalid name", Form::Name),
            ("BPF:  Invalid name  ", Form::Name),
            ("BPF:", Form::End),
            ("BPF:   ", Form::End),
        ] {
            assert_eq!(read(text).form, form, "{text}");
        }
    }

    #[test]
    fn verdicts_are_read_though_cut_or_followed() {
        let verdict = read("failed to validate module [a_b] BTF: -22\",");
        assert_eq!((verdict.text("module"), verdict.number("errno")), (Some("a_b".into()), Some(-22)));
        let cut = read("[   1.5] failed to validate module [xt_ma");
        assert_eq!((cut.text("module"), cut.number("errno")), (Some("xt_ma".into()), None));
        assert_eq!(read("type [3] in distilled based BTF has unexpected kind [2] ").form, Form::DistilledKind);
    }

    #[test]
    fn other_lines_are_no_kernel_lines() {
        for text in ["eBPF: Invalid name", "BPF: unknown", "BTF", "failed to validate module [", "uses BTF and BPF"] {
            assert_eq!(kernel_line(text.as_bytes()), None, "{text}");
        }
    }
}
