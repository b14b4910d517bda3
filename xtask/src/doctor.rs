//! Later.

use anyhow::Result;
use scenario::exit::Exit;

/// Later.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

pub fn run(_: &Arguments) -> Result<Exit> {
    Ok(Exit::Recorded)
}
