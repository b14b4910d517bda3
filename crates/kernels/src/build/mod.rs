//! Building kernels and their upgrades from source.

mod config;

pub use config::{Lost, Symbols};
