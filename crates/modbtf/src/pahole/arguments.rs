//! pahole's arguments for encoding.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Parser;
use encode::{Features, Options};

/// Help that does not fit the single arguments.
const AFTER_HELP: &str = "Environment: MODBTF_DIAGNOSTICS can hold -v, -vv and --timings, as modbtf has them.\n\n\
    Exit codes: 0 encoded, or the answer was printed; 1 not encoded, whatever the reason; 2 unknown or malformed arguments, \
    also in MODBTF_DIAGNOSTICS; 130 interrupted.";

/// The features that pahole encodes without `--btf_features` and without single options.
const USUAL: [&str; 4] = ["var", "enum64", "decl_tag", "type_tag"];

/// Encode BTF with pahole's arguments, for kernel builds: make PAHOLE=/path/to/modbtf-pahole.
#[derive(Debug, Default, Parser)]
#[command(name = "modbtf-pahole", disable_version_flag = true, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Arguments {
    /// The file to encode: a module or a vmlinux. It gets a .BTF section, unless that goes elsewhere.
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,

    /// Encode BTF.
    #[arg(short = 'J', long = "btf_encode")]
    pub(super) btf_encode: bool,

    /// The base: a vmlinux with .BTF, or BTF alone.
    #[arg(long = "btf_base", value_name = "FILE")]
    pub(super) btf_base: Option<PathBuf>,

    /// Write BTF here, and leave the file as it is.
    #[arg(long = "btf_encode_detached", value_name = "FILE")]
    pub(super) btf_encode_detached: Option<PathBuf>,

    /// How many threads read the file; without a number, as many as there are processors.
    #[arg(short, long, value_name = "N", num_args = 0..=1, require_equals = true, action = clap::ArgAction::Append,
          default_missing_value = "0")]
    jobs: Vec<usize>,

    /// The features to encode, separated by commas. Several lists add up. Unknown names, such as `layout` of pahole 1.31, are
    /// ignored.
    #[arg(long = "btf_features", value_name = "LIST")]
    btf_features: Vec<String>,

    /// As --btf_features, but an unknown name is an error.
    #[arg(long = "btf_features_strict", value_name = "LIST")]
    btf_features_strict: Vec<String>,

    /// Print the names of the known features.
    #[arg(long = "supported_btf_features")]
    pub(super) supported_btf_features: bool,

    /// Leave out compilation units in this language; only rust can be left out.
    #[arg(long = "lang_exclude", value_name = "LANGUAGE", value_delimiter = ',')]
    lang_exclude: Vec<String>,

    /// Leave out variables.
    #[arg(long = "skip_encoding_btf_vars")]
    skip_encoding_btf_vars: bool,

    /// Encode all global variables, not only those of the per-CPU section.
    #[arg(long = "encode_btf_global_vars")]
    encode_btf_global_vars: bool,

    /// Encode no ENUM64: an enum of more than 32 bits becomes an ENUM whose values are cut to 32 bits. No enum is
    /// marked as signed.
    #[arg(long = "skip_encoding_btf_enum64")]
    skip_encoding_btf_enum64: bool,

    /// Leave out declaration tags.
    #[arg(long = "skip_encoding_btf_decl_tag")]
    skip_encoding_btf_decl_tag: bool,

    /// Leave out type tags.
    #[arg(long = "skip_encoding_btf_type_tag")]
    skip_encoding_btf_type_tag: bool,

    /// Leave out functions whose prototypes differ between compilation units.
    #[arg(long = "skip_encoding_btf_inconsistent_proto")]
    skip_encoding_btf_inconsistent_proto: bool,

    /// Encode floating-point numbers as such.
    #[arg(long = "btf_gen_floats")]
    btf_gen_floats: bool,

    /// Encode functions that the compiler optimised, under their names in the source: `f.isra.0` as `f`.
    #[arg(long = "btf_gen_optimized")]
    btf_gen_optimized: bool,

    /// As --btf_gen_floats and --btf_gen_optimized.
    #[arg(long = "btf_gen_all")]
    btf_gen_all: bool,

    /// Accepted and without effect: symbols without a valid name never stop the encoder.
    #[arg(long = "btf_encode_force")]
    btf_encode_force: bool,

    /// Accepted and without effect: the bytes never depend on the number of threads.
    #[arg(long = "reproducible_build")]
    reproducible_build: bool,

    /// Report what was encoded and what was left out.
    #[arg(short = 'V', long)]
    pub(super) verbose: bool,

    /// Print the version of pahole that this program stands in for.
    #[arg(long)]
    pub(super) version: bool,

    /// Print that version as a number.
    #[arg(long = "numeric_version")]
    pub(super) numeric_version: bool,
}

/// The arguments with `-j4` written as `-j=4`. The number is part of the argument or absent, so the argument after a
/// bare `-j` is not taken as its number.
pub(super) fn unglued(arguments: impl IntoIterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    arguments.into_iter().map(|argument| {
        let number = argument.to_str().and_then(|text| text.strip_prefix("-j"));
        match number.filter(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())) {
            Some(number) => format!("-j={number}").into(),
            None => argument,
        }
    })
}

impl Arguments {
    /// The number of threads.
    pub(super) fn threads(&self) -> usize {
        match self.jobs.last() {
            None => 1,
            Some(0) => std::thread::available_parallelism().map_or(1, usize::from),
            Some(&jobs) => jobs,
        }
    }

    /// The encoder's options.
    pub(super) fn options(&self) -> Result<Options> {
        if let Some(language) = self.lang_exclude.iter().find(|language| *language != "rust") {
            bail!("cannot leave out units in {language}: rust is the only language that can be left out");
        }
        let mut features = Features::none();
        let lists = || self.btf_features.iter().chain(&self.btf_features_strict);
        if lists().next().is_none() {
            features.add(&USUAL.join(","));
        }
        for list in &self.btf_features {
            features.add(list);
        }
        let unknown: Vec<_> = self.btf_features_strict.iter().flat_map(|list| features.add(list)).collect();
        if !unknown.is_empty() {
            let (unknown, known) = (unknown.join(", "), Features::NAMES.join(", "));
            bail!("cannot encode all features: {unknown} not known; there are default, all, {known}");
        }
        let mut names: BTreeSet<&str> =
            Features::NAMES.iter().copied().filter(|name| features.contains(name)).collect();
        for (name, add, remove) in self.single() {
            if add {
                names.insert(name);
            }
            if remove {
                names.remove(name);
            }
        }
        let mut features = Features::none();
        features.add(&names.into_iter().collect::<Vec<_>>().join(","));
        Ok(Options { exclude_rust: !self.lang_exclude.is_empty(), ..features.options() })
    }

    /// The arguments for single features: name, whether it is requested, whether it is excluded.
    fn single(&self) -> [(&'static str, bool, bool); 9] {
        [
            ("var", false, self.skip_encoding_btf_vars),
            ("global_var", self.encode_btf_global_vars, false),
            ("enum64", false, self.skip_encoding_btf_enum64),
            ("decl_tag", false, self.skip_encoding_btf_decl_tag),
            ("type_tag", false, self.skip_encoding_btf_type_tag),
            ("consistent_func", self.skip_encoding_btf_inconsistent_proto, false),
            ("float", self.btf_gen_floats || self.btf_gen_all, false),
            ("optimized_func", self.btf_gen_optimized || self.btf_gen_all, false),
            ("encode_force", self.btf_encode_force || self.reproducible_build, false),
        ]
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Arguments {
        let words = ["pahole"].into_iter().chain(line.split_whitespace()).map(OsString::from);
        Arguments::try_parse_from(unglued(words)).unwrap()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn linux_6_1_is_understood() {
        let line = "-J --btf_gen_floats -j --lang_exclude=rust --skip_encoding_btf_inconsistent_proto --btf_gen_optimized \
                    --btf_base vmlinux net/802/stp.ko";
        let arguments = parse(line);
        assert_eq!(arguments.files, [PathBuf::from("net/802/stp.ko")]);
        assert_eq!(arguments.btf_base, Some("vmlinux".into()));
        let mut asked = Features::none();
        asked.add("var,enum64,decl_tag,type_tag,float,consistent_func,optimized_func");
        assert_eq!(arguments.options().unwrap(), Options { exclude_rust: true, ..asked.options() });
        let line = format!("--skip_encoding_btf_vars --skip_encoding_btf_enum64 {line}");
        let options = parse(&line).options().unwrap();
        assert!(!options.variables && !options.enum64);
    }

    #[test]
    fn linux_6_12_is_understood() {
        let line = "-J -j --btf_features=encode_force,var,float,enum64,decl_tag,type_tag,optimized_func,consistent_func,\
                    decl_tag_kfuncs -j --btf_features=+reproducible_build --lang_exclude=rust \
                    --btf_features=distilled_base,of_next_year --btf_base vmlinux grow.ko";
        let arguments = parse(line);
        let options = arguments.options().unwrap();
        assert_eq!(options, Options { distilled_base: true, ..Options::kernel() });
        assert_eq!(arguments.threads(), std::thread::available_parallelism().unwrap().get());
    }

    #[test]
    fn linux_7_2_is_understood() {
        let line = "-J -j16 --btf_features=encode_force,var,float,enum64,decl_tag,type_tag,optimized_func,consistent_func,\
                    decl_tag_kfuncs --btf_features=attributes -j16 --lang_exclude=rust --btf_base vmlinux \
                    --btf_encode_detached=fs/x.ko.BTF.1 fs/x.ko";
        let arguments = parse(line);
        assert_eq!(arguments.options().unwrap(), Options { attributes: true, ..Options::kernel() });
        let newer = parse(&format!("--btf_features=layout {line}"));
        assert_eq!(newer.options().unwrap(), arguments.options().unwrap(), "asked for from 1.31 on");
        assert_eq!((arguments.threads(), arguments.btf_encode_detached), (16, Some("fs/x.ko.BTF.1".into())));
    }

    #[test]
    fn a_bare_j_does_not_take_what_follows() {
        for line in ["-J -j vmlinux", "-J --jobs vmlinux", "-J -j2 vmlinux", "-J --jobs=2 vmlinux"] {
            assert_eq!(parse(line).files, [PathBuf::from("vmlinux")], "{line}");
        }
        assert_eq!(parse("-J vmlinux").threads(), 1);
    }

    #[test]
    fn unknown_arguments_are_refused_but_unknown_features_are_not() {
        let words = ["pahole", "-J", "--sort_output", "vmlinux"].map(OsString::from);
        let error = Arguments::try_parse_from(unglued(words)).unwrap_err().to_string();
        assert!(error.contains("--sort_output"), "{error}");
        assert!(parse("-J --btf_features=of_next_year x").options().is_ok());
        let error = parse("-J --btf_features_strict=var,of_next_year x").options().unwrap_err().to_string();
        assert!(error.contains("of_next_year not known"), "{error}");
        let error = parse("-J --lang_exclude=rust,cobol x").options().unwrap_err().to_string();
        assert!(error.contains("cobol"), "{error}");
    }
}
