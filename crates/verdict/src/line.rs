//! One line of a kernel's log: a [`Form`] with its values, written and read.

use btf::{BStr, BString};

use crate::form::{Channel, Form, Slot, TemplatePart};
use crate::rules::Rules;

/// A value of a line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// A number, as `%u`, `%d` or `%x` shows it.
    Number(i64),
    /// Text.
    Text(BString),
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(i64::from(number))
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Number(i64::from(number))
    }
}

impl From<&BStr> for Value {
    fn from(text: &BStr) -> Self {
        Self::Text(text.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// A line that the kernel logs, or logged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Line {
    /// Its form.
    pub form: Form,
    /// The values of the form's slots, in order.
    pub values: Vec<Value>,
}

/// Where `bpf_verifier_vlog` cuts a text: `BPF_VERIFIER_TMP_LOG_SIZE` in `include/linux/bpf_verifier.h`, which includes a NUL.
const LONGEST_VERIFIER_TEXT: usize = 1023;

impl Line {
    /// A line of a form.
    #[must_use]
    pub fn new(form: Form, values: impl Into<Vec<Value>>) -> Self {
        Self { form, values: values.into() }
    }

    /// The value of the slot with this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        let names = self.form.template_parts().filter_map(|part| match part {
            TemplatePart::Slot(name, _) => Some(name),
            TemplatePart::Literal(_) => None,
        });
        names.zip(&self.values).find(|(slot, _)| *slot == name).map(|(_, value)| value)
    }

    /// The number in the slot with this name.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            Value::Number(number) => Some(*number),
            Value::Text(_) => None,
        }
    }

    /// The text in the slot with this name.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&BStr> {
        match self.value(name)? {
            Value::Text(text) => Some(text.as_ref()),
            Value::Number(_) => None,
        }
    }

    /// The text without what the channel puts in front.
    fn body(&self) -> Vec<u8> {
        let mut values = self.values.iter();
        let mut out = Vec::new();
        for part in self.form.template_parts() {
            let slot = match part {
                TemplatePart::Literal(text) => {
                    out.extend_from_slice(text.as_bytes());
                    continue;
                }
                TemplatePart::Slot(_, slot) => slot,
            };
            match (values.next(), slot) {
                (Some(Value::Number(number)), Slot::Hex) => out.extend_from_slice(format!("{number:x}").as_bytes()),
                (Some(Value::Number(number)), _) => out.extend_from_slice(number.to_string().as_bytes()),
                (Some(Value::Text(text)), _) => out.extend_from_slice(text),
                (None, _) => {}
            }
        }
        out
    }

    /// The record in the log of a kernel with these rules, as bytes, without escapes: cut where that kernel cuts it.
    ///
    /// Source: `bpf_verifier_vlog` in `kernel/bpf/log.c`; `vprintk_store` and `printk_sprint` in `kernel/printk/printk.c`.
    #[must_use]
    pub fn record(&self, rules: &Rules) -> BString {
        let mut text = self.body();
        if self.form.channel() == Channel::Bpf {
            text.truncate(LONGEST_VERIFIER_TEXT);
            let front: &[u8] = if rules.space_after_bpf() { b"BPF: " } else { b"BPF:" };
            text.splice(0..0, front.iter().copied());
        }
        if !self.surfaces_late(rules) && (self.form.channel() != Channel::Bpf || text.last() != Some(&b'\n')) {
            text.push(b'\n');
        }
        text.truncate(rules.longest_record());
        if text.last() == Some(&b'\n') {
            text.pop();
        }
        text.into()
    }

    /// Whether the record can be read only after the next one was logged: it does not end with a newline, so the kernel keeps it open for a
    /// continuation.
    #[must_use]
    pub fn surfaces_late(&self, rules: &Rules) -> bool {
        self.form == Form::StringNotMapped && !rules.ends_string_warning()
    }

    /// The syslog level of the record: 3 (error) or 4 (warning).
    #[must_use]
    pub const fn level(&self) -> u8 {
        match self.form.channel() {
            Channel::Bpf | Channel::Error => 3,
            Channel::Warn => 4,
        }
    }

    /// Reads a record's text, without time stamp and escapes; `None` if it has no form that is known here.
    ///
    /// Both `BPF: ` and the `BPF:` of kernels up to 5.15 are read. Where the kernel cut a long record, the line is not recognised.
    #[must_use]
    pub fn parse(record: &[u8]) -> Option<Self> {
        let (of_bpf, body) = match record.strip_prefix(b"BPF:") {
            Some(body) => (true, body),
            None => (false, record),
        };
        let read = |body: &[u8]| {
            let forms = Form::ALL.iter().filter(|form| (form.channel() == Channel::Bpf) == of_bpf);
            forms.copied().find_map(|form| Some(Self { form, values: read_values(form.template_parts(), body)? }))
        };
        // With the space first: without it, `BPF: ` of a newer kernel would be the separator of an older one.
        let spaced = body.strip_prefix(b" ").filter(|_| of_bpf);
        spaced.and_then(read).or_else(|| read(body))
    }
}

/// The values of a template in a text; `None` if the text is of another form.
pub(crate) fn read_values(template_parts: impl Iterator<Item = TemplatePart>, text: &[u8]) -> Option<Vec<Value>> {
    let mut rest = text;
    let mut values = Vec::new();
    let mut template_parts = template_parts.peekable();
    while let Some(part) = template_parts.next() {
        let slot = match part {
            TemplatePart::Literal(literal) => {
                rest = rest.strip_prefix(literal.as_bytes())?;
                continue;
            }
            TemplatePart::Slot(_, slot) => slot,
        };
        let length = match (slot, template_parts.peek()) {
            (Slot::Unsigned, _) => leading(rest, |byte| byte.is_ascii_digit()),
            (Slot::Signed, _) => {
                let sign = usize::from(rest.first() == Some(&b'-'));
                sign.checked_add(leading(rest.get(sign..)?, |byte| byte.is_ascii_digit()))?
            }
            (Slot::Hex, _) => leading(rest, |byte| byte.is_ascii_hexdigit()),
            (Slot::Kind, _) => {
                leading(rest, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
            }
            (Slot::Word, _) => leading(rest, |byte| byte.is_ascii_alphabetic() || b"()".contains(byte)),
            // The rest of a template after a text has no other text, so its last occurrence is meant: a name may hold anything.
            (Slot::Text, Some(TemplatePart::Literal(literal))) => last_occurrence(rest, literal.as_bytes())?,
            (Slot::Text, _) => rest.len(),
        };
        let (value, after) = rest.split_at_checked(length)?;
        rest = after;
        values.push(match slot {
            Slot::Kind | Slot::Word if value.is_empty() => return None,
            Slot::Text | Slot::Kind | Slot::Word => Value::Text(value.into()),
            Slot::Hex => Value::Number(i64::from_str_radix(core::str::from_utf8(value).ok()?, 16).ok()?),
            Slot::Unsigned | Slot::Signed => Value::Number(core::str::from_utf8(value).ok()?.parse().ok()?),
        });
    }
    rest.is_empty().then_some(values)
}

fn leading(text: &[u8], of: impl Fn(&u8) -> bool) -> usize {
    text.iter().take_while(|byte| of(byte)).count()
}

fn last_occurrence(text: &[u8], of: &[u8]) -> Option<usize> {
    text.windows(of.len()).rposition(|window| window == of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(version: &str) -> Rules {
        Rules::new(version.parse().unwrap(), false)
    }

    /// A line of each form, with values that could be mistaken for other template_parts.
    fn examples() -> Vec<Line> {
        let fill = |form: Form, text: &'static str| {
            let values = form.template_parts().filter_map(|part| match part {
                TemplatePart::Slot(_, Slot::Unsigned | Slot::Hex) => Some(Value::from(4_294_967_295_u32)),
                TemplatePart::Slot(_, Slot::Signed) => Some(Value::from(-1_i32)),
                TemplatePart::Slot(_, Slot::Kind) => Some(Value::from("FUNC_PROTO")),
                TemplatePart::Slot(_, Slot::Word) => Some(Value::from("(none)")),
                TemplatePart::Slot(_, Slot::Text) => Some(Value::from(text)),
                TemplatePart::Literal(_) => None,
            });
            Line::new(form, values.collect::<Vec<_>>())
        };
        let texts = ["", "name", "(anon)", "a ' [1] type_id=3 b", "\u{1}\t\u{fe}"];
        Form::ALL.iter().flat_map(|&form| texts.map(|text| fill(form, text))).collect()
    }

    #[test]
    fn parse_reads_what_record_writes() {
        for line in examples() {
            let record = line.record(&rules("6.12"));
            assert_eq!(Line::parse(&record).as_ref(), Some(&line), "{record:?}");
        }
    }

    #[test]
    fn parse_reads_older_kernels() {
        let line = Line::parse(b"BPF:[94156] TYPEDEF  ").unwrap();
        assert_eq!((line.form, line.number("id"), line.text("name")), (Form::Type, Some(94156), Some("".into())));
        assert_eq!(Line::parse(b"BPF:").unwrap().form, Form::End);
        assert_eq!(Line::parse(b"BPF: ").unwrap().form, Form::End, "a newer kernel's");
        assert_eq!(Line::parse(b"BPF:  ").unwrap().form, Form::Space);
        assert_eq!(line.record(&rules("5.11")), "BPF:[94156] TYPEDEF  ");
    }

    #[test]
    fn parse_refuses_other_lines() {
        for text in
            ["", "overlay: disagrees", "BPF: no form", "BPF: [x] Invalid kind:3", "BPF: [1] Invalid kind:3 or so"]
        {
            assert_eq!(Line::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn record_is_cut_where_the_kernel_cuts() {
        let name = "n".repeat(2000);
        let line = Line::new(Form::Type, [1_u32.into(), "STRUCT".into(), Value::from(name.as_str())]);
        assert_eq!(line.record(&rules("6.12")).len(), 1021);
        assert_eq!(line.record(&rules("6.1")).len(), 989);
        let warning = Line::new(Form::Refused, [Value::from(name.as_str()), (-22_i32).into()]);
        assert_eq!(warning.record(&rules("6.12")).len(), 1021);
    }

    #[test]
    fn record_has_one_newline_less() {
        let line = Line::new(Form::TypeAlone, [1_u32.into(), "STRUCT".into(), "a\n".into()]);
        assert_eq!(line.record(&rules("6.12")), "BPF: [1] STRUCT a");
        let line = Line::new(Form::TypeAlone, [1_u32.into(), "STRUCT".into(), "a\n\n".into()]);
        assert_eq!(line.record(&rules("6.12")), "BPF: [1] STRUCT a\n");
    }
}
