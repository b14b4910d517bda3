//! What is kept of the functions, variables and tags of every CU until all CUs are merged.

use crate::error::{EncodeError, internal};
use crate::ids::{CanonicalId, CuNumber, NameId};

/// A function that may be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SavedFunction {
    pub(crate) name: NameId,
    pub(crate) cu: CuNumber,
    pub(crate) returns: Option<CanonicalId>,
    pub(crate) first_param: u32,
    pub(crate) param_count: u32,
    /// Whether it takes a parameter elsewhere than in the register that it should be in.
    pub(crate) unexpected_reg: bool,
}

impl SavedFunction {
    /// Its parameters, name and type, of all that there are.
    pub(crate) fn params<'p>(
        &self,
        params: &'p [(NameId, Option<CanonicalId>)],
    ) -> Result<&'p [(NameId, Option<CanonicalId>)], EncodeError> {
        let start = self.first_param as usize;
        let params = params.get(start..start + self.param_count as usize);
        params.ok_or_else(|| internal("a function has parameters that were not kept"))
    }
}

/// A variable that may be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SavedVariable {
    pub(crate) name: NameId,
    pub(crate) cu: CuNumber,
    pub(crate) ty: Option<CanonicalId>,
    pub(crate) is_external: bool,
    pub(crate) is_top_level: bool,
    pub(crate) is_artificial: bool,
    /// Whether its own DIE has a name, not only the declaration that it completes.
    pub(crate) has_own_name: bool,
    pub(crate) section: Option<u32>,
    pub(crate) address: u64,
}

/// A declaration tag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SavedTag {
    pub(crate) cu: CuNumber,
    pub(crate) on: SavedTagged,
    pub(crate) component: i32,
    pub(crate) value: NameId,
}

/// What a tag belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SavedTagged {
    /// A type.
    Type(CanonicalId),
    /// A function, by its place in [`super::canonical::CanonicalTypes::functions`].
    Function(u32),
    /// A variable, by its place in [`super::canonical::CanonicalTypes::variables`].
    Variable(u32),
}
