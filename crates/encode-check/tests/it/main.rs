//! The comparison and its rules, on BTF and DWARF that is made here.

mod dwarf;
mod kernels;
mod mutations;
mod reports;
mod rules;
