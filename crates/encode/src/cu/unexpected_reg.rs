//! Functions that take a parameter elsewhere than the processor's calling convention says, as optimised ones may.
//!
//! As pahole has it (`ftype__recode_dwarf_types` and `cu__resolve_func_ret_types_optimized` in `dwarf_loader.c`): what an
//! instance shows holds of the function that it is an instance of as well; and where a parameter is a struct, nothing can be
//! said, since it may take any number of registers.

use btf::Kind;

use crate::record;
use crate::unit::{Function, LOCAL, Param, Unit};

/// How many typedefs and qualifiers are followed.
const MAX_DEPTH: u32 = 100;

/// Tells of parameters what is known of their instances; before references are resolved.
pub(crate) fn share(unit: &mut Unit) {
    for place in 0..unit.params.len() {
        let Some(&Param { origin, ty: 0, is_elsewhere: true, .. }) = unit.params.get(place) else { continue };
        if let Some(origin) = find(&unit.params, origin).and_then(|origin| unit.params.get_mut(origin)) {
            origin.is_elsewhere = true;
        }
    }
}

fn find(params: &[Param], offset: u32) -> Option<usize> {
    params.binary_search_by_key(&offset, |param| param.offset).ok()
}

/// Marks the functions; after references were resolved.
pub(crate) fn mark(unit: &mut Unit) {
    for index in 0..unit.functions.len() {
        let Some(function) = unit.functions.get(index) else { continue };
        let params = params_of(unit, function);
        let is_irregular =
            params.iter().any(|param| param.is_elsewhere) && !params.iter().any(|param| takes_struct(unit, param));
        if let Some(function) = unit.functions.get_mut(index) {
            function.is_irregular = is_irregular;
        }
    }
}

fn params_of<'u>(unit: &'u Unit, function: &Function) -> &'u [Param] {
    let start = function.first_param as usize;
    unit.params.get(start..start.saturating_add(function.param_count as usize)).unwrap_or_default()
}

fn takes_struct(unit: &Unit, param: &Param) -> bool {
    let origin = if param.ty == 0 { find(&unit.params, param.origin) } else { None };
    let mut id = origin.and_then(|origin| unit.params.get(origin)).unwrap_or(param).ty;
    for _ in 0..MAX_DEPTH {
        let words = unit.get(id & !LOCAL);
        if id == 0 {
            return false;
        }
        match record::kind(words) {
            Kind::Struct => return true,
            Kind::Fwd => return record::info(words) >> 31 == 0,
            Kind::Const | Kind::Typedef => id = record::word(words),
            _ => return false,
        }
    }
    false
}
