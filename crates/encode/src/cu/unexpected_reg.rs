//! Functions with a parameter in another register than the calling convention demands, as optimised functions may have.
//!
//! The rules are pahole's (`ftype__recode_dwarf_types` and `cu__resolve_func_ret_types_optimized` in `dwarf_loader.c`): an instance
//! of a function with such a parameter marks the function itself. A function with a struct as a parameter is never marked, since a
//! struct may take any number of registers.

use btf::Kind;

use crate::cu::die::DieReference;
use crate::cu::graph::{Cu, Function, Param};
use crate::cu::reference::Reference;
use crate::encoded;

/// How many typedefs and qualifiers are followed.
const MAX_DEPTH: u32 = 100;

/// Marks parameters whose instances are in an unexpected register; before references are resolved.
pub(crate) fn share(cu: &mut Cu) {
    for place in 0..cu.params.len() {
        let Some(&Param { origin, ty, unexpected_reg: true, .. }) = cu.params.get(place) else { continue };
        let origin = find(&cu.params, origin).filter(|_| ty.is_void());
        if let Some(origin) = origin.and_then(|origin| cu.params.get_mut(origin)) {
            origin.unexpected_reg = true;
        }
    }
}

fn find(params: &[Param], origin: DieReference) -> Option<usize> {
    params.binary_search_by_key(&origin.die()?, |param| param.offset).ok()
}

/// Marks the functions; after references were resolved.
pub(crate) fn mark(cu: &mut Cu) {
    for index in 0..cu.functions.len() {
        let Some(function) = cu.functions.get(index) else { continue };
        let params = params_of(cu, function);
        let unexpected_reg =
            params.iter().any(|param| param.unexpected_reg) && !params.iter().any(|param| takes_struct(cu, param));
        if let Some(function) = cu.functions.get_mut(index) {
            function.unexpected_reg = unexpected_reg;
        }
    }
}

fn params_of<'u>(cu: &'u Cu, function: &Function) -> &'u [Param] {
    cu.params_of(function).unwrap_or(&[])
}

fn takes_struct(cu: &Cu, param: &Param) -> bool {
    let origin = if param.ty.is_void() { find(&cu.params, param.origin) } else { None };
    let mut reference = origin.and_then(|origin| cu.params.get(origin)).unwrap_or(param).ty.resolved();
    for _ in 0..MAX_DEPTH {
        let Some(local) = reference.local() else { return false };
        let words = cu.get(local);
        match encoded::kind(words) {
            Kind::Struct => return true,
            Kind::Fwd => return encoded::info(words) >> 31 == 0,
            Kind::Const | Kind::Typedef => reference = Reference::from_word(encoded::word(words)),
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cu::die::DieOffset;

    #[test]
    fn mark_takes_a_parameter_without_a_type_for_no_struct() {
        let param = Param { offset: DieOffset::from_raw(2), unexpected_reg: true, ..Param::default() };
        let function = Function { offset: DieOffset::from_raw(1), param_count: 1, ..Function::default() };
        let mut cu = Cu::default();
        cu.functions.push(function);
        cu.params.push(param);
        mark(&mut cu);
        assert!(cu.functions[0].unexpected_reg);
        assert!(cu.breach.check().is_ok(), "there are no types at all, and none is looked for");
    }
}
