//! A header with all types.

use core::fmt::{self, Write};

use super::declare::Printer;
use super::names::Given;
use super::order::Order;
use super::style::{CUT, Style};
use crate::View;

/// Writes a C header with the types of a view: those on top, and those of the base that they need.
///
/// Structs and unions are declared first, then everything is defined after what it contains. Of types with one name the
/// second and further ones are called `name___2` and so on. Gaps that the compiler would not leave are filled with bit-fields
/// without a name, and what is laid out more tightly than its members ask for is packed, so that sizes and offsets
/// are those that the types say, on little-endian machines that follow the System V ABI. Functions, variables and
/// tags are left out. Types nobody refers to and that have no name are left out as well, but for enums, whose values have.
///
/// # Errors
/// Those of `to`. Input that would become absurdly long is cut short, which is no error.
pub fn dump(view: View<'_>, to: &mut dyn Write) -> fmt::Result {
    let order = Order::of(view);
    let mut printer = Printer::full(view, Style::default());
    printer.given = Some(Given::to_all(view));
    let mut write = |printer: &mut Printer<'_>, text: String| match printer.spend(text.len()) {
        true => writeln!(to, "{text}").map(|()| true),
        false => writeln!(to, "/* {CUT} */").map(|()| false),
    };
    for &id in &order.mentioned {
        let declared = printer.declare(id, String::new(), 0);
        if !write(&mut printer, declared + ";")? {
            return Ok(());
        }
    }
    for &id in &order.defined {
        let defined = printer.define(id);
        if !write(&mut printer, format!("\n{defined}"))? {
            return Ok(());
        }
    }
    Ok(())
}
