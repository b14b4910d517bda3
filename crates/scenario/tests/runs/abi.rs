//! Tests that a scenario's claim about the module ABI is checked before anything boots.

use cli::Exit;
use scenario::exit::Ending;

use super::kernels::Shape;
use super::world::{COMPARE, World, only, words};

#[test]
fn a_claim_that_does_not_hold_differs_and_nothing_boots() {
    let world = World::new();
    let compatible = world.built("claims-compatible", "breaks", "compatible");
    let broken = world.built("claims-broken", "none", "broken");
    world.kernels.shape("strict/breaks", Shape { crc: 2, ..Shape::default() });
    let report = world.run(&[compatible, broken], &COMPARE);
    assert_eq!((words(&report), report.exit), (vec!["differs"; 2], Exit::Failed));
    for (scenario, claim) in report.scenarios.iter().zip(["compatible", "broken"]) {
        assert!(scenario.ending.detail().contains(&format!("claims abi = \"{claim}\"")), "{:?}", scenario.ending);
    }
    assert!(world.machines.started.lock().unwrap().is_empty() && world.kept().is_empty());
}

#[test]
fn a_claim_that_holds_boots_and_is_reported() {
    let world = World::new();
    let task = world.built("breaks", "breaks", "broken");
    world.kernels.shape("strict/breaks", Shape { crc: 2, ..Shape::default() });
    world.bless(std::slice::from_ref(&task));
    let report = world.run(&[task], &COMPARE);
    let scenario = only(&report);
    assert_eq!(scenario.ending, Ending::Pass);
    assert!(scenario.seen.as_ref().unwrap().proof.as_ref().unwrap().broken());
}
