//! Selecting scenarios by the command line.

use thiserror::Error;

use util::suggest::Suggestion;

use crate::definition::Scenario;

/// The default series, on which CI checks every push.
pub const DEFAULT_SERIES: &str = "6.1";

/// The scenarios to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Scenarios that need no kernel build.
    Quick,
    /// Scenarios that need no kernel build, and those on [`DEFAULT_SERIES`].
    Default,
    /// Scenarios that need no kernel build, and those on these series.
    Series(Vec<String>),
    /// Only scenarios on this series, which is that of the user's own source.
    Only(String),
    /// All.
    All,
}

/// The reason why no scenarios can be selected. Each is a usage error.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// An unknown scenario.
    #[error("cannot find the scenario {name}; {}", Suggestion::new(.name, .known))]
    NoSuchScenario {
        /// The name that was given.
        name: String,
        /// The scenarios that exist.
        known: Vec<String>,
    },
    /// No scenario is built on the series.
    #[error("cannot find a scenario on the series {series}; {}", Suggestion::new(.series, .known))]
    NoSuchSeries {
        /// The series that was given.
        series: String,
        /// The series of existing scenarios.
        known: Vec<String>,
    },
    /// A scenario that another option excludes.
    #[error("cannot run {name}, which another option excludes: {why}")]
    Excluded {
        /// The scenario.
        name: String,
        /// The option.
        why: String,
    },
}

/// The scenarios with these names, or all selected ones if `names` is empty; in the order of `all`.
///
/// `upgrade-grow` means that scenario on the selected series, `upgrade-grow@6.12` only that one.
///
/// # Errors
///
/// An unknown name or series, or a name that the selection excludes.
pub fn choose(all: Vec<Scenario>, names: &[String], selection: &Selection) -> Result<Vec<Scenario>, Error> {
    let mut series_list: Vec<&str> = all.iter().filter_map(|it| it.series.as_deref()).collect();
    series_list.sort_unstable_by_key(|series| {
        series.split('.').map(|number| number.parse::<u32>().unwrap_or(0)).collect::<Vec<_>>()
    });
    series_list.dedup();
    let asked = match selection {
        Selection::Series(series_list) => series_list.as_slice(),
        Selection::Only(series) => std::slice::from_ref(series),
        Selection::Quick | Selection::Default | Selection::All => &[],
    };
    if let Some(series) = asked.iter().find(|series| !series_list.contains(&series.as_str())) {
        let known = series_list.into_iter().map(str::to_owned).collect();
        return Err(Error::NoSuchSeries { series: series.clone(), known });
    }
    let mut meant = vec![names.is_empty(); all.len()];
    if names.is_empty() {
        all.iter().zip(&mut meant).for_each(|(scenario, meant)| *meant = selection.has(scenario));
    }
    for name in names {
        named(&all, name, selection)?.into_iter().for_each(|at| meant[at] = true);
    }
    Ok(all.into_iter().zip(meant).filter_map(|(scenario, meant)| meant.then_some(scenario)).collect())
}

/// The selected scenarios to run with an encoder other than the build image's pahole. Scenarios on prebuilt kernels
/// are dropped, because nothing is encoded for them. Scenarios about pahole itself stay: they are reported as not
/// run.
///
/// # Errors
///
/// If scenarios were `named`: the first one that would not run.
pub fn for_another_encoder(chosen: Vec<Scenario>, named: bool) -> Result<Vec<Scenario>, Error> {
    let prebuilt =
        |it: &Scenario| (!it.is_built()).then_some("its kernels are prebuilt, so that --encoder changes nothing");
    let excluded = chosen.iter().find_map(|it| Some((it, prebuilt(it).or_else(|| it.about_pahole())?)));
    match excluded {
        Some((scenario, why)) if named => Err(Error::Excluded { name: scenario.name.clone(), why: why.into() }),
        _ => Ok(chosen.into_iter().filter(Scenario::is_built).collect()),
    }
}

/// The positions of the scenarios that one name selects.
fn named(all: &[Scenario], name: &str, selection: &Selection) -> Result<Vec<usize>, Error> {
    let positions = |is: &dyn Fn(&Scenario) -> bool| -> Vec<usize> {
        all.iter().enumerate().filter(|(_, scenario)| is(scenario)).map(|(at, _)| at).collect()
    };
    let exactly = positions(&|it| it.name == name);
    if !exactly.is_empty() {
        return match (selection, exactly.iter().all(|&at| selection.has(&all[at]))) {
            (Selection::Quick | Selection::Only(_) | Selection::Series(_), false) => Err(selection.excludes(name)),
            _ => Ok(exactly),
        };
    }
    let family = positions(&|it| it.family() == name);
    let first = family
        .first()
        .copied()
        .ok_or_else(|| Error::NoSuchScenario { name: name.to_owned(), known: names_like(all, name) })?;
    let within: Vec<_> = family.into_iter().filter(|&at| selection.has(&all[at])).collect();
    match (within.is_empty(), selection) {
        (false, _) => Ok(within),
        // It exists only on other series.
        (true, Selection::Default) => Ok(vec![first]),
        (true, _) => Err(selection.excludes(name)),
    }
}

/// The names to suggest: with a series if the given name has one, else without.
fn names_like(all: &[Scenario], name: &str) -> Vec<String> {
    let named = |it: &Scenario| if name.contains('@') { it.name.clone() } else { it.family().to_owned() };
    let mut names: Vec<_> = all.iter().map(named).collect();
    names.dedup();
    names
}

impl Selection {
    fn has(&self, scenario: &Scenario) -> bool {
        match (self, &scenario.series) {
            (Self::All, _) => true,
            (Self::Only(only), series) => series.as_ref() == Some(only),
            (_, None) => true,
            (Self::Quick, Some(_)) => false,
            (Self::Default, Some(series)) => series == DEFAULT_SERIES,
            (Self::Series(series_list), Some(series)) => series_list.contains(series),
        }
    }

    fn excludes(&self, name: &str) -> Error {
        let why = match self {
            Self::Quick => "it needs a kernel build".to_owned(),
            Self::Series(series_list) => format!("it is not on {}", series_list.join(" or ")),
            Self::Only(series) => format!("the given source is of the series {series}, and it is not built on that"),
            Self::Default | Self::All => "nothing of it is selected".to_owned(),
        };
        Error::Excluded { name: name.to_owned(), why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{BootDefinition, Definition, Modules, ScenarioKernel, ScenarioKind};

    fn all() -> Vec<Scenario> {
        let scenario = |name: &str| {
            let boot = BootDefinition {
                running: ScenarioKernel::Pinned("1".into()),
                modules_of: ScenarioKernel::Pinned("2".into()),
                load: Modules::All,
                memory_mib: 512,
                abi: None,
            };
            let (title, about) = (String::new(), String::new());
            let definition = Definition { title, about, series: Vec::new(), subject: ScenarioKind::Boot(boot) };
            let series = name.split_once('@').map(|(_, series)| series.to_owned());
            Scenario { name: name.into(), series, definition, dir: None }
        };
        ["debian", "grow@6.1", "grow@6.12", "grow@7.2", "new@7.2", "new@6.12"].map(scenario).into()
    }

    fn chosen(names: &[&str], selection: &Selection) -> Result<String, String> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let chosen = choose(all(), &names, selection).map_err(|error| error.to_string())?;
        Ok(chosen.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(" "))
    }

    fn on(series: &[&str]) -> Selection {
        Selection::Series(series.iter().map(|series| (*series).to_owned()).collect())
    }

    #[test]
    fn choose_without_names_goes_by_the_selection() {
        assert_eq!(chosen(&[], &Selection::Quick).unwrap(), "debian");
        assert_eq!(chosen(&[], &Selection::Default).unwrap(), "debian grow@6.1");
        assert_eq!(chosen(&[], &on(&["6.12"])).unwrap(), "debian grow@6.12 new@6.12");
        assert_eq!(chosen(&[], &Selection::Only("7.2".into())).unwrap(), "grow@7.2 new@7.2");
        assert_eq!(chosen(&[], &Selection::All).unwrap(), "debian grow@6.1 grow@6.12 grow@7.2 new@7.2 new@6.12");
    }

    #[test]
    fn choose_takes_the_default_series_unless_others_are_given() {
        assert_eq!(chosen(&["grow"], &Selection::Default).unwrap(), "grow@6.1");
        assert_eq!(chosen(&["new"], &Selection::Default).unwrap(), "new@7.2", "the first of its own");
        assert_eq!(chosen(&["grow"], &on(&["6.12", "7.2"])).unwrap(), "grow@6.12 grow@7.2");
        assert_eq!(chosen(&["grow", "debian"], &Selection::All).unwrap(), "debian grow@6.1 grow@6.12 grow@7.2");
        assert_eq!(chosen(&["grow"], &Selection::Only("7.2".into())).unwrap(), "grow@7.2");
    }

    #[test]
    fn choose_takes_a_name_with_a_series_literally() {
        for selection in [Selection::Default, Selection::All, on(&["7.2", "6.12"])] {
            assert_eq!(chosen(&["grow@6.12"], &selection).unwrap(), "grow@6.12");
        }
    }

    #[test]
    fn for_another_encoder_drops_prebuilt_kernels_unless_they_were_named() {
        let names = |left: Vec<Scenario>| left.into_iter().map(|it| it.name).collect::<Vec<_>>().join(" ");
        let left = for_another_encoder(all(), false).unwrap();
        assert_eq!(names(left), "grow@6.1 grow@6.12 grow@7.2 new@7.2 new@6.12");
        let error = for_another_encoder(all(), true).unwrap_err().to_string();
        assert!(
            error.contains("cannot run debian, which another option excludes: its kernels are prebuilt"),
            "{error}"
        );
    }

    #[test]
    fn choose_refuses_unknown_and_excluded_names() {
        let refused = |names: &[&str], selection: &Selection| chosen(names, selection).unwrap_err();
        assert!(refused(&["gorw"], &Selection::Default).contains("the scenario gorw; did you mean grow?"));
        assert!(refused(&["grow@5.4"], &Selection::Default).contains("the scenario grow@5.4; did you mean grow@"));
        assert!(refused(&[], &on(&["5.4"])).contains("the series 5.4; known: 6.1, 6.12, 7.2"));
        assert!(refused(&[], &Selection::Only("6.6".into())).contains("6.6; did you mean 6.1"));
        assert!(refused(&["grow"], &Selection::Quick).contains("needs a kernel build"));
        assert!(refused(&["grow@6.1"], &Selection::Quick).contains("needs a kernel build"));
        assert!(refused(&["grow@6.1"], &on(&["7.2"])).contains("not on 7.2"));
        assert!(refused(&["new"], &on(&["6.1"])).contains("not on 6.1"));
        assert!(refused(&["debian"], &Selection::Only("6.1".into())).contains("the given source is of the series 6.1"));
        assert!(
            refused(&["grow@6.12"], &Selection::Only("6.1".into())).contains("the given source is of the series 6.1")
        );
    }
}
