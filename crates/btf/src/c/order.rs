//! The order in which types have to stand in a header so that it compiles.

use super::names::{is_builtin, text_of};
use crate::{Field, Kind, Role, Type, TypeId, Value, View};

/// What has to be known of a type where it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    /// That it is there: for a pointer, a parameter, a typedef.
    Declared,
    /// How large it is: for a member, an element of an array.
    Complete,
}

/// The order of declarations and definitions.
pub(super) struct Order<'v> {
    view: View<'v>,
    /// What was asked for already, by id: one bit for each need.
    asked: Vec<u8>,
    /// The structs and unions to be declared.
    pub(super) mentioned: Vec<TypeId>,
    /// The types to be defined, each after what has to be complete for it.
    pub(super) defined: Vec<TypeId>,
}

/// A type on the way down, with what it needs.
struct Entered {
    id: TypeId,
    needs: Vec<(TypeId, Need)>,
    defines: bool,
}

impl<'v> Order<'v> {
    pub(super) fn of(view: View<'v>) -> Self {
        let count = usize::try_from(view.type_count()).unwrap_or(0);
        let mut order = Self { view, asked: vec![0; count], mentioned: Vec::new(), defined: Vec::new() };
        let referred = order.referred();
        for (id, ty) in view.own_types() {
            let is_named = text_of(view, ty.name()).is_some_and(|name| !name.is_empty());
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
        let name = text_of(self.view, ty.name()).filter(|name| !name.is_empty());
        let kind = ty.kind();
        if before == 0 && (kind.is_composite() || kind == Kind::Fwd) && name.is_some() {
            self.mentioned.push(id);
        }
        let (needs, defines) = needs(id, &ty, name, need, before == 0);
        Some(Entered { id, needs, defines })
    }
}

/// What has to come before a type that is needed, and whether it is then to be defined. `first` if it was not needed before.
fn needs(id: TypeId, ty: &Type<'_>, name: Option<&[u8]>, need: Need, first: bool) -> (Vec<(TypeId, Need)>, bool) {
    match (ty.kind(), need) {
        (Kind::Struct | Kind::Union, Need::Declared) if name.is_some() => (Vec::new(), false),
        (Kind::Struct | Kind::Union, _) => (references(ty, Need::Complete), name.is_some()),
        (Kind::Typedef, Need::Complete) => {
            // Declaring it comes first, so it goes last onto the pile.
            let mut needs = references(ty, Need::Complete);
            needs.push((id, Need::Declared));
            (needs, false)
        }
        // The compiler has this one already.
        (Kind::Typedef, _) if name == Some(b"__builtin_va_list") => (Vec::new(), false),
        (Kind::Typedef, _) => (references(ty, Need::Declared), true),
        (Kind::Array, _) => (references(ty, Need::Complete), false),
        (Kind::Enum | Kind::Enum64, _) => (Vec::new(), first && name.is_some()),
        (Kind::Int | Kind::Float, _) => (Vec::new(), first && !name.is_none_or(is_builtin)),
        (Kind::Const | Kind::Volatile | Kind::Restrict | Kind::TypeTag, need) => (references(ty, need), false),
        (Kind::Ptr | Kind::FuncProto, _) => (references(ty, Need::Declared), false),
        _ => (Vec::new(), false),
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
