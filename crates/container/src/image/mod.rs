//! The images that programs run in.

mod base;
mod build;
#[cfg(test)]
mod tests;
mod tool;

pub use build::{Image, ImageDefinition, Manifest, find, prepare};
