//! Boots a kernel on the host with a plan from the command line, and prints how the boot ended.
//!
//! `boot KERNEL RUN-DIR MEMORY-MIB ACCEL STEP…`, where ACCEL is `auto`, `kvm`, `tcg` or `tcg-fast`. A step is a
//! module's file (`.ko`) or a fault (`panic`, `hang`, `exit-init`). A step `@FILE` is replaced by the steps in a
//! file, one per line.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::{env, fs};

use guest_protocol::{Event, Fault, PROTOCOL, Plan, Step};
use vm::{
    Accel, AccelChooser, AccelRequest, Boot, BootLimits, BootOutcome, EntrySource, HostLauncher, Initramfs, KvmHost,
    Machine,
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [kernel, run, memory, accel, words @ ..] = arguments.as_slice() else {
        return Err("usage: boot KERNEL RUN-DIR MEMORY-MIB ACCEL STEP…".into());
    };
    let run = PathBuf::from(run);
    fs::create_dir_all(&run)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guest = vm::build_guest(&root.canonicalize()?, &env::temp_dir().join("guest-target"), "guest-init")?;
    let (plan, modules) = plan(words)?;
    let mut initramfs = Initramfs::new(guest, &plan)?;
    for (path, file) in modules {
        initramfs.add(&path, EntrySource::File(file))?;
    }
    let archive = run.join("initramfs");
    println!("initramfs: {} bytes", initramfs.write(&archive)?);
    let (request, tcg) = match accel.as_str() {
        "auto" => (AccelRequest::Auto, Accel::Tcg),
        "kvm" => (AccelRequest::Kvm, Accel::Kvm),
        "tcg" => (AccelRequest::Tcg, Accel::Tcg),
        "tcg-fast" => (AccelRequest::Tcg, Accel::TcgFast),
        other => return Err(format!("unknown accelerator {other}").into()),
    };
    let boot = Boot {
        machine: Machine {
            kernel: kernel.into(),
            initramfs: archive.canonicalize()?,
            memory_mib: memory.parse()?,
            command_line: String::new(),
            accel: tcg,
        },
        run,
        steps: plan.steps.len(),
        limits: BootLimits::of(tcg),
    };
    let cancel = AtomicBool::new(false);
    let mut progress = |progress| println!("{progress:?}");
    let outcome = if tcg == Accel::TcgFast {
        vm::boot(&boot, &HostLauncher, &cancel, &mut progress)?
    } else {
        let version = Command::new(vm::PROGRAM).arg("--version").output()?.stdout;
        let host = KvmHost::this(String::from_utf8_lossy(&version))?;
        let chooser = AccelChooser::new(request, host, None);
        let outcome = chooser.boot(&boot, &HostLauncher, &cancel, &mut progress)?;
        println!("{:?}", chooser.verdict());
        outcome
    };
    report(&outcome);
    Ok(())
}

/// The plan for these words, and the modules' files by their path in the guest.
fn plan(words: &[String]) -> Result<(Plan, BTreeMap<String, PathBuf>), Box<dyn Error>> {
    let mut list = Vec::new();
    for word in words {
        match word.strip_prefix('@') {
            Some(file) => list.extend(fs::read_to_string(file)?.lines().map(str::to_owned)),
            None => list.push(word.clone()),
        }
    }
    let (mut steps, mut modules) = (Vec::new(), BTreeMap::new());
    for (index, word) in list.iter().enumerate() {
        steps.push(match word.as_str() {
            "panic" => Step::Fault { fault: Fault::Panic },
            "hang" => Step::Fault { fault: Fault::Hang },
            "exit-init" => Step::Fault { fault: Fault::ExitInit },
            file => {
                let stem = Path::new(file).file_stem().and_then(|stem| stem.to_str()).ok_or("a step without a name")?;
                let module = stem.replace('-', "_");
                let path = format!("/modules/{index}-{module}.ko");
                modules.insert(path.clone(), PathBuf::from(file));
                Step::Load { module, file: path, parameters: String::new() }
            }
        });
    }
    Ok((Plan { protocol: PROTOCOL, steps }, modules))
}

fn report(outcome: &BootOutcome) {
    let loads = outcome.events.iter().filter_map(|event| match event {
        Event::Step { load, records, .. } => Some((load, records)),
        _ => None,
    });
    let (mut loaded, mut with_btf, mut of) = (0, 0, 0);
    for (load, records) in loads {
        of += 1;
        loaded += usize::from(load.errno == 0);
        with_btf += usize::from(load.btf.is_some());
        if outcome.events.len() < 12 {
            println!("{load:?}");
            records.iter().for_each(|record| println!("  {} {}", record.level, record.text));
        }
    }
    println!("{}: {of} steps, {loaded} loaded, {with_btf} with BTF", outcome.ending);
    println!(
        "{}: QEMU {:.3} s, in all {:.3} s, exit code {:?}",
        outcome.accel,
        outcome.qemu.as_secs_f64(),
        outcome.total.as_secs_f64(),
        outcome.exit_code
    );
}
