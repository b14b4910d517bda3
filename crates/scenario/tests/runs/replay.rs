//! Tests that replay the recorded machines of all boot scenarios through whole runs.

use std::path::Path;

use cli::Exit;
use scenario::boots::transcript::{GivenModule, Transcript};
use scenario::definition::{Scenario, ScenarioKernel, ScenarioKind, read_all};
use scenario::run::Task;

use super::kernels::{FakeModule, Shape};
use super::machines::Behaviour;
use super::world::{COMPARE, World, words};

/// Scenarios that load more modules are covered only by the snapshots' own tests, because they take longer than all
/// others together.
const MODULES: usize = 200;

#[test]
fn every_recorded_boot_passes_against_its_own_record_and_keeps_what_the_kernel_said() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../snapshots");
    let scenarios = read_all(&root).unwrap();
    // The BTF of modules that we encode comes from DWARF, which these fake modules do not have.
    let encodes =
        |it: &Scenario| it.definition.boot().is_some_and(|it| matches!(it.modules_of, ScenarioKernel::Reencoded(_)));
    let replays = |it: &Scenario| it.definition.boot().is_some() && !encodes(it);
    let boots: Vec<_> = scenarios.into_iter().filter(replays).collect();
    let replayed: usize = boots.into_iter().map(|scenario| usize::from(replayed(scenario))).sum();
    assert!(replayed > 30, "{replayed}");
}

/// Whether the scenario is replayed here, in which case it passed.
fn replayed(mut scenario: Scenario) -> bool {
    let world = World::new();
    let recorded = Transcript::read(&scenario.dir.take().unwrap()).unwrap();
    if recorded.header.given.len() > MODULES {
        return false;
    }
    scenario.dir = Some(world.baseline(&scenario.name));
    let ScenarioKind::Boot(boot) = &scenario.definition.subject else { panic!("no boot") };
    let (header, provenance) = (&recorded.header, &recorded.header.provenance);
    let modules: Vec<_> = header.given.iter().map(module).collect();
    let same = boot.running == boot.modules_of;
    let shape = |kernel: &ScenarioKernel, release: &str, has_modules: bool| Shape {
        types: if same || kernel == &boot.running { 1 } else { 2 },
        modules: if has_modules { modules.clone() } else { Vec::new() },
        crc: if header.scenario.starts_with("crc-break") && has_modules { 2 } else { 1 },
        allows_mismatch: header.allows_btf_mismatch,
        release: Some(release.into()),
        encoder: None,
    };
    world.kernels.shape(&name(&boot.running), shape(&boot.running, &provenance.running.release, same));
    world.kernels.shape(&name(&boot.modules_of), shape(&boot.modules_of, &provenance.modules_of.release, true));
    world.behave(&scenario.name, Behaviour::Replays(Box::new(recorded.clone())));
    let task = Task::new(scenario, &kernels::pins::Pins::builtin().unwrap());
    world.bless(std::slice::from_ref(&task));
    let report = world.run(std::slice::from_ref(&task), &COMPARE);
    assert_eq!((words(&report), report.exit), (vec!["pass"], Exit::Success), "{}", task.scenario.name);

    let again = Transcript::read(&task.scenario.dir.unwrap()).unwrap();
    assert_eq!(again.events.len(), recorded.events.len());
    for (again, recorded) in again.steps().zip(recorded.steps()) {
        assert_eq!((again.load.errno, again.records), (recorded.load.errno, recorded.records));
    }
    true
}

fn module(given: &GivenModule) -> FakeModule {
    FakeModule { name: given.module.clone(), path: given.path.clone(), has_btf: given.btf.is_some() }
}

/// The name of a kernel in the fake source.
fn name(kernel: &ScenarioKernel) -> String {
    match kernel {
        ScenarioKernel::Pinned(release) => release.clone(),
        ScenarioKernel::Reencoded(modules) => modules.release.clone(),
        ScenarioKernel::Built(built) => {
            let name = format!("{}/{}", built.config, built.upgrade.as_deref().unwrap_or("first"));
            if built.external.is_empty() { name } else { format!("{name} external") }
        }
    }
}
