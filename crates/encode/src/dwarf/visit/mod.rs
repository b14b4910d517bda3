//! The walk over the DIEs of a CU, which makes its types, functions, variables and tags.

mod attr_values;
pub(crate) mod collector;
mod declarations;
mod pass;
mod registers;
mod types;
mod values;
mod visitor;
mod walk;
