//! A header with all types.

use core::fmt::{self, Write};

use super::Style;
use super::declare::{CUT, Printer};
use super::names::{Given, is_builtin};
use crate::{Field, Kind, Role, Type, TypeId, Value, View};

/// How many times longer than the BTF a header may become; one of a kernel is shorter than its BTF.
const MOST: usize = 16;
/// How long a header may become even if the BTF is short, in bytes.
const LEAST: usize = 1 << 20;

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
    let bytes = [Some(view.own()), view.base()].into_iter().flatten().map(|btf| btf.bytes().len()).sum::<usize>();
    printer.allow(bytes.saturating_mul(MOST).saturating_add(LEAST));
    for &id in &order.mentioned {
        let declared = printer.declare(id, String::new(), 0);
        writeln!(to, "{declared};")?;
    }
    for &id in &order.defined {
        if !printer.spend(1) {
            return writeln!(to, "\n/* {CUT} */");
        }
        writeln!(to, "\n{}", printer.define(id))?;
    }
    Ok(())
}

/// What has to be known of a type where it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    /// That it is there: for a pointer, a parameter, a typedef.
    Declared,
    /// How large it is: for a member, an element of an array.
    Complete,
}

/// The order of declarations and definitions.
struct Order<'v> {
    view: View<'v>,
    /// What was asked for already, by id: one bit for each need.
    asked: Vec<u8>,
    mentioned: Vec<TypeId>,
    defined: Vec<TypeId>,
}

/// A type on the way down, with what it needs.
struct Entered {
    id: TypeId,
    needs: Vec<(TypeId, Need)>,
    defines: bool,
}

impl<'v> Order<'v> {
    fn of(view: View<'v>) -> Self {
        let count = usize::try_from(view.type_count()).unwrap_or(0);
        let mut order = Self { view, asked: vec![0; count], mentioned: Vec::new(), defined: Vec::new() };
        let referred = order.referred();
        for (id, ty) in view.own_types() {
            let is_named = view.name(&ty).is_some_and(|name| !name.is_empty());
            let wanted = match ty.kind() {
                Kind::Struct | Kind::Union | Kind::Typedef | Kind::Fwd => is_named,
                Kind::Enum | Kind::Enum64 => is_named || !referred.get(id.0 as usize).is_some_and(|&is| is),
                _ => false,
            };
            if wanted {
                order.ask(id);
            }
            if wanted && !is_named {
                order.defined.push(id);
            }
        }
        order
    }

    /// Whether each type is referred to by one on top.
    fn referred(&self) -> Vec<bool> {
        let mut referred = vec![false; self.asked.len()];
        for field in self.view.own_types().flat_map(|(_, ty)| ty.fields()) {
            if let Value::Type(id) = field.value()
                && let Some(referred) = referred.get_mut(id.0 as usize)
            {
                *referred = true;
            }
        }
        referred
    }

    /// Puts a type after all it needs.
    fn ask(&mut self, id: TypeId) {
        let mut way: Vec<Entered> = self.enter(id, Need::Complete).into_iter().collect();
        while let Some(last) = way.last_mut() {
            if let Some((id, need)) = last.needs.pop() {
                way.extend(self.enter(id, need));
            } else {
                let Entered { id, defines, .. } = *last;
                if defines {
                    self.defined.push(id);
                }
                way.pop();
            }
        }
    }

    /// Begins with a type unless that was done before.
    fn enter(&mut self, id: TypeId, need: Need) -> Option<Entered> {
        let ty = self.view.get(id)?;
        let bit = if need == Need::Complete { 2 } else { 1 };
        let asked = self.asked.get_mut(id.0 as usize)?;
        let before = core::mem::replace(asked, *asked | bit);
        if before & bit != 0 {
            return None;
        }
        let name = self.view.name(&ty).filter(|name| !name.is_empty());
        let kind = ty.kind();
        if before == 0 && (kind.is_composite() || kind == Kind::Fwd) && name.is_some() {
            self.mentioned.push(id);
        }
        let (needs, defines) = match (kind, need) {
            (Kind::Struct | Kind::Union, Need::Declared) if name.is_some() => (Vec::new(), false),
            (Kind::Struct | Kind::Union, _) => (references(&ty, Need::Complete), name.is_some()),
            (Kind::Typedef, Need::Complete) => {
                // Declaring it comes first, so it goes last onto the pile.
                let mut needs = references(&ty, Need::Complete);
                needs.push((id, Need::Declared));
                (needs, false)
            }
            // The compiler has this one already.
            (Kind::Typedef, _) if name.is_some_and(|name| name == "__builtin_va_list") => (Vec::new(), false),
            (Kind::Typedef, _) => (references(&ty, Need::Declared), true),
            (Kind::Array, _) => (references(&ty, Need::Complete), false),
            (Kind::Enum | Kind::Enum64, _) => (Vec::new(), before == 0 && name.is_some()),
            (Kind::Int | Kind::Float, _) => {
                let is_builtin = name.is_none_or(|name| is_builtin(&name.to_string()));
                (Vec::new(), before == 0 && !is_builtin)
            }
            (Kind::Const | Kind::Volatile | Kind::Restrict | Kind::TypeTag, need) => (references(&ty, need), false),
            (Kind::Ptr | Kind::FuncProto, _) => (references(&ty, Need::Declared), false),
            _ => (Vec::new(), false),
        };
        Some(Entered { id, needs, defines })
    }
}

/// What a type refers to, the last first. What an array is indexed by is not written.
fn references(ty: &Type<'_>, need: Need) -> Vec<(TypeId, Need)> {
    let reference = |field: Field| match field.value() {
        Value::Type(id) if field.role != Role::IndexType => Some((id, need)),
        _ => None,
    };
    let mut references: Vec<_> = ty.fields().filter_map(reference).collect();
    references.reverse();
    references
}
