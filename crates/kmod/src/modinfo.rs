//! `.modinfo`: a module's description of itself.

use std::borrow::Cow;

/// The `key=value` strings of a `.modinfo` section.
#[derive(Debug, Clone, Copy)]
pub struct Modinfo<'a> {
    bytes: &'a [u8],
}

/// A module's `softdep=`: modules to load before and after it, if they exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Softdep<'a> {
    /// Names or aliases, to be loaded before the module.
    pub pre: Vec<Cow<'a, str>>,
    /// Names or aliases, to be loaded after the module.
    pub post: Vec<Cow<'a, str>>,
}

impl<'a> Modinfo<'a> {
    /// Wraps the bytes of a `.modinfo` section: strings that end with a NUL, with any number of NULs between them
    /// (`kernel/module/main.c`, `module_next_tag_pair`).
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Every key with its value, in the order of the section; bytes that are not UTF-8 become U+FFFD. A string without
    /// `=` is a key with an empty value.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        self.bytes.split(|&byte| byte == 0).filter(|string| !string.is_empty()).map(|string| {
            let equals = string.iter().position(|&byte| byte == b'=').unwrap_or(string.len());
            let (key, value) = string.split_at(equals);
            (String::from_utf8_lossy(key), String::from_utf8_lossy(value.strip_prefix(b"=").unwrap_or(value)))
        })
    }

    /// The first value of `key`, which is the one that the kernel uses.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get_all(key).next()
    }

    /// Every value of `key`, in the order of the section: there are many `alias=` and `import_ns=`.
    pub fn get_all<'k>(&self, key: &'k str) -> impl Iterator<Item = Cow<'a, str>> + use<'a, 'k> {
        self.iter().filter(move |(found, _)| found == key).map(|(_, value)| value)
    }

    /// The modules on which this one depends (`depends=`), by the kernel's names, in the order of the field.
    #[must_use]
    pub fn depends(&self) -> Vec<String> {
        let values = self.get_all("depends");
        values
            .flat_map(|value| value.split(',').map(str::trim).map(normalise_name).collect::<Vec<_>>())
            .filter(|name| !name.is_empty())
            .collect()
    }

    /// The soft dependencies of all `softdep=` fields together. Words before the first `pre:` or `post:` are ignored,
    /// as by modprobe.
    #[must_use]
    pub fn softdep(&self) -> Softdep<'a> {
        let mut softdep = Softdep::default();
        for value in self.get_all("softdep") {
            let mut list = None;
            for word in value.split_whitespace() {
                match word {
                    "pre:" => list = Some(true),
                    "post:" => list = Some(false),
                    name => match list {
                        Some(true) => softdep.pre.push(Cow::Owned(name.to_owned())),
                        Some(false) => softdep.post.push(Cow::Owned(name.to_owned())),
                        None => {}
                    },
                }
            }
        }
        softdep
    }
}

/// `name` with every `-` replaced by `_`, as in the kernel.
#[must_use]
pub fn normalise_name(name: &str) -> String {
    name.replace('-', "_")
}

/// A `vermagic=` string, of a module or of a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vermagic {
    /// The kernel release, up to the first blank: `6.1.0-56-cloud-amd64`.
    pub release: String,
    /// The other words: `SMP`, `preempt`, `mod_unload`, `modversions`, ….
    pub flags: Vec<String>,
}

impl Vermagic {
    /// Parses a vermagic string.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut words = text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned);
        // A string that begins with a blank has no release; its first word is a flag.
        let release = if text.starts_with(' ') { None } else { words.next() };
        Self { release: release.unwrap_or_default(), flags: words.collect() }
    }

    /// Whether a kernel with vermagic `kernel` loads a module with this one. If both have CRCs, the kernel ignores
    /// the release (`kernel/module/version.c`, `same_magic`).
    #[must_use]
    pub fn is_accepted_by(&self, kernel: &Self, module_has_crcs: bool) -> bool {
        self.flags == kernel.flags && (module_has_crcs || self.release == kernel.release)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: &[u8] =
        b"\0\0alias=fs-overlay\0name=overlay\0\0depends=i2c-core,,hid\0alias=b=c\0novalue\0\xff=\xfe\0softdep=a pre: \
        crypto-crc32c b post: c\0softdep=d\0softdep=pre: e";

    #[test]
    fn padding_and_equals_signs_in_values_are_kept_apart() {
        let modinfo = Modinfo::new(BYTES);
        assert_eq!(modinfo.get("name").as_deref(), Some("overlay"));
        assert_eq!(modinfo.get_all("alias").collect::<Vec<_>>(), ["fs-overlay", "b=c"]);
        assert_eq!(modinfo.get("novalue").as_deref(), Some(""));
        assert_eq!(modinfo.get("ame"), None);
        assert_eq!(modinfo.get("\u{fffd}").as_deref(), Some("\u{fffd}"));
        assert_eq!(modinfo.iter().count(), 9);
    }

    #[test]
    fn dependencies_are_named_as_the_kernel_names_them() {
        assert_eq!(Modinfo::new(BYTES).depends(), ["i2c_core", "hid"]);
        assert_eq!(Modinfo::new(b"depends=\0").depends(), Vec::<String>::new());
    }

    #[test]
    fn a_soft_dependency_outside_of_a_list_is_none() {
        let softdep = Modinfo::new(BYTES).softdep();
        assert_eq!(softdep.pre, ["crypto-crc32c", "b", "e"]);
        assert_eq!(softdep.post, ["c"]);
    }

    #[test]
    fn with_crcs_the_release_does_not_count_and_the_flags_do() {
        let kernel = Vermagic::parse("6.1.0-55-cloud-amd64 SMP preempt mod_unload modversions ");
        let module = Vermagic::parse("6.1.0-56-cloud-amd64 SMP preempt mod_unload modversions ");
        assert_eq!(module.release, "6.1.0-56-cloud-amd64");
        assert_eq!(module.flags, ["SMP", "preempt", "mod_unload", "modversions"]);
        assert!(module.is_accepted_by(&kernel, true));
        assert!(!module.is_accepted_by(&kernel, false));
        let other = Vermagic::parse("6.1.0-55-cloud-amd64 SMP mod_unload modversions ");
        assert!(!other.is_accepted_by(&kernel, true));
        assert_eq!(Vermagic::parse(" SMP").release, "");
        assert_eq!(Vermagic::parse("").flags, Vec::<String>::new());
    }
}
