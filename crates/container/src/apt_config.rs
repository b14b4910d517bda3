//! The Debian mirrors of this machine, and how to reach them.
//!
//! The project has no mirror built in. It reads the machine's apt configuration (deb822 and one-line files), or the
//! user names a mirror.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::error::Error;
use crate::process;
use crate::programs::Programs;

/// Selects the archive's mirror.
pub const MIRROR_VARIABLE: &str = "MODBTF_DEBIAN_MIRROR";

/// Selects the security archive's mirror.
pub const SECURITY_MIRROR_VARIABLE: &str = "MODBTF_DEBIAN_SECURITY_MIRROR";

/// Debian's codenames: a suite with another name belongs to another archive.
const CODENAMES: [&str; 11] = [
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
    "sid",
    "oldoldstable",
    "oldstable",
    "stable",
    "testing",
    "unstable",
];

/// The mirrors, and how to reach them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AptSettings {
    archive: Option<String>,
    security: Option<String>,
    http_proxy: Option<String>,
    https_proxy: Option<String>,
    /// `Acquire::Check-Valid-Until "false"`: this machine's mirror is known to be behind.
    ignore_valid_until: bool,
    /// `Acquire::Check-Date "false"`: this machine's clock is known to be wrong.
    ignore_date: bool,
    /// Proxies for the mirrors' hosts, as lines of an apt.conf.
    host_proxies: Vec<String>,
    /// Settings that were found but are not used, with the reason; one line each.
    dropped: Vec<String>,
}

impl AptSettings {
    /// The settings of this machine. Arguments override the environment, which overrides apt's configuration.
    ///
    /// # Errors
    ///
    /// [`Error::BadMirror`] for a mirror in an argument or in the environment that is not an http or https URI.
    pub fn of_machine(programs: &Programs, mirror: Option<&str>, security_mirror: Option<&str>) -> Result<Self, Error> {
        Self::read(programs, mirror, security_mirror, &|name| std::env::var(name).ok())
    }

    /// Like [`AptSettings::of_machine`], with the environment's variables as arguments.
    fn read(
        programs: &Programs,
        mirror: Option<&str>,
        security_mirror: Option<&str>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let dump = programs.find("apt-config").map(|program| config_dump(&program)).unwrap_or_default();
        let found = sources(Path::new("/etc/apt"));
        let given =
            |by_hand: Option<&str>, name: &str| by_hand.map(str::to_owned).or_else(|| variable(name)).map(checked);
        let archive = given(mirror, MIRROR_VARIABLE).transpose()?.or(found.archive);
        let security = given(security_mirror, SECURITY_MIRROR_VARIABLE).transpose()?.or(found.security);
        let mut dropped = Vec::new();
        let mut of_scheme = |scheme: &str| {
            let name = format!("{scheme}_proxy");
            let of_apt = || Some((format!("apt's Acquire::{scheme}::Proxy"), apt_proxy(&dump, scheme, None)?));
            let given = variable(&name).map(|value| (name, value)).or_else(of_apt);
            given.and_then(|(name, proxy)| usable_proxy(&name, proxy, &mut dropped))
        };
        let (http_proxy, https_proxy) = (of_scheme("http"), of_scheme("https"));
        let mirrors = [&archive, &security].map(|mirror| mirror.as_deref().and_then(scheme_and_host));
        let mut host_proxies = Vec::new();
        for (scheme, host) in mirrors.into_iter().flatten() {
            let Some(proxy) = apt_proxy(&dump, scheme, Some(host)) else { continue };
            let key = format!("Acquire::{scheme}::Proxy::{host}");
            let direct = proxy == DIRECT;
            let proxy = if direct { Some(proxy) } else { usable_proxy(&format!("apt's {key}"), proxy, &mut dropped) };
            host_proxies.extend(proxy.map(|proxy| format!("{key} \"{proxy}\";")));
        }
        host_proxies.dedup();
        Ok(Self {
            archive,
            security,
            http_proxy,
            https_proxy,
            host_proxies,
            dropped,
            ignore_valid_until: value(&dump, "Acquire::Check-Valid-Until").as_deref() == Some("false"),
            ignore_date: value(&dump, "Acquire::Check-Date").as_deref() == Some("false"),
        })
    }

    /// The settings of the machine that are not used, with the reason; one line each, to be shown to the user.
    #[must_use]
    pub fn dropped(&self) -> &[String] {
        &self.dropped
    }

    /// The mirror for a suite: `bookworm`, `bookworm-security`.
    ///
    /// # Errors
    ///
    /// [`Error::NoMirror`] if none is known.
    pub fn mirror_of(&self, suite: &str) -> Result<&str, Error> {
        if suite.ends_with("-security") { self.security() } else { self.archive() }
    }

    /// The archive's mirror.
    ///
    /// # Errors
    ///
    /// [`Error::NoMirror`] if none is known.
    pub fn archive(&self) -> Result<&str, Error> {
        self.archive.as_deref().ok_or(Error::NoMirror {
            which: "archive",
            option: "--mirror",
            variable: MIRROR_VARIABLE,
        })
    }

    /// The security archive's mirror.
    ///
    /// # Errors
    ///
    /// [`Error::NoMirror`] if none is known.
    pub fn security(&self) -> Result<&str, Error> {
        self.security.as_deref().ok_or(Error::NoMirror {
            which: "security",
            option: "--security-mirror",
            variable: SECURITY_MIRROR_VARIABLE,
        })
    }

    /// Whether a mirror uses https.
    pub(crate) fn needs_certificates(&self) -> bool {
        [&self.archive, &self.security].into_iter().flatten().any(|mirror| mirror.starts_with("https:"))
    }

    /// Environment variables with which a program in a container uses the machine's proxies.
    #[must_use]
    pub fn proxies(&self) -> Vec<(&'static str, String)> {
        let some = |name, value: &Option<String>| value.clone().map(|value| (name, value));
        [some("http_proxy", &self.http_proxy), some("https_proxy", &self.https_proxy)].into_iter().flatten().collect()
    }

    /// The settings of this machine's apt that apply wherever its mirrors are used, as lines of an apt.conf.
    #[must_use]
    pub fn configuration(&self) -> Vec<String> {
        let some = |condition: bool, line| condition.then_some(line);
        [
            some(self.ignore_valid_until, "Acquire::Check-Valid-Until \"false\";"),
            some(self.ignore_date, "Acquire::Check-Date \"false\";"),
        ]
        .into_iter()
        .flatten()
        .map(str::to_owned)
        .chain(self.host_proxies.iter().cloned())
        .collect()
    }

    /// Settings with mirrors that do not exist.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn for_tests() -> Self {
        Self {
            archive: Some("http://mirror.invalid/debian".into()),
            security: Some("http://mirror.invalid/debian-security".into()),
            ..Self::default()
        }
    }
}

fn config_dump(program: &Path) -> String {
    let mut command = Command::new(program);
    command.arg("dump");
    let limit = Duration::from_secs(10);
    process::capture(command, "read apt's configuration", limit, &AtomicBool::new(false)).unwrap_or_default()
}

/// The value of a key in the output of `apt-config dump`: lines of `Key "value";`.
fn value(dump: &str, key: &str) -> Option<String> {
    dump.lines()
        .filter_map(|line| line.strip_prefix(key)?.strip_prefix(" \"")?.strip_suffix("\";"))
        .next_back()
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
}

/// apt's name for "no proxy".
const DIRECT: &str = "DIRECT";

/// A proxy in apt's configuration, for a scheme or for one host.
fn apt_proxy(dump: &str, scheme: &str, host: Option<&str>) -> Option<String> {
    let host = host.map(|host| format!("::{host}")).unwrap_or_default();
    value(dump, &format!("Acquire::{scheme}::Proxy{host}"))
}

/// A proxy that can be passed on. `DIRECT` means no proxy. A proxy that would need quoting is dropped, and `dropped`
/// says so.
fn usable_proxy(name: &str, proxy: String, dropped: &mut Vec<String>) -> Option<String> {
    if proxy == DIRECT {
        return None;
    }
    let usable = is_harmless(&proxy);
    if !usable {
        dropped.push(format!(
            "{name} is not used: it contains characters other than letters, digits and -._~:/?@!&+,=%, or is too long"
        ));
    }
    usable.then_some(proxy)
}

/// The scheme and the host of a mirror: `https` and `a.invalid` of `https://user@a.invalid:8080/debian`.
fn scheme_and_host(mirror: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = mirror.split_once("://")?;
    let authority = rest.split('/').next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    (!host.is_empty() && host.bytes().all(harmless)).then_some((scheme, host))
}

/// The first mirror of each kind.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    archive: Option<String>,
    security: Option<String>,
}

impl Found {
    fn add(&mut self, uri: &str, suite: &str, components: &[&str]) {
        let listed = uri.strip_prefix("mirror+file:").and_then(|list| first_of_list(Path::new(list)));
        let uri = listed.as_deref().unwrap_or(uri);
        if !is_mirror(uri) || !components.contains(&"main") {
            return;
        }
        let place = match suite.split_once(['-', '/']) {
            None if CODENAMES.contains(&suite) => &mut self.archive,
            Some((codename, "security" | "updates")) if CODENAMES.contains(&codename) && is_security(suite) => {
                &mut self.security
            }
            _ => return,
        };
        place.get_or_insert_with(|| uri.trim_end_matches('/').to_owned());
    }
}

/// The first mirror in a list whose lines begin with a URI (apt-transport-mirror(1)). Debian's cloud images use such
/// lists.
fn first_of_list(list: &Path) -> Option<String> {
    let text = fs::read_to_string(list).ok()?;
    text.lines().filter_map(|line| line.split_whitespace().next()).find(|uri| is_mirror(uri)).map(str::to_owned)
}

/// Whether a suite belongs to the security archive: `bullseye-security`, and `buster/updates` in older releases.
/// `bookworm-updates` belongs to the main archive.
fn is_security(suite: &str) -> bool {
    suite.ends_with("-security") || suite.ends_with("/updates")
}

fn sources(etc: &Path) -> Found {
    let mut files = vec![etc.join("sources.list")];
    let mut parts: Vec<PathBuf> = fs::read_dir(etc.join("sources.list.d"))
        .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
        .unwrap_or_default();
    parts.sort();
    files.append(&mut parts);
    let mut found = Found::default();
    for file in files {
        let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let Ok(text) = fs::read_to_string(&file) else { continue };
        match extension {
            "list" => one_line(&text, &mut found),
            "sources" => deb822(&text, &mut found),
            _ => {}
        }
    }
    found
}

/// `deb [option=value …] URI suite component…`
fn one_line(text: &str, found: &mut Found) {
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let Some(rest) = line.strip_prefix("deb").filter(|rest| rest.starts_with([' ', '\t', '['])) else { continue };
        let rest = rest.trim_start();
        let rest = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']').map(|(_, rest)| rest).unwrap_or_default(),
            None => rest,
        };
        let words: Vec<&str> = rest.split_whitespace().collect();
        if let [uri, suite, components @ ..] = words.as_slice() {
            found.add(uri, suite, components);
        }
    }
}

/// Stanzas of `Key: value` with continuation lines, separated by empty lines.
fn deb822(text: &str, found: &mut Found) {
    let mut stanza: Vec<(String, String)> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.trim().is_empty() {
            deb822_stanza(&stanza, found);
            stanza.clear();
        } else if line.starts_with('#') {
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = stanza.last_mut() {
                value.push(' ');
                value.push_str(line);
            }
        } else if let Some((key, value)) = line.split_once(':') {
            stanza.push((key.trim().to_ascii_lowercase(), value.to_owned()));
        }
    }
}

fn deb822_stanza(stanza: &[(String, String)], found: &mut Found) {
    let words = |name: &str| -> Vec<&str> {
        stanza.iter().filter(|(key, _)| key == name).flat_map(|(_, value)| value.split_whitespace()).collect()
    };
    if !words("types").contains(&"deb") || words("enabled") == ["no"] {
        return;
    }
    let (components, suites) = (words("components"), words("suites"));
    for uri in words("uris") {
        for suite in &suites {
            found.add(uri, suite, &components);
        }
    }
}

fn checked(given: String) -> Result<String, Error> {
    if is_mirror(&given) { Ok(given.trim_end_matches('/').to_owned()) } else { Err(Error::BadMirror { given }) }
}

fn is_mirror(uri: &str) -> bool {
    let rest = uri.strip_prefix("http://").or_else(|| uri.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty()) && is_harmless(uri)
}

/// Whether a text can be used unquoted in an apt.conf, in a sources.list and between a shell's double quotes.
fn is_harmless(text: &str) -> bool {
    text.len() < 1000 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?@!&+,=%".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(parse: fn(&str, &mut Found), text: &str) -> (Option<String>, Option<String>) {
        let mut found = Found::default();
        parse(text, &mut found);
        (found.archive, found.security)
    }

    const BOTH: (Option<&str>, Option<&str>) =
        (Some("http://a.invalid/debian"), Some("http://s.invalid/debian-security"));

    fn own(pair: (Option<&str>, Option<&str>)) -> (Option<String>, Option<String>) {
        (pair.0.map(str::to_owned), pair.1.map(str::to_owned))
    }

    #[test]
    fn deb822_files_are_read() {
        let text = "Types: deb\n# a comment\nURIs: http://a.invalid/debian/\nSuites: trixie trixie-updates\nComponents: main non-free-firmware\n\
                    Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n\nTypes: deb deb-src\nURIs: http://s.invalid/debian-security\nSuites:\n trixie-security\nComponents: main\n";
        assert_eq!(parsed(deb822, text), own(BOTH));
        assert_eq!(parsed(deb822, &text.replace("Types: deb", "Enabled: no\nTypes: deb")), (None, None));
        assert_eq!(parsed(deb822, &text.replace("Types: deb", "Types: deb-src#")), (None, None));
    }

    #[test]
    fn one_line_files_are_read() {
        let text = "# deb http://x.invalid/debian bookworm main\n deb-src http://x.invalid/debian bookworm main\n\
                    deb [arch=amd64 signed-by=/k.gpg] http://a.invalid/debian bookworm main contrib # here\n\
                    deb http://b.invalid/debian bookworm main\ndeb http://s.invalid/debian-security bookworm-security main\n";
        assert_eq!(parsed(one_line, text), own(BOTH));
    }

    #[test]
    fn a_mirror_may_stand_in_a_list_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("debian.list");
        fs::write(&list, "# mirrors\nhttp://a.invalid/debian/\tpriority:1\nhttp://b.invalid/debian\n").unwrap();
        let source = |list: &Path| format!("deb mirror+file:{} trixie main\n", list.display());
        assert_eq!(parsed(one_line, &source(&list)).0, BOTH.0.map(str::to_owned));
        assert_eq!(parsed(one_line, &source(&dir.path().join("absent"))), (None, None));
    }

    #[test]
    fn archives_of_others_are_left_alone() {
        let text = "deb http://x.invalid/linux/debian bookworm stable\ndeb http://x.invalid/apt bookworm-pgdg main\n\
                    deb http://x.invalid/apt cloud-sdk-bookworm main\ndeb http://x.invalid/debian bookworm-updates main\n\
                    deb cdrom:[x]/ bookworm main\ndeb file:/srv/debian bookworm main\ndeb http://x.invalid/$(reboot) bookworm main\n";
        assert_eq!(parsed(one_line, text), (None, None));
    }

    #[test]
    fn both_layouts_are_found_in_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sources.list.d")).unwrap();
        fs::write(dir.path().join("sources.list"), "deb http://a.invalid/debian bookworm main\n").unwrap();
        fs::write(
            dir.path().join("sources.list.d/debian.sources"),
            "Types: deb\nURIs: http://s.invalid/debian-security\nSuites: bookworm-security\nComponents: main\n",
        )
        .unwrap();
        fs::write(dir.path().join("sources.list.d/x.save"), "deb http://z.invalid/debian bookworm main\n").unwrap();
        let found = sources(dir.path());
        assert_eq!((found.archive, found.security), own(BOTH));
    }

    #[test]
    fn a_missing_mirror_names_its_option_and_a_wrong_one_is_refused() {
        let text = AptSettings::default().mirror_of("bookworm-security").unwrap_err().to_string();
        assert!(text.contains("--security-mirror") && text.contains(SECURITY_MIRROR_VARIABLE), "{text}");
        for text in ["ftp://a/debian", "http://", "a.invalid/debian", "http://a b/", "http://a/\"; x"] {
            assert!(checked(text.into()).is_err(), "{text}");
        }
        assert_eq!(checked("https://a.invalid/debian/".into()).unwrap(), "https://a.invalid/debian");
    }

    #[test]
    fn values_of_apts_configuration_are_found() {
        let dump = "Acquire \"\";\nAcquire::http \"\";\nAcquire::http::Proxy \"http://p.invalid:3128\";\nAcquire::http::Proxy::x \"DIRECT\";\n";
        assert_eq!(value(dump, "Acquire::http::Proxy").as_deref(), Some("http://p.invalid:3128"));
        assert_eq!(value(dump, "Acquire::http"), None);
        assert_eq!(value(dump, "Acquire::https::Proxy"), None);
    }

    /// The settings of a machine whose apt has these proxies.
    fn of_dump(dump: &str) -> AptSettings {
        let fixture = crate::testing::Fixture::new();
        let file = fixture.path().join("dump");
        fs::write(&file, dump).unwrap();
        fixture.program("apt-config", &format!("/bin/cat {}", file.display()));
        let (archive, security) = ("http://a.invalid/debian", "https://s.invalid:8443/debian-security");
        AptSettings::read(&fixture.programs(), Some(archive), Some(security), &|_| None).unwrap()
    }

    #[test]
    fn apts_direct_is_no_proxy() {
        let settings = of_dump("Acquire::http::Proxy \"DIRECT\";\nAcquire::https::Proxy \"DIRECT\";\n");
        assert_eq!((&settings.http_proxy, &settings.https_proxy), (&None, &None));
        assert!(settings.dropped().is_empty() && settings.configuration().is_empty());
    }

    #[test]
    fn an_unsafe_proxy_of_either_scheme_is_dropped_and_reported() {
        for scheme in ["http", "https"] {
            let settings = of_dump(&format!("Acquire::{scheme}::Proxy \"http://p.invalid/$(reboot)\";\n"));
            assert_eq!(settings.proxies(), []);
            let [dropped] = settings.dropped() else { panic!("{:?}", settings.dropped()) };
            assert!(dropped.contains(&format!("Acquire::{scheme}::Proxy is not used")), "{dropped}");
        }
    }

    #[test]
    fn a_proxy_for_the_host_of_a_mirror_is_kept_and_one_for_another_host_is_not() {
        let dump = "Acquire::http::Proxy::a.invalid \"DIRECT\";\nAcquire::https::Proxy::s.invalid \"http://p.invalid:3128\";\n\
                    Acquire::http::Proxy::x.invalid \"http://x.invalid\";\n";
        let settings = of_dump(dump);
        let kept = [
            "Acquire::http::Proxy::a.invalid \"DIRECT\";",
            "Acquire::https::Proxy::s.invalid \"http://p.invalid:3128\";",
        ];
        assert_eq!(settings.configuration(), kept);
        let broken = of_dump("Acquire::http::Proxy::a.invalid \"http://p.invalid/`x`\";\n");
        assert!(broken.configuration().is_empty() && broken.dropped().len() == 1);
    }
}
