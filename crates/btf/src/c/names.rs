//! Names in C: printable, and in a dump each given once.

use std::collections::HashMap;

use crate::{Kind, TypeId, View};

/// A name as it is where it can be printed, otherwise escaped.
pub(super) fn printable(name: &[u8]) -> String {
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
    types: HashMap<TypeId, String>,
}

/// A tag: what it was given to.
#[derive(Debug, Default)]
struct Tag {
    times: u32,
    /// Forward declarations mean the struct or union of their name if there is one of their kind.
    structs: Option<String>,
    unions: Option<String>,
}

impl Given {
    /// Gives every type of a view that has a name one that no other has.
    pub(super) fn to_all(view: View<'_>) -> Self {
        let mut given = Self::default();
        let named = || {
            let types =
                view.types().map(move |(id, ty)| (id, ty, view.name(&ty).map_or(String::new(), |n| printable(n))));
            types.filter(|(_, _, name)| !name.is_empty())
        };
        for (id, ty, name) in named() {
            let unique = match ty.kind() {
                Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 => given.tag(&name, ty.kind()),
                Kind::Typedef => given.other(&name),
                _ => continue,
            };
            given.types.insert(id, unique);
        }
        for (id, ty, name) in named().filter(|(_, ty, _)| ty.kind() == Kind::Fwd) {
            let kind = if ty.kflag() { Kind::Union } else { Kind::Struct };
            let tag = given.tags.get(&name);
            let known = tag.and_then(|tag| if ty.kflag() { tag.unions.clone() } else { tag.structs.clone() });
            let unique = known.unwrap_or_else(|| given.tag(&name, kind));
            given.types.insert(id, unique);
        }
        given
    }

    /// The name that was given to a type.
    pub(super) fn of(&self, id: TypeId) -> Option<&str> {
        self.types.get(&id).map(String::as_str)
    }

    /// A name for a typedef or an enum value that was given to none before.
    pub(super) fn other(&mut self, name: &str) -> String {
        let times = self.others.entry(name.to_owned()).or_default();
        *times = times.saturating_add(1);
        numbered(name, *times)
    }

    fn tag(&mut self, name: &str, kind: Kind) -> String {
        let tag = self.tags.entry(name.to_owned()).or_default();
        tag.times = tag.times.saturating_add(1);
        let unique = numbered(name, tag.times);
        match kind {
            Kind::Struct => _ = tag.structs.get_or_insert_with(|| unique.clone()),
            Kind::Union => _ = tag.unions.get_or_insert_with(|| unique.clone()),
            _ => {}
        }
        unique
    }
}

fn numbered(name: &str, times: u32) -> String {
    match times {
        1 => name.to_owned(),
        times => format!("{name}___{times}"),
    }
}

/// Whether C knows the name of an integer or a floating-point number without a typedef.
pub(super) fn is_builtin(name: &str) -> bool {
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
    name.split(' ').all(|word| WORDS.contains(&word))
}
