//! Which functions are written: those with a symbol, consistent in every CU, with the tags of kfuncs.

pub(crate) mod consistent;
pub(crate) mod kfuncs;
pub(crate) mod select;
