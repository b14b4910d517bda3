//! `cargo xtask doctor`: prints what was found, chosen and rejected, and why. It changes nothing.

use std::fs::OpenOptions;
use std::path::Path;

use anyhow::Result;
use cli::Exit;
use cli::terminal::columns;
use container::engine::{self, SelectedEngine};
use container::image;
use container::{Class, Context, host};
use kernels::archive::cached;
use kernels::images;
use scenario::run::known_kvm;
use util::error::one_line;
use vm::KvmHost;
use xshell::{Shell, cmd};

use crate::environment::Environment;
use cli::terminal::beside;

/// Print what was found, chosen and rejected, and why. Installs and fetches nothing.
///
/// Exit codes: 0 everything exists or can be made; 3 the user must do something.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    environment: Environment,
}

/// Checks everything that a run needs.
///
/// # Errors
///
/// The cache cannot be created.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let cancel = cli::interrupt::watch()?;
    let apt = arguments.environment.apt()?;
    let context = arguments.environment.context(&apt, cancel, &|_| {})?;
    let mut missing = false;

    row("cache", &context.cache.root().display().to_string());
    for (what, mirror) in [("archive", apt.archive()), ("security", apt.security())] {
        match mirror {
            // The mirror's address is private to this machine, so it is not printed.
            Ok(_) => row(what, "a mirror is known"),
            Err(error) => {
                missing = true;
                row(what, &one_line(&error));
            }
        }
    }
    match engine::choose(&context, arguments.environment.engine) {
        Ok(choice) => accelerator(&context, chosen(&context, &choice).as_deref())?,
        Err(error) => {
            missing |= error.class() != Class::Environment || !can_install(&context, arguments);
            row("engine", &one_line(&error));
        }
    }
    let pins = arguments.environment.pins()?;
    for pin in &pins.kernels {
        let state = if cached(&context, pin).is_some() { "in the cache" } else { "to be fetched" };
        row("kernel", &format!("{} {}: {state}", pin.release, pin.version));
    }
    let sh = Shell::new()?;
    let cargo = crate::workspace::cargo();
    match cmd!(sh, "{cargo} nextest --version").quiet().ignore_stderr().read() {
        Ok(version) => row("nextest", version.lines().next().unwrap_or_default()),
        Err(_) => row("nextest", "missing: cargo xtask test installs it"),
    }
    Ok(if missing { Exit::Environment } else { Exit::Success })
}

fn row(what: &str, text: &str) {
    cli::terminal::print_line(&beside(&format!("{what:12}"), text, columns()));
}

/// Shows the engine and its images. Returns the version line of QEMU in the boot image.
fn chosen(context: &Context<'_>, SelectedEngine { engine, rejected }: &SelectedEngine) -> Option<String> {
    let mut qemu = None;
    row("engine", &engine.to_string());
    for rejected in rejected {
        row("", &format!("rejected {rejected}"));
    }
    for kind in [&images::BOOT, &images::BUILD] {
        let state = match image::find(context, engine, kind) {
            Ok(Some(image)) => {
                let version = &image.manifest.qemu;
                let state = format!("{}, {version}", image.name);
                qemu.get_or_insert(version.clone());
                state
            }
            Ok(None) => format!("the {} image is to be made", kind.name),
            Err(error) => one_line(&error),
        };
        row("image", &state);
    }
    qemu
}

/// Whether a run would install what an engine lacks.
fn can_install(context: &Context<'_>, arguments: &Arguments) -> bool {
    match host::need_for_engine(&context.programs, arguments.environment.engine) {
        Some(need) => {
            let command = format!("apt-get install {}", need.packages.join(" "));
            let by_us = context.install && !context.offline && host::is_root();
            row("", if by_us { "a run would install it:" } else { "to install it:" });
            row("", &command);
            by_us
        }
        None => false,
    }
}

fn accelerator(context: &Context<'_>, qemu: Option<&str>) -> Result<()> {
    row("accelerator", "scenarios: TCG with an instruction-counting clock, always");
    let device = Path::new("/dev/kvm");
    let state = match OpenOptions::new().read(true).write(true).open(device) {
        Err(error) => format!("TCG, since {} cannot be opened: {error}", device.display()),
        Ok(_) => match known_kvm(context, &KvmHost::this(qemu.unwrap_or_default())?) {
            None => "KVM will be tried: its device opens, which proves nothing".into(),
            Some(verdict) => match verdict.dead {
                Some(why) => format!("TCG, since {}", why.lines().next().unwrap_or_default()),
                None => "KVM, which has booted a kernel here".into(),
            },
        },
    };
    row("", &format!("--pair: {state}"));
    Ok(())
}
