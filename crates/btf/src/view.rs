//! BTF together with its base, which resolves ids and string offsets.

use bstr::{BStr, ByteSlice};

use crate::{Btf, StrOff, Type, TypeId};

/// BTF with or without a base.
///
/// The same split BTF can be viewed over several bases, for example its build base and the running one. A view
/// consists of two references: pass it by value.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    own: &'a Btf<'a>,
    base: Option<&'a Btf<'a>>,
}

impl<'a> View<'a> {
    /// A view without a base.
    #[must_use]
    pub const fn alone(own: &'a Btf<'a>) -> Self {
        Self { own, base: None }
    }

    /// A view over a base.
    #[must_use]
    pub const fn over(own: &'a Btf<'a>, base: &'a Btf<'a>) -> Self {
        Self { own, base: Some(base) }
    }

    /// The view's own BTF, without the base.
    #[must_use]
    pub const fn own(&self) -> &'a Btf<'a> {
        self.own
    }

    /// The base.
    #[must_use]
    pub const fn base(&self) -> Option<&'a Btf<'a>> {
        self.base
    }

    /// The base as a separate view.
    #[must_use]
    pub fn base_view(&self) -> Option<View<'a>> {
        self.base.map(View::alone)
    }

    /// The first id of its own types: the number of the base's types, including `void`.
    #[must_use]
    pub fn first_id(&self) -> TypeId {
        TypeId(self.base.map_or(0, Btf::len).saturating_add(1))
    }

    /// The first offset of its own strings: the length of the base's string section in bytes.
    #[must_use]
    pub fn first_string(&self) -> StrOff {
        StrOff(self.base.map_or(0, |base| base.header().strings.length))
    }

    /// The number of all types, including `void` and the base's: one more than the last id.
    #[must_use]
    pub fn type_count(&self) -> u32 {
        self.first_id().0.saturating_add(self.own.len())
    }

    /// The size in bytes of its own BTF and the base together, for limits on work or output.
    pub(crate) const fn byte_len(&self) -> usize {
        let base = match self.base {
            Some(base) => base.bytes().len(),
            None => 0,
        };
        base.saturating_add(self.own.bytes().len())
    }

    /// Whether an id denotes one of its own types, rather than `void` or a type of the base.
    #[must_use]
    pub fn is_own(&self, id: TypeId) -> bool {
        id >= self.first_id() && id.0 < self.type_count()
    }

    /// Whether a string offset lies in its own strings, rather than in the base's.
    #[must_use]
    pub fn is_own_string(&self, offset: StrOff) -> bool {
        offset >= self.first_string()
    }

    /// The type with this id: `void` for 0, a type of the base, or its own. `None` if there is none.
    #[must_use]
    pub fn get(&self, id: TypeId) -> Option<Type<'a>> {
        let TypeId(id) = id;
        match id.checked_sub(self.first_id().0) {
            Some(place) => self.own.nth(place),
            None => match id.checked_sub(1) {
                Some(place) => self.base?.nth(place),
                None => Some(Type::VOID),
            },
        }
    }

    /// The string at this offset, up to its NUL. Offset 0 is the empty string. `None` if the offset lies outside of
    /// the strings, or if the string has no end.
    #[must_use]
    pub fn string(&self, offset: StrOff) -> Option<&'a BStr> {
        let rest = self.strings_from(offset)?;
        let end = rest.find_byte(0)?;
        rest.get(..end).map(BStr::new)
    }

    /// The string at this offset together with the rest of its section. Offset 0 is the empty string.
    pub(crate) fn strings_from(&self, offset: StrOff) -> Option<&'a [u8]> {
        let from = |btf: &Btf<'a>, offset| btf.strings().get(usize::try_from(offset).ok()?..);
        match (offset, offset.0.checked_sub(self.first_string().0)) {
            (StrOff::NONE, _) => Some(&[0]),
            (_, Some(own)) => from(self.own, own),
            (_, None) => from(self.base?, offset.0),
        }
    }

    /// The name of a type: [`View::string`] of [`Type::name`].
    #[must_use]
    pub fn name(&self, ty: &Type<'_>) -> Option<&'a BStr> {
        self.string(ty.name())
    }

    /// Its own types in order, with their ids.
    pub fn own_types(&self) -> impl Iterator<Item = (TypeId, Type<'a>)> + Clone + use<'a> {
        numbered(self.own, self.first_id())
    }

    /// All types in order with their ids: the base's first, without `void`.
    pub fn types(&self) -> impl Iterator<Item = (TypeId, Type<'a>)> + Clone + use<'a> {
        let base = self.base.into_iter().flat_map(|base| numbered(base, TypeId(1)));
        base.chain(self.own_types())
    }
}

impl<'a> Btf<'a> {
    /// A view without a base.
    #[must_use]
    pub const fn alone(&self) -> View<'_> {
        View::alone(self)
    }

    /// A view over a base: ids continue after the base's, string offsets after the base's string section.
    #[must_use]
    pub const fn over<'v>(&'v self, base: &'v Btf<'v>) -> View<'v> {
        View::over(self, base)
    }
}

fn numbered<'a>(btf: &'a Btf<'a>, TypeId(first): TypeId) -> impl Iterator<Item = (TypeId, Type<'a>)> + Clone + use<'a> {
    btf.iter().enumerate().map(move |(place, ty)| {
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        (TypeId(first.saturating_add(place)), ty)
    })
}
