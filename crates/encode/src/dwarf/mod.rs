//! Reads DWARF: CUs, abbreviations made into plans, and the walk that collects what BTF can say.

pub(crate) mod abbrev;
pub(crate) mod file;
pub(crate) mod form;
mod location_window;
pub(crate) mod locations;
pub(crate) mod reader;
mod relocations;
pub(crate) mod request;
pub(crate) mod visit;
