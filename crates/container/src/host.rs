//! The host's packages: finding out which are missing, and installing them.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

use rustix::process::geteuid;

use crate::context::Context;
use crate::engine::EngineChoice;
use crate::error::Error;
use crate::process::{self, Watch};
use crate::programs::Programs;
use crate::progress::{Progress, Stage};

/// Packages that the host lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Their names in Debian.
    pub packages: Vec<&'static str>,
    /// Their purpose: `to run containers`.
    pub why: &'static str,
}

/// The packages that an engine needs and the host lacks, or `None` if installing packages cannot help.
///
/// The list always contains runc: crun does not run with hybrid cgroups, runc runs everywhere. It never contains
/// docker: whether a machine has docker is the owner's decision.
#[must_use]
pub fn need_for_engine(programs: &Programs, choice: EngineChoice) -> Option<Need> {
    need_for(programs, choice, geteuid().is_root())
}

fn need_for(programs: &Programs, choice: EngineChoice, root: bool) -> Option<Need> {
    let (mut wanted, why) = match choice {
        EngineChoice::Auto | EngineChoice::Podman => {
            (vec![("podman", "podman"), ("runc", "runc")], "to run containers")
        }
        EngineChoice::Host => (vec![("qemu-system-x86_64", "qemu-system-x86")], "to boot kernels without a container"),
        EngineChoice::Docker => return None,
    };
    if !root && choice != EngineChoice::Host {
        wanted.push(("newuidmap", "uidmap"));
    }
    let missing = wanted.into_iter().filter(|(program, _)| programs.find(program).is_none());
    let packages: Vec<_> = missing.map(|(_, package)| package).collect();
    (!packages.is_empty()).then_some(Need { packages, why })
}

/// The packages that are missing for making a base image.
pub(crate) fn need_for_base(programs: &Programs) -> Option<Need> {
    base_need_for(programs, geteuid().is_root())
}

/// Without root, mmdebstrap needs subordinate user ids, which only `newuidmap` can map.
fn base_need_for(programs: &Programs, root: bool) -> Option<Need> {
    let wanted: &[_] = if root { &["mmdebstrap"] } else { &["mmdebstrap", "newuidmap"] };
    let missing = wanted.iter().filter(|program| programs.find(program).is_none());
    let packages: Vec<_> = missing.map(|program| if *program == "newuidmap" { "uidmap" } else { *program }).collect();
    (!packages.is_empty()).then_some(Need { packages, why: "to make the base image, which could not be pulled" })
}

/// Whether the current user can install packages.
#[must_use]
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Installs packages with apt, as root on Debian. A note lists them first.
///
/// # Errors
///
/// [`Error::MissingPackages`] with the exact command if installing is not allowed or the user is not root,
/// [`Error::OfflinePackages`], [`Error::NotDebian`], and [`Error::Failed`] with apt's last lines.
pub(crate) fn install(context: &Context<'_>, need: &Need) -> Result<(), Error> {
    let os_release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    install_on(context, need, &os_release, geteuid().is_root())
}

fn install_on(context: &Context<'_>, need: &Need, os_release: &str, root: bool) -> Result<(), Error> {
    let Need { packages, why } = need;
    let names: Vec<String> = packages.iter().map(|name| (*name).to_owned()).collect();
    let why = (*why).to_owned();
    let command = format!("apt-get update && apt-get install --yes --no-install-recommends {}", packages.join(" "));
    let Some(apt) = context.programs.find("apt-get").filter(|_| is_debian(os_release)) else {
        let os = value(os_release, "PRETTY_NAME").unwrap_or("an unknown system").to_owned();
        return Err(Error::NotDebian { packages: names, why, os });
    };
    if context.offline {
        return Err(Error::OfflinePackages { packages: names, why, command });
    }
    let refusal = match (context.install, root) {
        (true, true) => None,
        (false, _) => Some("--no-install forbids to install them"),
        (true, false) => Some("only root can install them"),
    };
    if let Some(reason) = refusal {
        return Err(Error::MissingPackages { packages: names, why, reason, command });
    }
    context.check_cancel("install packages")?;
    context.stage(Stage::HOST_PACKAGES, format!("installing {} with apt, {why}", packages.join(" and ")), || {
        // With missing or old package lists the first attempt fails; updating the lists helps.
        apt_get(context, &apt, &install_arguments(packages)).or_else(|_| {
            apt_get(context, &apt, &["update"])?;
            apt_get(context, &apt, &install_arguments(packages))
        })
    })?;
    context.check_cancel("install packages")
}

fn install_arguments<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    ["install", "--yes", "--no-install-recommends"].into_iter().chain(packages.iter().copied()).collect()
}

fn apt_get(context: &Context<'_>, apt: &std::path::Path, arguments: &[&str]) -> Result<(), Error> {
    let mut command = Command::new(apt);
    command.args(["--quiet", "-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Options::=--force-confold"]).args(arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    // An interrupted dpkg would leave the host's packages broken, so a request to stop waits until it has finished.
    let never = AtomicBool::new(false);
    process::run(
        command,
        Watch {
            doing: format!("run apt-get {}", arguments.join(" ")),
            cancel: &never,
            on_line: &mut |_, text| {
                (context.progress)(Progress::Line { stage: Stage::HOST_PACKAGES, text: text.to_owned() })
            },
            on_tick: &mut |_| true,
            grace: process::GRACE,
        },
    )
}

/// Whether an os-release file describes Debian or a derivative.
fn is_debian(os_release: &str) -> bool {
    let has = |key| value(os_release, key).is_some_and(|names| names.split_whitespace().any(|name| name == "debian"));
    has("ID") || has("ID_LIKE")
}

fn value<'a>(os_release: &'a str, key: &str) -> Option<&'a str> {
    let line =
        |line: &'a str| line.strip_prefix(key)?.strip_prefix('=').map(|value| value.trim().trim_matches(['"', '\'']));
    os_release.lines().find_map(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fixture;

    #[test]
    fn need_lists_only_missing_packages() {
        let fixture = Fixture::new();
        let packages = |choice| need_for(&fixture.programs(), choice, true).map(|need| need.packages);
        assert_eq!(packages(EngineChoice::Auto), Some(vec!["podman", "runc"]));
        assert_eq!(packages(EngineChoice::Docker), None);
        assert_eq!(packages(EngineChoice::Host), Some(vec!["qemu-system-x86"]));
        fixture.program("podman", "");
        assert_eq!(packages(EngineChoice::Podman), Some(vec!["runc"]));
        fixture.program("runc", "");
        assert_eq!(packages(EngineChoice::Podman), None);
        assert_eq!(need_for(&fixture.programs(), EngineChoice::Podman, false).unwrap().packages, ["uidmap"]);
        assert_eq!(base_need_for(&fixture.programs(), true).unwrap().packages, ["mmdebstrap"]);
        assert_eq!(base_need_for(&fixture.programs(), false).unwrap().packages, ["mmdebstrap", "uidmap"]);
    }

    #[test]
    fn debian_and_its_children_are_known() {
        assert!(is_debian("PRETTY_NAME=\"x\"\nID=debian\n"));
        assert!(is_debian("ID=ubuntu\nID_LIKE=debian\n"));
        assert!(is_debian("ID=\"mint\"\nID_LIKE=\"ubuntu debian\"\n"));
        assert!(!is_debian("ID=fedora\nVARIANT_ID=debian\n"));
        assert!(!is_debian(""));
    }

    const DEBIAN: &str = "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n";

    fn need() -> Need {
        Need { packages: vec!["podman", "runc"], why: "to run containers" }
    }

    #[test]
    fn a_host_that_is_no_debian_is_told_what_to_install_by_hand() {
        let fixture = Fixture::new();
        let error =
            install_on(&fixture.context(), &need(), "PRETTY_NAME=\"Fedora 43\"\nID=fedora\n", true).unwrap_err();
        assert!(matches!(&error, Error::NotDebian { os, .. } if os == "Fedora 43"), "{error}");
        assert!(
            matches!(install_on(&fixture.context(), &need(), DEBIAN, true), Err(Error::NotDebian { .. })),
            "no apt-get"
        );
    }

    #[test]
    fn without_leave_or_root_or_network_the_exact_command_is_told() {
        let fixture = Fixture::new();
        fixture.program("apt-get", "echo must not run; exit 9");
        let refused = Context { install: false, ..fixture.context() };
        let offline = Context { offline: true, ..fixture.context() };
        for (error, reason) in [
            (install_on(&refused, &need(), DEBIAN, true), "--no-install"),
            (install_on(&fixture.context(), &need(), DEBIAN, false), "only root"),
            (install_on(&offline, &need(), DEBIAN, true), "--offline"),
        ] {
            let error = error.unwrap_err();
            assert_eq!(error.class(), crate::Class::Environment);
            let text = error.to_string();
            assert!(text.contains("apt-get install --yes --no-install-recommends podman runc"), "{text}");
            assert!(text.contains(reason), "{text}");
        }
    }

    #[test]
    fn old_lists_are_read_anew_and_the_installation_is_tried_again() {
        let fixture = Fixture::new();
        let log = fixture.path().join("log");
        let script = format!(
            "echo \"$*\" >> {log}; case \"$*\" in *update) : > {log}.updated;; *) [ -e {log}.updated ];; esac",
            log = log.display()
        );
        fixture.program("apt-get", &script);
        install_on(&fixture.context(), &need(), DEBIAN, true).unwrap();
        let log = fs::read_to_string(&log).unwrap();
        let verbs: Vec<_> = log.lines().filter_map(|line| line.split("confold ").nth(1)?.split(' ').next()).collect();
        assert_eq!(verbs, ["install", "update", "install"]);
    }

    #[test]
    fn a_failed_installation_shows_what_apt_said() {
        let fixture = Fixture::new();
        fixture.program("apt-get", "echo 'E: Unable to locate package podman' >&2; exit 100");
        let text = install_on(&fixture.context(), &need(), DEBIAN, true).unwrap_err().to_string();
        assert!(text.contains("Unable to locate package podman"), "{text}");
    }
}
