//! What a failed check means: which cause it can have.
//!
//! A mismatch changes what offsets of names and ids of types lead to, and nothing else. A check of anything else fails because of what the
//! encoder wrote.

use btf::BStr;

use crate::finding::Finding;
use crate::form::Form;
use crate::line::Line;
use crate::log::failure::Sure;

/// The finding that a check's lines amount to.
pub(crate) fn classify(reason: &Line, subject: Option<&Line>) -> (Finding, Sure) {
    match reason.form {
        Form::NameOffset | Form::MemberName | Form::EnumeratorName => (Finding::NameBeyondStrings, Sure::Likely),
        Form::Name => subject.map_or((Finding::NameInvalid, Sure::Likely), invalid_name),
        Form::TagValue => (Finding::NameInvalid, Sure::Likely),
        Form::Chain => (Finding::ChainTooLong, Sure::Likely),
        Form::TagOrder => (Finding::TagOrder, Sure::Possible),
        Form::DistilledAnonymous
        | Form::DistilledKind
        | Form::DistilledVoid
        | Form::DistilledAmbiguous
        | Form::DistilledMissing
        | Form::StringNotMapped => (Finding::RelocationFailed, Sure::Certain),
        Form::HeaderUnsupported => (Finding::NewerEncoder, Sure::Certain),
        Form::Version | Form::Flags | Form::UnknownKind | Form::Info => (Finding::NewerEncoder, Sure::Likely),
        _ => (Finding::Malformed, Sure::Certain),
    }
}

/// `Invalid name`: what the name looks like says where it came from.
fn invalid_name(subject: &Line) -> (Finding, Sure) {
    let name = subject.text("name").unwrap_or_default();
    let kind = subject.text("kind").map_or(&b""[..], |kind| kind.as_ref());
    let has_enumerators = [&b"ENUM"[..], b"ENUM64"].contains(&kind);
    let must_be_anonymous = [&b"PTR"[..], b"CONST", b"VOLATILE", b"RESTRICT", b"ARRAY", b"FUNC_PROTO"].contains(&kind);
    if must_be_anonymous {
        // Whether there is a name at all does not depend on the base.
        return (Finding::Malformed, Sure::Certain);
    }
    match look(name) {
        Look::Middle => (Finding::NameInvalid, Sure::Certain),
        Look::Foreign if subject.form != Form::SectionVar => (Finding::ForeignName, Sure::Certain),
        Look::Foreign => (Finding::NameInvalid, Sure::Possible),
        // The log shows the enum's own name; an enumerator's is wrong.
        Look::Anonymous | Look::Dots | Look::Fine if has_enumerators => (Finding::NameInvalid, Sure::Likely),
        Look::Anonymous => (Finding::Malformed, Sure::Likely),
        Look::Dots => (Finding::ForeignName, Sure::Likely),
        Look::Fine => (Finding::NameInvalid, Sure::Possible),
    }
}

/// What a name looks like.
enum Look {
    /// Empty or from a digit on: the rest of a longer name.
    Middle,
    /// `(anon)`: there is none.
    Anonymous,
    /// An identifier, but for its dots.
    Dots,
    /// With characters that no name of C has.
    Foreign,
    /// An identifier.
    Fine,
}

fn look(name: &BStr) -> Look {
    let identifier = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    match name.first() {
        None | Some(b'0'..=b'9') => Look::Middle,
        _ if name == "(anon)" => Look::Anonymous,
        _ if name.iter().all(identifier) => Look::Fine,
        _ if name.iter().all(|byte| identifier(byte) || *byte == b'.') => Look::Dots,
        _ => Look::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn finding(subject: &str, reason: &str) -> (&'static str, Sure) {
        let line = |text: &str| Line::parse(text.as_bytes());
        let (finding, sure) = classify(&line(reason).expect("a reason"), line(subject).as_ref());
        (finding.id(), sure)
    }

    #[test]
    fn names_say_where_they_come_from() {
        for (subject, expected, sure) in [
            ("BPF: \t type_id=34 bits_offset=64", "name-invalid", Sure::Certain),
            ("BPF: \t5_block type_id=474 bits_offset=8", "name-invalid", Sure::Certain),
            ("BPF: [34765] TYPEDEF 6_HOST_ENDIAN ", "name-invalid", Sure::Certain),
            ("BPF: [166016] ENUM task_fair ", "name-invalid", Sure::Likely),
            ("BPF: [34763] ENUM (anon) ", "name-invalid", Sure::Likely),
            ("BPF: [5] TYPEDEF (anon) ", "malformed-btf", Sure::Likely),
            ("BPF: [5] PTR x ", "malformed-btf", Sure::Certain),
            ("BPF:[62397] STRUCT closure-0 ", "foreign-name", Sure::Certain),
            ("BPF: [5] STRUCT Option<u8> ", "foreign-name", Sure::Certain),
            ("BPF: [5] FUNC f.isra.0 ", "foreign-name", Sure::Likely),
            ("", "name-invalid", Sure::Likely),
        ] {
            assert_eq!(finding(subject, "BPF: Invalid name"), (expected, sure), "{subject}");
        }
    }

    #[test]
    fn checks_that_no_base_decides_are_the_encoders() {
        for reason in ["BPF: Invalid member bits_offset", "BPF: vlen != 0", "BPF: Invalid offset", "BPF: Invalid magic"]
        {
            assert_eq!(finding("", reason).0, "malformed-btf", "{reason}");
        }
        assert_eq!(finding("", "BPF: Unsupported btf_header").0, "newer-encoder");
        assert_eq!(finding("", "BPF: [129365] Invalid name_offset:2322721").0, "name-beyond-strings");
        assert_eq!(finding("", "BPF: Max chain length or cycle detected").0, "chain-too-long");
        assert_eq!(finding("", "type [3] in distilled based BTF has unexpected kind [2]").0, "relocation-failed");
    }
}
