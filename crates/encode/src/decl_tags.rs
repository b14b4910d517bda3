//! The declaration tags of what is written.

use btf::Kind;

use crate::dedup::canonical::CanonicalTypes;
use crate::dedup::declarations::SavedTagged;
use crate::dedup::emit_order::{EmitOrder, EmitPhase};
use crate::encoded::head;
use crate::error::EncodeError;
use crate::hash::IdMap;
use crate::ids::CanonicalId;

/// Adds the declaration tags of what is written.
pub(crate) fn tags(
    types: &mut CanonicalTypes<'_>,
    functions: &IdMap<u32, CanonicalId>,
    variables: &IdMap<u32, CanonicalId>,
) -> Result<(), EncodeError> {
    let tags = std::mem::take(&mut types.tags);
    for (place, tag) in tags.iter().enumerate() {
        let on = match tag.on {
            SavedTagged::Type(id) => Some(types.resolved(id)),
            SavedTagged::Function(place) => functions.get(&place).copied(),
            SavedTagged::Variable(place) => variables.get(&place).copied(),
        };
        let Some(on) = on else { continue };
        let [name, info, word] = head(Kind::DeclTag, tag.value, 0, false, on.raw());
        let order = match tag.on {
            SavedTagged::Type(_) => EmitOrder::new(tag.cu, EmitPhase::TypeTags, place),
            SavedTagged::Function(_) => EmitOrder::BEHIND_FUNCTIONS,
            SavedTagged::Variable(_) => EmitOrder::new(tag.cu, EmitPhase::Variables, place),
        };
        types.intern(&[name, info, word, tag.component.cast_unsigned()], order)?;
    }
    Ok(())
}
