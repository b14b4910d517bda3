//! Which types of the distilled base a module contains by value.

use crate::relocate::Error;
use crate::{Kind, Type, TypeId, View};

/// What is known of a type of the module.
#[derive(Clone, Copy)]
enum State {
    Unseen,
    /// It is on the way from the member that is being looked at.
    OnTheWay,
    /// What it comes down to.
    Is(TypeId),
}

/// Marks, by id in the distilled base, the structs and unions that a struct or union of the module contains by value:
/// through qualifiers, typedefs and arrays, not through pointers (`btf_mark_embedded_composite_type_ids`). They must
/// not change their size.
///
/// Every type is passed once, however often it is contained.
pub(super) fn find(view: View<'_>) -> Result<Vec<bool>, Error> {
    let mut embedded = vec![false; usize::try_from(view.first_id().0).unwrap_or(0)];
    let mut states = vec![State::Unseen; usize::try_from(view.own().len()).unwrap_or(0)];
    for (id, ty) in view.own_types() {
        for member in ty.members() {
            let end = follow(view, &mut states, id, member.ty)?;
            let composite = view.get(end).is_some_and(|ty| ty.kind().is_composite());
            let place = usize::try_from(end.0).ok().and_then(|place| embedded.get_mut(place));
            if let (true, Some(place)) = (composite, place) {
                *place = true;
            }
        }
    }
    Ok(embedded)
}

/// What a member's type comes down to.
fn follow(view: View<'_>, states: &mut [State], holder: TypeId, member: TypeId) -> Result<TypeId, Error> {
    let mut way = Vec::new();
    let (mut from, mut id) = (holder, member);
    let end = loop {
        let ty = view.get(id).ok_or(Error::NoSuchType { holder: from, id })?;
        let Some(next) = held(&ty) else { break id };
        let Some(state) = place(view, id).and_then(|place| states.get_mut(place)) else { break id };
        match *state {
            State::Unseen => *state = State::OnTheWay,
            State::OnTheWay => return Err(Error::Endless { id }),
            State::Is(end) => break end,
        }
        way.push(id);
        (from, id) = (id, next);
    };
    for id in way {
        if let Some(state) = place(view, id).and_then(|place| states.get_mut(place)) {
            *state = State::Is(end);
        }
    }
    Ok(end)
}

/// The type that one of this kind holds by value under another name or several times.
fn held(ty: &Type<'_>) -> Option<TypeId> {
    match ty.kind() {
        Kind::Const | Kind::Restrict | Kind::Volatile | Kind::Typedef | Kind::TypeTag | Kind::Array => ty.target(),
        _ => None,
    }
}

fn place(view: View<'_>, id: TypeId) -> Option<usize> {
    usize::try_from(id.0.checked_sub(view.first_id().0)?).ok()
}
