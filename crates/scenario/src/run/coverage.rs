//! Groups of requested scenarios in which one can stand for unavailable others.

use std::collections::BTreeMap;

use crate::definition::Scenario;
use crate::exit::Ending;
use crate::report::{RunSummary, ScenarioReport};

/// A group's requests and results.
#[derive(Default)]
struct Group {
    upgrade_wanted: bool,
    upgrade_ran: bool,
    ran: bool,
}

/// Whether every group of requested scenarios showed something. The groups are: scenarios on prebuilt kernels, and
/// for each series the boots and the builds. If upgrades were requested, one that keeps the ABI must have run. A
/// control is not an upgrade.
pub(super) fn each_showed_something<'a>(scenarios: impl Iterator<Item = (&'a Scenario, &'a ScenarioReport)>) -> bool {
    let mut groups: BTreeMap<_, Group> = BTreeMap::new();
    // Excluded scenarios were not requested.
    for (scenario, report) in scenarios.filter(|(_, report)| !matches!(report.ending, Ending::NotRun { .. })) {
        let key = (scenario.series.as_deref(), scenario.definition.boot().is_some());
        let group = groups.entry(key).or_default();
        let ran = report.ending.ran();
        group.ran |= ran;
        group.upgrade_wanted |= scenario.definition.is_upgrade();
        group.upgrade_ran |= ran && report.seen.as_ref().is_some_and(RunSummary::is_compatible_upgrade);
    }
    groups.values().all(|group| group.ran && (group.upgrade_ran || !group.upgrade_wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: &str = "title = \"\"\nabout = \"\"\nlines = [\"6.1\", \"7.2\"]\n[boot]\nload = \"all\"\nmemory-mib = 1\n\
                        abi = \"compatible\"\nrunning = { config = \"strict\" }\n";
    const BUILD: &str = "title = \"\"\nabout = \"\"\nlines = [\"6.1\"]\n[build]\nconfig = \"strict\"\nstart = \"built\"\n\
                         [[build.step]]\ntitle = \"\"\nwhy = \"\"\nrun = [\"make\"]\n";

    fn scenario(definition: &str, line: &str) -> Scenario {
        let definition = toml::from_str(definition).unwrap();
        Scenario { name: "s".into(), series: Some(line.into()), definition, dir: None }
    }

    fn showed(tried: &[(&Scenario, bool)]) -> bool {
        let reports: Vec<_> = tried
            .iter()
            .map(|(_, ran)| {
                let ending = if *ran { Ending::Pass } else { Ending::Unavailable { why: "gone".into() } };
                ScenarioReport { ending, ..ScenarioReport::new("s", "") }
            })
            .collect();
        each_showed_something(tried.iter().map(|(scenario, _)| *scenario).zip(&reports))
    }

    #[test]
    fn each_showed_something_wants_it_of_every_group() {
        let control = format!("{BOOT}modules-of = {{ config = \"strict\", upgrade = \"none\" }}");
        let upgrade = format!("{BOOT}modules-of = {{ config = \"strict\", upgrade = \"grow\" }}");
        let (old, new, build) = (scenario(&control, "6.1"), scenario(&control, "7.2"), scenario(BUILD, "6.1"));
        assert!(showed(&[(&old, true), (&old, false), (&build, true)]));
        assert!(!showed(&[(&old, true), (&new, false)]), "another line");
        assert!(!showed(&[(&old, true), (&build, false)]), "builds are not boots");
        let left_out = ScenarioReport { ending: Ending::NotRun { why: String::new() }, ..ScenarioReport::new("s", "") };
        let passed = ScenarioReport { ending: Ending::Pass, ..left_out.clone() };
        assert!(each_showed_something([(&old, &passed), (&build, &left_out)].into_iter()), "nothing was wanted of it");
        let upgrade = scenario(&upgrade, "6.1");
        assert!(!showed(&[(&old, true), (&upgrade, false)]), "a control is no upgrade");
        assert!(!showed(&[(&upgrade, true)]), "nothing was seen of an upgrade that keeps the ABI");
    }
}
