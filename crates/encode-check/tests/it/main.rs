//! The comparison and its rules, on BTF and DWARF that is made here.

mod dwarf;
mod kernels;
mod meaning;
mod mutations;
mod repeated;
mod reports;
mod rules;
