//! Acquires every pinned kernel and prints how long each step takes:
//!
//! ```text
//! cargo run -p kernels --example acquire -- [--offline] [--no-install] [--build] [--engine ENGINE] [--pins FILE]
//! ```

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use container::apt_config::AptSettings;
use container::engine::{self, EngineChoice, RunSpec};
use container::{Context, Programs, Progress, image};
use kernels::archive::{AptArchive, acquire};
use kernels::pins::Pins;
use kernels::{Availability, Error, cache, images};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot get ready: {}", util::error::one_line(&error));
            ExitCode::from(3)
        }
    }
}

fn run() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().collect();
    let given = |option: &str| arguments.iter().any(|argument| argument == option);
    let value = |option: &str| arguments.iter().skip_while(|argument| *argument != option).nth(1);
    let requested = value("--engine").map_or(Ok(EngineChoice::Auto), |name| name.parse())?;
    let pins = value("--pins").map_or_else(Pins::builtin, |path| Pins::load(path.as_ref()))?;
    let programs = Programs::from_env();
    let apt = AptSettings::of_machine(&programs, None, None)?;
    static CANCEL: AtomicBool = AtomicBool::new(false);
    let _ = ctrlc::set_handler(|| CANCEL.store(true, Ordering::Relaxed));
    let context = Context {
        cache: cache::from_env()?,
        apt: &apt,
        programs,
        install: !given("--no-install"),
        offline: given("--offline"),
        cancel: &CANCEL,
        progress: &tell,
    };

    let start = Instant::now();
    let choice = timed("engine", || Ok(engine::prepare(&context, requested)?))?;
    println!("engine: {}", choice.engine);
    for rejected in &choice.rejected {
        println!("  rejected {rejected}");
    }
    let definition = if given("--build") { &images::BUILD } else { &images::BOOT };
    let image = timed("image", || Ok(image::prepare(&context, &choice.engine, definition)?))?;
    println!("image: {} with {}, {} packages", image.name, image.manifest.qemu, image.manifest.packages.len());
    let archive = AptArchive::new(&context, &choice.engine, &image.name);
    for kernel in timed("kernels", || acquire(&context, &archive, &pins.kernels))? {
        match kernel {
            Availability::Available(kernel) => {
                println!("kernel: {} in {}", kernel.pin.release, kernel.directory.display())
            }
            Availability::Unavailable(unavailable) => println!("{unavailable}"),
        }
    }
    let spec = RunSpec { image: image.name, argv: vec!["true".into()], workdir: "/".into(), ..RunSpec::default() };
    timed("start of a container", || {
        let mut invocation = choice.engine.command(&spec)?;
        let status = invocation.command.status();
        let status = status.map_err(|source| container::Error::Start { program: "true".into(), source })?;
        Ok(invocation.guard.ended(status.code())?)
    })?;
    println!("{:>8.3} s  in all", start.elapsed().as_secs_f64());
    Ok(())
}

fn timed<T>(what: &str, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let start = Instant::now();
    let value = work()?;
    seconds(what, start.elapsed());
    Ok(value)
}

fn seconds(what: &str, elapsed: Duration) {
    println!("{:>8.3} s  {what}", elapsed.as_secs_f64());
}

fn tell(progress: Progress) {
    match progress {
        Progress::Started { stage, what } => println!("{}: {what}", stage.name()),
        Progress::Finished { stage, elapsed } => seconds(stage.name(), elapsed),
        Progress::Note { text, .. } => println!("note: {text}"),
        Progress::Waiting { pid, .. } => println!("waiting for another run ({pid:?})"),
        _ => {}
    }
}
