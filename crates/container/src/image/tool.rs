//! Running a tool and reporting its lines as progress.

use crate::context::Context;
use crate::error::Error;
use crate::process::{self, Watch};
use crate::progress::{Progress, Stage};

/// Runs a tool and reports its lines as progress.
pub(super) fn run_stage(
    context: &Context<'_>,
    stage: Stage,
    command: std::process::Command,
    doing: String,
) -> Result<(), Error> {
    process::run(
        command,
        Watch {
            doing,
            cancel: context.cancel,
            on_line: &mut |_, text| (context.progress)(Progress::Line { stage, text: text.to_owned() }),
            on_tick: &mut |_| true,
            grace: process::GRACE,
        },
    )
}
