//! What the kernel accepts as a name.

use btf::BStr;

use crate::rules::Rules;

/// `isalpha` of the kernel, whose table (`lib/ctype.c`) covers Latin-1.
const fn is_alpha(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, 192..=214 | 216..=246 | 248..=255)
}

/// `isprint` of the kernel.
const fn is_print(byte: u8) -> bool {
    matches!(byte, 32..=126 | 160..=255)
}

/// What a name is the name of: the rules for dots and other characters differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameOf {
    /// A type, a member, an enumerator, a function.
    Identifier,
    /// A variable.
    Variable,
    /// A section with variables.
    Section,
}

/// `btf_name_valid_identifier`, `btf_name_valid_section` and, up to 6.11, `__btf_name_valid`.
pub(crate) fn is_valid(name: &BStr, of: NameOf, rules: &Rules) -> bool {
    if name.len() > rules.longest_name() {
        return false;
    }
    if of == NameOf::Section && rules.printable_sections() {
        return !name.is_empty() && name.iter().copied().all(is_print);
    }
    let dots = of != NameOf::Identifier || rules.dots_in_names();
    let first = |byte: u8| is_alpha(byte) || byte == b'_' || (dots && byte == b'.');
    match name.split_first() {
        Some((&head, rest)) => first(head) && rest.iter().all(|&byte| first(byte) || byte.is_ascii_digit()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid(version: &str, name: &[u8], of: NameOf) -> bool {
        is_valid(BStr::new(name), of, &Rules::new(version.parse().unwrap(), false))
    }

    #[test]
    fn an_identifier_starts_with_no_digit() {
        for (name, expected) in
            [("a1", true), ("_", true), (".L", true), ("1a", false), ("", false), ("a b", false), ("a-b", false)]
        {
            assert_eq!(valid("6.1.192", name.as_bytes(), NameOf::Identifier), expected, "{name}");
        }
    }

    #[test]
    fn letters_of_latin_1_are_letters() {
        assert!(valid("7.2", b"\xc4\xe4", NameOf::Identifier));
        assert!(!valid("7.2", b"\xd7", NameOf::Identifier) && !valid("7.2", b"a\xf7", NameOf::Identifier));
    }

    #[test]
    fn dots_are_for_newer_kernels_and_variables() {
        assert!(!valid("6.1.35", b"a.b", NameOf::Identifier) && valid("6.1.36", b"a.b", NameOf::Identifier));
        assert!(valid("5.11", b"a.b", NameOf::Variable) && valid("5.11", b".data", NameOf::Section));
    }

    #[test]
    fn a_section_may_have_any_printable_name_since_6_12() {
        assert!(!valid("6.1", b"? x", NameOf::Section) && valid("6.12", b"? x", NameOf::Section));
        assert!(valid("6.12", b"\xa0", NameOf::Section) && !valid("6.12", b"a\n", NameOf::Section));
        assert!(!valid("6.12", b"", NameOf::Section));
    }

    #[test]
    fn a_name_has_up_to_512_bytes() {
        assert!(valid("6.1", &[b'a'; 512], NameOf::Identifier) && !valid("6.1", &[b'a'; 513], NameOf::Identifier));
        assert!(valid("5.15", &[b'a'; 128], NameOf::Identifier) && !valid("5.15", &[b'a'; 129], NameOf::Section));
    }
}
