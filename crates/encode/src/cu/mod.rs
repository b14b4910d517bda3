//! One compilation unit (CU): its types as a graph, its functions, variables and tags.

pub(crate) mod die;
pub(crate) mod graph;
pub(crate) mod lookup;
pub(crate) mod reference;
pub(crate) mod signature;
pub(crate) mod unexpected_reg;
