//! Probing engines: each must run a program in a container, with the limits that are used later.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use util::Sha256;
use util::error::one_line;

use super::choice::EngineChoice;
use super::client::{ANSWER, Engine, SelectedEngine};
use super::run::RunSpec;
use crate::context::Context;
use crate::error::{Error, Rejected};
use crate::process;

/// The probe image contains only this program, so probing downloads nothing.
const PROBE_PROGRAM: &str = "/true";

/// The probe image's name in podman and docker.
const PROBE_IMAGE: &str = "localhost/modbtf-probe";

/// The runtimes for podman, in the order in which they are tried.
const RUNTIMES: [&str; 2] = ["crun", "runc"];

/// Tries one engine. Returns it, or adds a reason to the list.
type Step = fn(&Context<'_>, &mut Vec<Rejected>) -> Result<Option<Engine>, Error>;

pub(super) fn ladder(context: &Context<'_>, choice: EngineChoice) -> Result<SelectedEngine, Error> {
    let mut rejected = Vec::new();
    let steps: &[Step] = match choice {
        EngineChoice::Auto => &[podman, docker],
        EngineChoice::Podman => &[podman],
        EngineChoice::Docker => &[docker],
        EngineChoice::Host => &[host],
    };
    for step in steps {
        if let Some(engine) = step(context, &mut rejected)? {
            return Ok(SelectedEngine { engine, rejected });
        }
    }
    Err(Error::NoEngine { rejected, remedy: remedy(choice).to_owned() })
}

const fn remedy(choice: EngineChoice) -> &'static str {
    match choice {
        EngineChoice::Auto => {
            "install podman and runc, or start docker's daemon, or accept the host's own QEMU with --engine host"
        }
        EngineChoice::Podman => "install podman and runc",
        EngineChoice::Docker => "start docker's daemon, or use --engine podman",
        EngineChoice::Host => "install qemu-system-x86",
    }
}

fn reject(rejected: &mut Vec<Rejected>, what: &str, why: &str) {
    rejected.push(Rejected { what: what.to_owned(), why: why.to_owned() });
}

fn podman(context: &Context<'_>, rejected: &mut Vec<Rejected>) -> Result<Option<Engine>, Error> {
    let Some(program) = context.programs.find("podman") else {
        reject(rejected, "podman", "not installed");
        return Ok(None);
    };
    for runtime in RUNTIMES {
        let what = format!("podman with {runtime}");
        if context.programs.find(runtime).is_none() {
            reject(rejected, &what, &format!("{runtime} is not installed"));
            continue;
        }
        let engine = Engine::Podman {
            version: version(context, &program)?,
            program: program.clone(),
            runtime: runtime.to_owned(),
        };
        if let Some(engine) = verify(context, engine, &what, rejected)? {
            return Ok(Some(engine));
        }
    }
    Ok(None)
}

fn docker(context: &Context<'_>, rejected: &mut Vec<Rejected>) -> Result<Option<Engine>, Error> {
    let Some(program) = context.programs.find("docker") else {
        reject(rejected, "docker", "not installed");
        return Ok(None);
    };
    let engine = Engine::Docker { version: version(context, &program)?, program };
    verify(context, engine, "docker", rejected)
}

fn host(context: &Context<'_>, rejected: &mut Vec<Rejected>) -> Result<Option<Engine>, Error> {
    match context.programs.find("qemu-system-x86_64") {
        Some(_) => Ok(Some(Engine::Host)),
        None => {
            reject(rejected, "host", "qemu-system-x86_64 is not installed");
            Ok(None)
        }
    }
}

fn version(context: &Context<'_>, program: &Path) -> Result<String, Error> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null());
    match process::capture(command, "ask for a version", ANSWER, context.cancel) {
        Ok(text) => Ok(text.lines().next().unwrap_or_default().trim().to_owned()),
        Err(Error::Cancelled { doing }) => Err(Error::Cancelled { doing }),
        Err(_) => Ok("version unknown".to_owned()),
    }
}

/// Runs the probe. A failure is a reason to reject the engine, not an error, unless the user asked to stop.
fn verify(
    context: &Context<'_>,
    engine: Engine,
    what: &str,
    rejected: &mut Vec<Rejected>,
) -> Result<Option<Engine>, Error> {
    match run_probe(context, &engine) {
        Ok(()) => Ok(Some(engine)),
        Err(Error::Cancelled { doing }) => Err(Error::Cancelled { doing }),
        Err(error) => {
            reject(rejected, what, &reason(&error));
            Ok(None)
        }
    }
}

fn run_probe(context: &Context<'_>, engine: &Engine) -> Result<(), Error> {
    let archive = archive_of_probe();
    let image = format!("{PROBE_IMAGE}:{}", Sha256::of(&archive).short(12));
    if !engine.has_image(context, &image)? {
        import_probe(context, engine, &archive, &image)?;
    }
    let spec = RunSpec { image, argv: vec![PROBE_PROGRAM.into()], workdir: PathBuf::from("/"), ..RunSpec::default() };
    engine.command(&spec)?.run_quietly(context, "run a program in a container", ANSWER)
}

fn import_probe(context: &Context<'_>, engine: &Engine, archive: &[u8], image: &str) -> Result<(), Error> {
    let directory = tempfile::tempdir_in(context.cache.root())
        .map_err(|source| Error::io("create a directory in", context.cache.root(), source))?;
    let path = directory.path().join("probe.tar");
    std::fs::write(&path, archive).map_err(|source| Error::io("write", &path, source))?;
    engine.ask(context, "import an image", &["import", &path.to_string_lossy(), image]).map(drop)
}

/// The reason: the last line that a failed program printed.
fn reason(error: &Error) -> String {
    let text = match error {
        Error::Failed { output, .. } => {
            output.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
        }
        _ => None,
    };
    text.unwrap_or_else(|| one_line(error))
}

/// A tar archive with one static program that exits with 0.
pub(super) fn archive_of_probe() -> Vec<u8> {
    let program = program_that_exits();
    let mut header = [0_u8; 512];
    let mut put = |at: usize, text: &[u8]| header.iter_mut().skip(at).zip(text).for_each(|(to, from)| *to = *from);
    put(0, PROBE_PROGRAM.trim_start_matches('/').as_bytes());
    put(100, b"0000755\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", program.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().copied().map(u32::from).sum();
    header.iter_mut().skip(148).zip(format!("{sum:06o}\0 ").bytes()).for_each(|(to, from)| *to = from);

    let mut archive = header.to_vec();
    archive.extend_from_slice(&program);
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}

/// The smallest ELF executable for x86-64 that does `exit(0)`: an ELF header, one program header, three instructions.
fn program_that_exits() -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    const HEADERS: u64 = 64 + 56;
    // xor edi, edi; mov eax, 60; syscall
    const CODE: [u8; 9] = [0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05];
    let size = HEADERS + CODE.len() as u64;
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    // Executable, x86-64, version 1; the entry point, the offset of the program headers, no section headers, no
    // flags.
    elf.extend([2_u16, 62].iter().flat_map(|value| value.to_le_bytes()));
    elf.extend(1_u32.to_le_bytes());
    elf.extend([BASE + HEADERS, 64, 0].iter().flat_map(|value: &u64| value.to_le_bytes()));
    elf.extend(0_u32.to_le_bytes());
    elf.extend([64_u16, 56, 1, 0, 0, 0].iter().flat_map(|value| value.to_le_bytes()));
    // Load everything, readable and executable.
    elf.extend([1_u32, 5].iter().flat_map(|value| value.to_le_bytes()));
    elf.extend([0, BASE, BASE, size, size, 0x1000].iter().flat_map(|value: &u64| value.to_le_bytes()));
    elf.extend(CODE);
    elf
}
