//! Keeps the functions, variables and tags of a CU until all CUs are merged, when it is decided which are written.

use crate::cu::die::DieOffset;
use crate::cu::graph::{Function, Tagged};
use crate::dedup::declarations::{SavedFunction, SavedTag, SavedTagged, SavedVariable};
use crate::dedup::unit::UnitDedup;
use crate::error::{EncodeError, internal};
use crate::ids::{NameId, id32};

impl UnitDedup<'_, '_> {
    /// Keeps what is decided once all CUs are merged.
    pub(super) fn save(&mut self) -> Result<(), EncodeError> {
        let cu = self.cu;
        let mut places = Vec::new();
        for (index, function) in cu.functions.iter().enumerate() {
            if let Some(place) = self.save_function(function)? {
                places.push((id32(index), place));
            }
        }
        let first_variable = id32(self.types.variables.len());
        for variable in &cu.variables {
            let declared = variable.specification.die().and_then(|die| {
                let place = cu.variables.binary_search_by_key(&die, |declaration| declaration.offset);
                place.ok().and_then(|place| cu.variables.get(place))
            });
            let source = declared.unwrap_or(variable);
            self.types.variables.push(SavedVariable {
                cu: self.cu_number(),
                name: source.name,
                ty: if variable.is_declaration { None } else { self.canonical(source.ty.resolved()) },
                is_external: source.is_external,
                is_top_level: variable.is_top_level,
                is_artificial: variable.is_artificial,
                has_own_name: !variable.name.is_empty(),
                section: variable.section,
                address: variable.address,
            });
        }
        let number = self.cu_number();
        for tag in &cu.tags {
            let on = match tag.on {
                Tagged::Type(local) => self.canonical(local.into()).map(SavedTagged::Type),
                Tagged::Variable(index) => Some(SavedTagged::Variable(first_variable + index)),
                Tagged::Function(index) => {
                    let place = places.binary_search_by_key(&index, |&(index, _)| index).ok();
                    place.and_then(|place| places.get(place)).map(|&(_, place)| SavedTagged::Function(place))
                }
            };
            self.types.tags.extend(on.map(|on| SavedTag {
                cu: number,
                on,
                component: tag.component,
                value: tag.value,
            }));
        }
        Ok(())
    }

    /// Keeps a function that is defined and whose parameters all have names.
    fn save_function(&mut self, function: &Function) -> Result<Option<u32>, EncodeError> {
        let cu = self.cu;
        let of = |offset: DieOffset| {
            let place = cu.functions.binary_search_by_key(&offset, |function| function.offset).ok()?;
            cu.functions.get(place)
        };
        let is_visible = self.types.has_function_symbols || function.is_external;
        if function.is_declaration || !is_visible {
            return Ok(None);
        }
        let origin = function.origin.die().and_then(of);
        let name = match origin {
            _ if !function.name.is_empty() => function.name,
            Some(origin) => origin.name,
            None => return Ok(None),
        };
        let returns = match origin {
            Some(origin) if function.is_instance && function.returns.is_void() => origin.returns,
            _ => function.returns,
        };
        let first_param = self.types.params.len();
        let params = cu.params_of(function).ok_or_else(|| internal("a function has parameters that do not exist"))?;
        for param in params {
            let origin = param.origin.die().filter(|_| param.ty.is_void()).and_then(|die| {
                let place = cu.params.binary_search_by_key(&die, |param| param.offset).ok()?;
                cu.params.get(place)
            });
            let source = origin.unwrap_or(param);
            if source.name.is_empty() {
                self.types.params.truncate(first_param);
                return Ok(None);
            }
            let ty = self.canonical(source.ty.resolved());
            self.types.params.push((source.name, ty));
        }
        if function.is_variadic {
            self.types.params.push((NameId::EMPTY, None));
        }
        let place = id32(self.types.functions.len());
        self.types.functions.push(SavedFunction {
            name,
            cu: self.cu_number(),
            returns: self.canonical(returns.resolved()),
            first_param: id32(first_param),
            param_count: id32(self.types.params.len() - first_param),
            unexpected_reg: function.unexpected_reg,
        });
        Ok(Some(place))
    }
}
