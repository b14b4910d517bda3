//! Names in C: printable, and in a dump each given once.

use std::collections::HashMap;

use bstr::ByteSlice;

use super::style::CUT;
use crate::{Kind, StrOff, TypeId, View};

/// The longest name that is not cut short, in bytes: no identifier in BTF may be longer (`KSYM_NAME_LEN`, to which
/// `__btf_name_valid` in `kernel/bpf/btf.c` holds them). Any number of types may have one name.
const LONGEST: usize = 512;

/// A name, of which no more is looked at than is printed; `None` if it dangles.
pub(super) fn text_of<'v>(view: View<'v>, name: StrOff) -> Option<&'v [u8]> {
    let rest = view.strings_from(name)?;
    let start = rest.get(..=LONGEST).unwrap_or(rest);
    match start.find_byte(0) {
        Some(end) => start.get(..end),
        None => Some(start).filter(|start| start.len() > LONGEST),
    }
}

/// A name as it is where it can be printed, otherwise escaped.
pub(super) fn printable(name: &[u8]) -> String {
    if let Some((start, 1..)) = name.split_at_checked(LONGEST).map(|(start, rest)| (start, rest.len())) {
        return printable(start) + CUT;
    }
    match core::str::from_utf8(name) {
        Ok(name) if !name.contains(char::is_control) => name.to_owned(),
        _ => name.escape_ascii().to_string(),
    }
}

/// How often each name was given. C has one space of names for tags and one for typedefs and enum values.
#[derive(Debug, Default)]
pub(super) struct Given {
    tags: HashMap<String, Tag>,
    others: HashMap<String, u32>,
    types: HashMap<TypeId, u32>,
}

/// A tag: what it was given to.
#[derive(Debug, Default)]
struct Tag {
    times: u32,
    /// Forward declarations mean the struct or union of their name if there is one of their kind.
    structs: Option<u32>,
    unions: Option<u32>,
}

impl Given {
    /// Gives every type of a view that has a name one that no other has, unless there are types called `x___2` as well as
    /// several called `x`.
    pub(super) fn to_all(view: View<'_>) -> Self {
        let mut given = Self::default();
        let named = || {
            let types = view.types().map(|(id, ty)| (id, ty, text_of(view, ty.name()).unwrap_or_default()));
            types.filter(|(_, _, name)| !name.is_empty()).map(|(id, ty, name)| (id, ty, printable(name)))
        };
        for (id, ty, name) in named() {
            let times = match ty.kind() {
                Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 => given.tag(name, ty.kind()),
                Kind::Typedef => given.other(name),
                _ => continue,
            };
            given.types.insert(id, times);
        }
        for (id, ty, name) in named().filter(|(_, ty, _)| ty.kind() == Kind::Fwd) {
            let kind = if ty.kflag() { Kind::Union } else { Kind::Struct };
            let tag = given.tags.get(&name);
            let known = tag.and_then(|tag| if ty.kflag() { tag.unions } else { tag.structs });
            let times = known.unwrap_or_else(|| given.tag(name, kind));
            given.types.insert(id, times);
        }
        given
    }

    /// How often the name of a type had been given when it was given to this one, from 1 on: see [`numbered`].
    pub(super) fn times(&self, id: TypeId) -> Option<u32> {
        self.types.get(&id).copied()
    }

    /// Gives a name to a typedef or an enum value; how often that was done.
    pub(super) fn other(&mut self, name: String) -> u32 {
        let times = self.others.entry(name).or_default();
        *times = times.saturating_add(1);
        *times
    }

    fn tag(&mut self, name: String, kind: Kind) -> u32 {
        let tag = self.tags.entry(name).or_default();
        tag.times = tag.times.saturating_add(1);
        match kind {
            Kind::Struct => _ = tag.structs.get_or_insert(tag.times),
            Kind::Union => _ = tag.unions.get_or_insert(tag.times),
            _ => {}
        }
        tag.times
    }
}

/// The name that what gets it for this time has instead, so that no two have the same.
pub(super) fn numbered(name: &str, times: u32) -> String {
    match times {
        1 => name.to_owned(),
        times => format!("{name}___{times}"),
    }
}

/// Whether C knows the name of an integer or a floating-point number without a typedef.
pub(super) fn is_builtin(name: &[u8]) -> bool {
    const WORDS: [&str; 13] = [
        "char",
        "short",
        "int",
        "long",
        "signed",
        "unsigned",
        "float",
        "double",
        "_Bool",
        "_Complex",
        "__int128",
        "__float128",
        "_Float128",
    ];
    name.split(|&byte| byte == b' ').all(|word| WORDS.iter().any(|known| known.as_bytes() == word))
}
