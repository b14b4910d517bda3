//! What a scenario that boots records: the transcript of the guest, the measurements of the host, and the snapshot that the
//! two come to.

mod check;
mod header;
pub mod measured;
pub mod snapshot;
pub mod transcript;
