//! The container engine: selecting one that works, and running programs in it.

mod choice;
mod client;
mod leftover;
mod owner;
mod probe;
mod run;
mod select;
#[cfg(test)]
mod tests;
mod verdict;

pub use choice::EngineChoice;
pub use client::{Engine, SelectedEngine};
pub use run::{Guard, Invocation, Mount, RunSpec};
pub use select::{choose, forget, prepare};
