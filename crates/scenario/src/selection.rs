//! Which scenarios a command line means.

use thiserror::Error;

use crate::definition::Scenario;

/// The line whose records a scenario's name without a line means: the one that every push is checked on.
pub const USUAL_LINE: &str = "6.1";

/// How much of what there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// What needs no kernel build.
    Quick,
    /// That, and what is built of [`USUAL_LINE`].
    Usual,
    /// What needs no kernel build, and what is built of these lines.
    Lines(Vec<String>),
    /// Only what is built of this line: that of somebody's own source.
    Only(String),
    /// Everything.
    All,
}

/// Why nothing can be chosen. Each of these is the fault of who asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A scenario that there is not.
    #[error("there is no scenario {name}; there are {}", .known.join(", "))]
    NoSuchScenario {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A line that no scenario is built of.
    #[error("no scenario is built of the line {line}; there are {}", .known.join(", "))]
    NoSuchLine {
        /// What was asked for.
        line: String,
        /// The lines that there are.
        known: Vec<String>,
    },
    /// A scenario that what else was asked for leaves out.
    #[error("{name} is left out by what else was asked for: {why}")]
    LeftOut {
        /// The scenario.
        name: String,
        /// By what.
        why: String,
    },
}

/// The scenarios that `names` mean, or all if it is empty, as far as `breadth` goes; in the order of `all`.
///
/// `upgrade-grow` means that scenario on the lines of the breadth, `upgrade-grow@6.12` exactly that one.
///
/// # Errors
///
/// A name or a line that there is not, and a name that the breadth leaves out.
pub fn choose(all: Vec<Scenario>, names: &[String], breadth: &Selection) -> Result<Vec<Scenario>, Error> {
    let mut lines: Vec<&str> = all.iter().filter_map(|it| it.series.as_deref()).collect();
    lines.sort_unstable_by_key(|line| {
        line.split('.').map(|number| number.parse::<u32>().unwrap_or(0)).collect::<Vec<_>>()
    });
    lines.dedup();
    let asked = match breadth {
        Selection::Lines(lines) => lines.as_slice(),
        Selection::Only(line) => std::slice::from_ref(line),
        Selection::Quick | Selection::Usual | Selection::All => &[],
    };
    if let Some(line) = asked.iter().find(|line| !lines.contains(&line.as_str())) {
        let known = lines.into_iter().map(str::to_owned).collect();
        return Err(Error::NoSuchLine { line: line.clone(), known });
    }
    let mut meant = vec![names.is_empty(); all.len()];
    if names.is_empty() {
        all.iter().zip(&mut meant).for_each(|(scenario, meant)| *meant = breadth.has(scenario));
    }
    for name in names {
        named(&all, name, breadth)?.into_iter().for_each(|at| meant[at] = true);
    }
    Ok(all.into_iter().zip(meant).filter_map(|(scenario, meant)| meant.then_some(scenario)).collect())
}

/// What is left of chosen scenarios where kernels are built with another encoder than the image's pahole: those on prebuilt kernels
/// go, for nothing of them is encoded. Those that are about pahole itself stay, to be told as not run.
///
/// # Errors
///
/// Where scenarios were `named`, the first of which nothing would be run.
pub fn for_another_encoder(chosen: Vec<Scenario>, named: bool) -> Result<Vec<Scenario>, Error> {
    let prebuilt =
        |it: &Scenario| (!it.is_built()).then_some("its kernels are prebuilt, so that --encoder changes nothing");
    let left_out = chosen.iter().find_map(|it| Some((it, prebuilt(it).or_else(|| it.about_pahole())?)));
    match left_out {
        Some((scenario, why)) if named => Err(Error::LeftOut { name: scenario.name.clone(), why: why.into() }),
        _ => Ok(chosen.into_iter().filter(Scenario::is_built).collect()),
    }
}

/// The positions of the scenarios that one name means.
fn named(all: &[Scenario], name: &str, breadth: &Selection) -> Result<Vec<usize>, Error> {
    let positions = |is: &dyn Fn(&Scenario) -> bool| -> Vec<usize> {
        all.iter().enumerate().filter(|(_, scenario)| is(scenario)).map(|(at, _)| at).collect()
    };
    let exactly = positions(&|it| it.name == name);
    if !exactly.is_empty() {
        return match (breadth, exactly.iter().all(|&at| breadth.has(&all[at]))) {
            (Selection::Quick | Selection::Only(_) | Selection::Lines(_), false) => Err(breadth.leaves_out(name)),
            _ => Ok(exactly),
        };
    }
    let family = positions(&|it| it.family() == name);
    let first = family.first().copied().ok_or_else(|| Error::NoSuchScenario {
        name: name.to_owned(),
        known: all.iter().map(|it| it.name.clone()).collect(),
    })?;
    let within: Vec<_> = family.into_iter().filter(|&at| breadth.has(&all[at])).collect();
    match (within.is_empty(), breadth) {
        (false, _) => Ok(within),
        // One that is on other lines only.
        (true, Selection::Usual) => Ok(vec![first]),
        (true, _) => Err(breadth.leaves_out(name)),
    }
}

impl Selection {
    fn has(&self, scenario: &Scenario) -> bool {
        match (self, &scenario.series) {
            (Self::All, _) => true,
            (Self::Only(only), line) => line.as_ref() == Some(only),
            (_, None) => true,
            (Self::Quick, Some(_)) => false,
            (Self::Usual, Some(line)) => line == USUAL_LINE,
            (Self::Lines(lines), Some(line)) => lines.contains(line),
        }
    }

    fn leaves_out(&self, name: &str) -> Error {
        let why = match self {
            Self::Quick => "it needs kernels that are built".to_owned(),
            Self::Lines(lines) => format!("it is not on {}", lines.join(" or ")),
            Self::Only(line) => format!("the source given is of the line {line}, and it is not built of that"),
            Self::Usual | Self::All => "nothing of it is left".to_owned(),
        };
        Error::LeftOut { name: name.to_owned(), why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{BootDefinition, Definition, KernelSpec, Modules, ScenarioKind};

    fn all() -> Vec<Scenario> {
        let scenario = |name: &str| {
            let boot = BootDefinition {
                running: KernelSpec::Pinned("1".into()),
                modules_of: KernelSpec::Pinned("2".into()),
                load: Modules::All,
                memory_mib: 512,
                abi: None,
            };
            let (title, about) = (String::new(), String::new());
            let definition = Definition { title, about, series: Vec::new(), subject: ScenarioKind::Boot(boot) };
            let line = name.split_once('@').map(|(_, line)| line.to_owned());
            Scenario { name: name.into(), series: line, definition, dir: None }
        };
        ["debian", "grow@6.1", "grow@6.12", "grow@7.2", "new@7.2", "new@6.12"].map(scenario).into()
    }

    fn chosen(names: &[&str], breadth: &Selection) -> Result<String, String> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let chosen = choose(all(), &names, breadth).map_err(|error| error.to_string())?;
        Ok(chosen.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(" "))
    }

    fn lines(lines: &[&str]) -> Selection {
        Selection::Lines(lines.iter().map(|line| (*line).to_owned()).collect())
    }

    #[test]
    fn without_names_the_breadth_decides() {
        assert_eq!(chosen(&[], &Selection::Quick).unwrap(), "debian");
        assert_eq!(chosen(&[], &Selection::Usual).unwrap(), "debian grow@6.1");
        assert_eq!(chosen(&[], &lines(&["6.12"])).unwrap(), "debian grow@6.12 new@6.12");
        assert_eq!(chosen(&[], &Selection::Only("7.2".into())).unwrap(), "grow@7.2 new@7.2");
        assert_eq!(chosen(&[], &Selection::All).unwrap(), "debian grow@6.1 grow@6.12 grow@7.2 new@7.2 new@6.12");
    }

    #[test]
    fn a_name_means_its_usual_line_unless_lines_are_named() {
        assert_eq!(chosen(&["grow"], &Selection::Usual).unwrap(), "grow@6.1");
        assert_eq!(chosen(&["new"], &Selection::Usual).unwrap(), "new@7.2", "the first of its own");
        assert_eq!(chosen(&["grow"], &lines(&["6.12", "7.2"])).unwrap(), "grow@6.12 grow@7.2");
        assert_eq!(chosen(&["grow", "debian"], &Selection::All).unwrap(), "debian grow@6.1 grow@6.12 grow@7.2");
        assert_eq!(chosen(&["grow"], &Selection::Only("7.2".into())).unwrap(), "grow@7.2");
    }

    #[test]
    fn a_name_with_a_line_means_exactly_that() {
        for breadth in [Selection::Usual, Selection::All, lines(&["7.2", "6.12"])] {
            assert_eq!(chosen(&["grow@6.12"], &breadth).unwrap(), "grow@6.12");
        }
    }

    #[test]
    fn with_another_encoder_prebuilt_kernels_go_unless_they_were_named() {
        let names = |left: Vec<Scenario>| left.into_iter().map(|it| it.name).collect::<Vec<_>>().join(" ");
        let left = for_another_encoder(all(), false).unwrap();
        assert_eq!(names(left), "grow@6.1 grow@6.12 grow@7.2 new@7.2 new@6.12");
        let error = for_another_encoder(all(), true).unwrap_err().to_string();
        assert!(error.contains("debian is left out by what else was asked for: its kernels are prebuilt"), "{error}");
    }

    #[test]
    fn what_there_is_not_or_what_is_left_out_is_said() {
        let refused = |names: &[&str], breadth: &Selection| chosen(names, breadth).unwrap_err();
        assert!(refused(&["gorw"], &Selection::Usual).contains("no scenario gorw; there are debian, grow@6.1"));
        assert!(refused(&["grow@5.4"], &Selection::Usual).contains("no scenario grow@5.4"));
        assert!(refused(&[], &lines(&["5.4"])).contains("the line 5.4; there are 6.1, 6.12, 7.2"));
        assert!(refused(&[], &Selection::Only("6.6".into())).contains("6.6; there are 6.1, 6.12, 7.2"));
        assert!(refused(&["grow"], &Selection::Quick).contains("needs kernels that are built"));
        assert!(refused(&["grow@6.1"], &Selection::Quick).contains("needs kernels that are built"));
        assert!(refused(&["grow@6.1"], &lines(&["7.2"])).contains("not on 7.2"));
        assert!(refused(&["new"], &lines(&["6.1"])).contains("not on 6.1"));
        assert!(refused(&["debian"], &Selection::Only("6.1".into())).contains("the source given is of the line 6.1"));
        assert!(
            refused(&["grow@6.12"], &Selection::Only("6.1".into())).contains("the source given is of the line 6.1")
        );
    }
}
