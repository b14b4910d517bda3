//! One boot of a virtual machine, and the cases that it loads.

use std::path::{Path, PathBuf};

use guest_cases::{CASES_PATH, CasesPlan, TEMPLATE_PATH, write_case};
use guest_protocol::PROTOCOL;
use kmod::{ElfFile, SectionEdits};
use scenario::run::RunContext;
use vm::{Accel, Boot, BootEnding, BootProgress, EntrySource, Initramfs, Machine};

use crate::case::Case;
use crate::compare::Observation;
use crate::error::Error;
use crate::subject::Subject;

/// Where a section header begins in the file, in bytes: `e_shoff` and the length of one header in ELF files of 64 bits.
const E_SHOFF: usize = 0x28;
const SECTION_HEADER: usize = 64;

/// The module that is loaded, with the place of the two section headers.
#[derive(Debug)]
pub(crate) struct ModuleTemplate {
    name: String,
    bytes: Vec<u8>,
    btf_header: usize,
    base_header: usize,
}

impl ModuleTemplate {
    /// Gives a kernel's module both sections.
    pub fn of(subject: &Subject) -> Result<Self, Error> {
        let (name, module) = &subject.template;
        let edits = SectionEdits::new().set(".BTF", b"").set(".BTF.base", b"").drop_signature(true);
        let bytes = edits.apply(module)?;
        let elf = ElfFile::from_bytes(bytes.clone())?;
        let missing = || Error::Template { what: format!("{name} of {}", subject.name) };
        let table = bytes.get(E_SHOFF..).and_then(<[u8]>::first_chunk).map(|offset| u64::from_le_bytes(*offset));
        let table = table.and_then(|offset| usize::try_from(offset).ok()).ok_or_else(missing)?;
        let place = |section: &str| {
            let index = elf.sections().position(|head| head.name == section.as_bytes());
            index.filter(|_| elf.is_64() && elf.is_little_endian()).map(|index| table + SECTION_HEADER * index)
        };
        let (btf_header, base_header) = (place(".BTF").ok_or_else(missing)?, place(".BTF.base").ok_or_else(missing)?);
        Ok(Self { name: name.clone(), bytes, btf_header, base_header })
    }
}

/// What came of a boot.
#[derive(Debug)]
pub(crate) struct BatchOutcome {
    /// What was observed of each case that was loaded, in order.
    pub observed: Vec<Observation>,
    /// How the boot ended.
    pub ending: BootEnding,
    /// The folder with the console's log.
    pub folder: PathBuf,
}

/// Boots a kernel and loads cases, until all are loaded or the machine stops. `on_step` receives the number that were loaded.
pub(crate) fn load(
    context: &RunContext<'_>,
    guest: &Path,
    subject: &Subject,
    template: &ModuleTemplate,
    cases: &[&Case],
    folder: &Path,
    on_step: &mut dyn FnMut(usize),
) -> Result<BatchOutcome, Error> {
    let plan = CasesPlan {
        protocol: PROTOCOL,
        module: template.name.clone(),
        btf_header: template.btf_header,
        base_header: template.base_header,
    };
    let mut file = Vec::new();
    for case in cases {
        let case = guest_cases::CaseSections { btf: &case.btf, base: case.base.as_deref() };
        write_case(&mut file, &case).map_err(|_| Error::Template { what: "a case of 4 GiB".into() })?;
    }
    let mut initramfs = Initramfs::new(guest, &plan)?;
    initramfs.add(TEMPLATE_PATH, EntrySource::Bytes(template.bytes.clone()))?;
    initramfs.add(CASES_PATH, EntrySource::Bytes(file))?;
    let archive = folder.join("initramfs");
    initramfs.write(&archive)?;
    let boot = Boot {
        machine: Machine {
            kernel: subject.image.clone(),
            initramfs: archive,
            memory_mib: 768,
            command_line: String::new(),
            accel: Accel::TcgFast,
        },
        run: folder.join("boot"),
        steps: cases.len(),
        limits: (context.chooser.limits)(Accel::TcgFast),
    };
    let mut progress = |progress| {
        if let BootProgress::Step { done, .. } = progress {
            on_step(done);
        }
    };
    let outcome = vm::boot(&boot, context.launcher, context.cancel, &mut progress)?;
    let observed = outcome.events.iter().filter_map(Observation::of).collect();
    Ok(BatchOutcome { observed, ending: outcome.ending, folder: folder.to_owned() })
}
