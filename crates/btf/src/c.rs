//! Types as C.
//!
//! [`short`] and [`declaration`] write a type in one line, as it stands in a member or a parameter. [`definition`] writes
//! what one type is, with what has no name of its own inside it. [`dump`](fn@dump) writes a header with everything in an order
//! in which it compiles.
//!
//! Names are written as they are as long as they can be printed and escaped otherwise, so the text is always one that a
//! terminal can show; it compiles only if the names are identifiers. Input that is cyclic, very deep or very large where C
//! can be neither is cut short with `…`, and so are names of more than 512 bytes.

mod declare;
mod define;
mod dump;
mod layout;
mod names;
mod order;
mod style;

#[cfg(test)]
mod tests;

use crate::{TypeId, View};

pub use dump::dump;
pub use style::Style;

use declare::Printer;

/// A type in one line: `struct sk_buff *`, `int (*)(void *, int)`, `enum x`, `foo_t`; a function or a variable with its
/// name.
#[must_use]
pub fn short(view: View<'_>, id: TypeId) -> String {
    declaration(view, id, "")
}

/// The declaration of something of this type and name in one line, without a semicolon: `struct sk_buff *skb`.
#[must_use]
pub fn declaration(view: View<'_>, id: TypeId, name: impl AsRef<[u8]>) -> String {
    let mut printer = Printer::short(view);
    let name = names::printable(name.as_ref());
    printer.declare(id, name, 0)
}

/// What a type is, without the types that it names: for a struct, a union or an enum all its members or values, for a
/// typedef what it stands for, for anything else [`short`]. It ends with a semicolon and has no line break at its end.
#[must_use]
pub fn definition(view: View<'_>, id: TypeId, style: Style) -> String {
    Printer::full(view, style).define(id)
}
