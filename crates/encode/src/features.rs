//! The names that pahole has for what is encoded.

use crate::options::{Functions, Options};

/// What pahole's `--btf_features` asks for.
///
/// ```
/// use encode::Features;
///
/// let mut features = Features::none();
/// assert_eq!(features.add("var,enum64,not_invented_yet"), ["not_invented_yet"]);
/// assert!(features.contains("enum64") && !features.contains("float"));
/// features.add("+distilled_base");
/// assert!(features.contains("float") && features.options().distilled_base);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Features {
    /// A bit for each of [`Features::NAMES`].
    set: u32,
}

/// How many of the names are of the features that `default` stands for; they come first.
const STANDARD: usize = 9;

impl Features {
    /// The names of all features, as pahole 1.30 has them (`btf_features` in `pahole.c`).
    ///
    /// Two of them change nothing here: `encode_force` asks to go on where a symbol has an invalid name, which is always
    /// done, and `reproducible_build` for bytes that do not depend on threads, which they never do.
    pub const NAMES: &[&str] = &[
        "encode_force",
        "var",
        "float",
        "decl_tag",
        "type_tag",
        "enum64",
        "optimized_func",
        "consistent_func",
        "decl_tag_kfuncs",
        "reproducible_build",
        "distilled_base",
        "global_var",
        "attributes",
    ];

    /// No feature.
    #[must_use]
    pub const fn none() -> Self {
        Self { set: 0 }
    }

    /// What `default` stands for: what kernels ask for, up to pahole's own `decl_tag_kfuncs`.
    #[must_use]
    pub const fn standard() -> Self {
        Self { set: (1 << STANDARD) - 1 }
    }

    /// What `all` stands for. That is no more than [`Features::standard`]: pahole 1.26 understood the word when these were all
    /// features that there were, and features have since been left out of it on purpose, as older kernels do not know what
    /// they add.
    #[must_use]
    pub const fn all() -> Self {
        Self::standard()
    }

    /// Adds what a comma-separated list names, as one `--btf_features=LIST` does: several options add up, `default` and `all`
    /// stand for the standard features, and a list that begins with `+` is added to these. Gives back the names that are
    /// not known, which pahole ignores (`parse_btf_features` in `pahole.c`).
    pub fn add(&mut self, list: &str) -> Vec<String> {
        let list = match list.strip_prefix('+') {
            Some(rest) => {
                self.set |= Self::standard().set;
                rest
            }
            None => list,
        };
        let mut unknown = Vec::new();
        for name in list.split(',').filter(|name| !name.is_empty()) {
            match (name, Self::bit(name)) {
                ("default", _) => self.set |= Self::standard().set,
                ("all", _) => self.set |= Self::all().set,
                (_, Some(bit)) => self.set |= bit,
                (_, None) => unknown.push(name.to_owned()),
            }
        }
        unknown
    }

    fn bit(name: &str) -> Option<u32> {
        let place = Self::NAMES.iter().position(|known| *known == name)?;
        1u32.checked_shl(u32::try_from(place).ok()?)
    }

    /// Whether a feature is asked for. One that is not known never is.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        Self::bit(name).is_some_and(|bit| self.set & bit != 0)
    }

    /// What pahole 1.30 encodes if asked for these. Rust is not left out: `--lang_exclude` is another argument.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            floats: self.contains("float"),
            enum64: self.contains("enum64"),
            decl_tags: self.contains("decl_tag"),
            type_tags: self.contains("type_tag"),
            variables: self.contains("var"),
            global_variables: self.contains("global_var"),
            functions: if self.contains("consistent_func") { Functions::Consistent } else { Functions::First },
            optimized_functions: self.contains("optimized_func"),
            kfunc_tags: self.contains("decl_tag_kfuncs"),
            attributes: self.contains("attributes"),
            distilled_base: self.contains("distilled_base"),
            exclude_rust: false,
            ..Options::kernel()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_add_up_and_what_is_unknown_is_told() {
        let mut features = Features::none();
        assert_eq!(features.add("var,,enum64"), Vec::<String>::new());
        assert_eq!(features.add("all_of_it,float"), ["all_of_it"]);
        let named: Vec<_> = Features::NAMES.iter().filter(|name| features.contains(name)).collect();
        assert_eq!(named, [&"var", &"float", &"enum64"]);
        assert!(!features.contains("all_of_it"));
    }

    #[test]
    fn the_standard_features_are_those_of_pahole() {
        for list in ["default", "all", "+", "var,default"] {
            let mut features = Features::none();
            assert!(features.add(list).is_empty());
            assert_eq!(features, Features::standard(), "{list}");
        }
        let standard = Features::standard();
        assert!(standard.contains("decl_tag_kfuncs") && !standard.contains("reproducible_build"));
        let mut more = Features::none();
        assert!(more.add("+global_var").is_empty());
        assert!(more.contains("global_var") && more.contains("consistent_func"));
    }

    #[test]
    fn a_kernel_of_6_12_asks_for_the_standard_features() {
        let mut features = Features::none();
        let unknown = features
            .add("encode_force,var,float,enum64,decl_tag,type_tag,optimized_func,consistent_func,decl_tag_kfuncs");
        assert!(unknown.is_empty());
        assert_eq!(Options { exclude_rust: true, ..features.options() }, Options::kernel());
    }

    #[test]
    fn every_feature_but_two_changes_what_is_encoded() {
        let none = Features::none().options();
        for name in Features::NAMES {
            let mut features = Features::none();
            features.add(name);
            let changes = features.options() != none;
            assert_eq!(changes, !matches!(*name, "encode_force" | "reproducible_build"), "{name}");
        }
    }
}
