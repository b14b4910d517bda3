//! Reading DWARF: units, abbreviations made into shapes, and the walk that collects what BTF can say.

mod collect;
mod file;
mod form;
mod locations;
mod reader;
mod relocations;
mod shape;
mod strings;

pub(crate) use collect::{Collector, NameSet, SKELETON, Sources, Wanted};
pub(crate) use file::{DwarfFile, UnitHead};
pub use form::Malformed;
pub(crate) use locations::parameter_registers;
