//! The base image: Debian trixie, pulled by its short name, or made with mmdebstrap if no registry answers.

use std::cell::Cell;
use std::process::{Command, Stdio};
use std::time::Duration;

use util::Sha256;
use util::error::one_line;

use super::tool::run_stage;
use crate::context::Context;
use crate::engine::Engine;
use crate::error::Error;
use crate::host;
use crate::lock::Lock;
use crate::process::{self, Watch, disk_full_in};
use crate::progress::{Progress, Stage};

/// The engine's configuration resolves this short name.
const PULLED: &str = "debian:trixie-slim";

const SUITE: &str = "trixie";

/// mmdebstrap's options for making the base. Like the pulled one it has no documentation.
const OPTIONS: [&str; 5] = [
    "--variant=apt",
    "--components=main",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
];

/// The time limit for a registry's first answer.
const ANSWER: Duration = Duration::from_secs(20);

/// The time limit for a pull after the registry has answered.
const PULL: Duration = Duration::from_secs(600);

/// Everything that decides the content of the base.
pub(super) fn recipe() -> String {
    format!("{PULLED} or {SUITE} {}", OPTIONS.join(" "))
}

fn name() -> String {
    format!("localhost/modbtf-base:{}", Sha256::of(recipe().as_bytes()).short(12))
}

/// The name of a base that the engine has. A pulled base gets the same name as a base made here.
pub(super) fn prepare(context: &Context<'_>, engine: &Engine, lock: &Lock) -> Result<String, Error> {
    let name = name();
    if engine.has_image(context, &name)? {
        return Ok(name);
    }
    // The pulled base has no certificates, so it cannot use a mirror by https.
    let pullable = !context.apt.needs_certificates();
    if !pullable || (!engine.has_image(context, PULLED)? && !pulled(context, engine)?) {
        if let Some(need) = host::need_for_base(&context.programs) {
            host::install(context, &need)?;
        }
        context.stage(Stage::BASE, format!("making a Debian {SUITE} base with mmdebstrap"), || {
            make(context, engine, &name, lock)
        })?;
        return Ok(name);
    }
    engine.ask(context, "name the base image", &["tag", PULLED, &name])?;
    Ok(name)
}

/// Pulls the base. Returns false, with a note, if that is not possible.
fn pulled(context: &Context<'_>, engine: &Engine) -> Result<bool, Error> {
    let result = context.stage(Stage::BASE, format!("pulling {PULLED}"), || match pull(context, engine) {
        Err(error @ (Error::Cancelled { .. } | Error::DiskFull { .. })) => Err(error),
        other => Ok(other),
    })?;
    if let Err(error) = &result {
        let why = last_reason(error);
        context.note(Stage::BASE, format!("no registry gave {PULLED} ({why}); making the base from the Debian mirror"));
    }
    Ok(result.is_ok())
}

fn last_reason(error: &Error) -> String {
    match error {
        Error::Failed { output, .. } => {
            let last = output.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            last.rsplit_once(": ").map_or(last, |(_, reason)| reason).chars().take(120).collect()
        }
        other => one_line(other),
    }
}

fn pull(context: &Context<'_>, engine: &Engine) -> Result<(), Error> {
    let Some(mut command) = engine.client() else { return Ok(()) };
    command.args(["pull", PULLED]);
    let limit = Cell::new(ANSWER);
    let result = process::run(
        command,
        Watch {
            doing: format!("pull {PULLED}"),
            cancel: context.cancel,
            on_line: &mut |_, text| {
                if ["Copying", "Pulling", "Getting"].iter().any(|sign| text.contains(sign)) {
                    limit.set(PULL);
                }
                (context.progress)(Progress::Line { stage: Stage::BASE, text: text.to_owned() });
            },
            on_tick: &mut |elapsed| elapsed < limit.get(),
            grace: process::GRACE,
        },
    );
    result.map_err(|error| disk_full_in(error, "pull an image into", context.cache.root()))
}

fn make(context: &Context<'_>, engine: &Engine, name: &str, lock: &Lock) -> Result<(), Error> {
    let mirror = context.apt.archive()?;
    let program = context
        .programs
        .find("mmdebstrap")
        .ok_or_else(|| Error::Start { program: "mmdebstrap".into(), source: std::io::ErrorKind::NotFound.into() })?;
    let directory = context.cache.temporary(lock)?;
    let archive = directory.path().join("base.tar");
    let mut command = Command::new(program);
    command.args(OPTIONS).envs(context.apt.proxies()).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    command.args(context.apt.configuration().iter().map(|line| format!("--aptopt={}", line.trim_end_matches(';'))));
    if context.apt.needs_certificates() {
        command.arg("--include=ca-certificates");
    }
    command.args(["--quiet", SUITE]).arg(&archive).arg(mirror);
    run_stage(context, Stage::BASE, command, "make a base image with mmdebstrap".into())
        .map_err(|error| disk_full_in(error, "make a base image in", context.cache.root()))?;

    let Some(mut command) = engine.client() else { return Ok(()) };
    command.arg("import").arg(&archive).arg(name);
    run_stage(context, Stage::BASE, command, format!("import the base image {name}"))
        .map_err(|error| disk_full_in(error, "import an image, beside", context.cache.root()))
}
