//! The comparison and its rules, on BTF that is made here.

mod kernels;
mod mutations;
mod reports;
mod rules;
