//! The record of a boot scenario: the guest's transcript, the host's measurements, and the snapshot rendered from
//! both.

mod check;
mod header;
pub mod measured;
pub mod snapshot;
pub mod transcript;
