//! The two sides of a comparison, and the base on each.

use crate::{Btf, Type, View};

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// The base of one side.
#[derive(Debug, Clone, Copy)]
pub(super) enum Base<'a> {
    /// A base.
    Of(&'a Btf<'a>),
    /// No base: this BTF has only `void` below it.
    None(&'a Btf<'a>),
}

impl<'a> Base<'a> {
    pub(super) const fn of(view: View<'a>) -> Self {
        match view.base() {
            Some(base) => Self::Of(base),
            None => Self::None(view.own()),
        }
    }

    /// The base's types, `void` first, and the view that resolves them.
    pub(super) fn types(self) -> (View<'a>, impl Iterator<Item = Type<'a>>) {
        let (own, types) = match self {
            Self::Of(base) => (base, Some(base)),
            Self::None(own) => (own, None),
        };
        (View::alone(own), core::iter::once(Type::VOID).chain(types.into_iter().flat_map(Btf::iter)))
    }
}
