//! Which of the kernel's own log calls were reached: the calls are read from its source.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;
use verdict::{Form, Line, Part, Site, Verdict};

use crate::error::Error;

/// A call of a logging function in the kernel's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSite {
    /// The file, relative to the source.
    pub file: &'static str,
    /// The line, from 1.
    pub line: usize,
    /// The function that calls.
    pub function: String,
    /// The function that is called.
    pub logger: String,
    /// The format string.
    pub format: String,
    /// Which of the calls with the same function, logger and format.
    pub nth: u8,
}

/// How often calls were reached, by function, logger, format string and number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reached {
    sites: BTreeMap<Site, usize>,
    forms: BTreeMap<Form, usize>,
}

impl Reached {
    pub(crate) fn add(&mut self, verdict: &Verdict, observed: impl Iterator<Item = Line>) {
        let mut reason_seen = false;
        for line in observed {
            *self.forms.entry(line.form).or_default() += 1;
            reason_seen |= verdict.site.is_some_and(|site| site.form == line.form);
        }
        if let Some(site) = verdict.site.filter(|_| reason_seen) {
            *self.sites.entry(site).or_default() += 1;
        }
    }

    /// Adds what another run reached.
    pub fn merge(&mut self, other: &Self) {
        other.sites.iter().for_each(|(site, count)| *self.sites.entry(*site).or_default() += count);
        other.forms.iter().for_each(|(form, count)| *self.forms.entry(*form).or_default() += count);
    }
}

/// A call, and whether it was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The call.
    pub site: CallSite,
    /// How many cases reached it.
    pub cases: usize,
    /// Why none can, if that is known.
    pub unreachable: Option<&'static str>,
}

/// The files with the calls.
const FILES: [&str; 2] = ["kernel/bpf/btf.c", "tools/lib/bpf/btf_relocate.c"];

/// Functions that log, but do not run when a module is loaded.
const NOT_ON_THE_WAY: &[(&str, &str)] = &[
    ("btf_parse_type_sec", "runs for BTF of user space only (`btf_parse`)"),
    ("btf_parse_layout_sec", "runs for BTF of user space only (`btf_parse`)"),
    ("btf_verifier_log_hdr", "prints for user space only: it returns early for BPF_LOG_KERNEL"),
    ("__btf_verifier_log_type", "the frame of a line about a type"),
    ("check_btf_kconfigs", "runs when a module's init registers kfuncs, and the module that is loaded has no init"),
    (
        "btf_check_dtor_kfuncs",
        "runs when a module's init registers destructors, and the module that is loaded has no init",
    ),
    ("register_btf_kfunc_id_set", "runs when a module's init registers kfuncs"),
    ("__register_btf_kfunc_id_set", "runs when a module's init registers kfuncs"),
    ("register_btf_id_dtor_kfuncs", "runs when a module's init registers destructors"),
];

/// Calls that no input reaches.
const UNREACHABLE: &[(&str, &str, &str)] = &[
    (
        "btf_add_type",
        "Exceeded max num of types",
        "takes a base whose number of types and the module's array together are exactly 1,048,575",
    ),
    (
        "btf_module_notify",
        "failed to register module [%s] BTF in sysfs: %d\n",
        "takes a failed allocation, or a file of that name in sysfs already",
    ),
    ("btf_enum_check_meta", "\t%s val=%d\n", "not printed for BPF_LOG_KERNEL"),
    ("btf_enum64_check_meta", "\t%s val=%lld\n", "not printed for BPF_LOG_KERNEL"),
    (
        "btf_relocate_map_distilled_base",
        "base BTF id [%d] maps to invalid distilled base BTF id [%d]\n",
        "only `void` has id 0 in the index, its name is empty, and no type of a base that is looked up has an empty name",
    ),
];

/// Reads the calls from a kernel's source and compares.
///
/// # Errors
/// A file of the source cannot be read.
pub fn coverage(source: &Path, reached: &Reached) -> Result<Vec<Coverage>, Error> {
    let mut all = Vec::new();
    for file in FILES {
        let path = source.join(file);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            // Kernels before 6.11 do not relocate.
            Err(error) if error.kind() == io::ErrorKind::NotFound && file != FILES[0] => continue,
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        all.extend(call_sites(file, &text).into_iter().map(|site| judge(site, reached)));
    }
    // The checks of a base of its own: what a module brings is the only base that is validated after the boot.
    let relocates = all.iter().any(|call| call.site.file == FILES[1]);
    let of_base = |site: &CallSite| matches!((&*site.format, site.nth), ("No data", 0) | ("Invalid string section", 1));
    for call in all.iter_mut().filter(|call| !relocates && of_base(&call.site)) {
        call.unreachable = Some("is for a base, and this kernel takes none from a module");
    }
    Ok(all)
}

fn judge(site: CallSite, reached: &Reached) -> Coverage {
    let text = site.format.trim_end_matches('\n').replace("%zu", "%u").replace("%ld", "%d");
    let exact = reached.sites.iter().filter(|(known, _)| {
        known.function == site.function
            && known.logger == site.logger
            && known.nth == site.nth
            && known.form.format_string() == text
    });
    let exact: usize = exact.map(|(_, count)| count).sum();
    let shown = || {
        let forms =
            reached.forms.iter().filter(|(form, _)| form.part() != Part::Reason && form.format_string() == text);
        let fwd = [Form::FwdStruct, Form::FwdUnion].iter().filter(|_| site.function == "btf_fwd_type_log");
        let fwd = fwd.filter_map(|form| reached.forms.get(form)).sum::<usize>();
        forms.map(|(_, count)| count).sum::<usize>() + fwd
    };
    let cases = if exact > 0 {
        exact
    } else if is_detail(&site.function) {
        shown()
    } else {
        0
    };
    let not_on_the_way = NOT_ON_THE_WAY.iter().find(|(function, _)| *function == site.function).map(|(_, why)| *why);
    let unreachable =
        UNREACHABLE.iter().find(|(function, format, _)| *function == site.function && *format == site.format);
    let later =
        is_later(&site.function).then_some("runs after the checks of a load, which `btf_resolve` is not part of");
    Coverage { cases, unreachable: not_on_the_way.or(unreachable.map(|(_, _, why)| *why)).or(later), site }
}

/// Whether a function logs what a line is about.
fn is_detail(function: &str) -> bool {
    function.ends_with("_log")
        || function.starts_with("btf_verifier_log_")
        || function == "__btf_verifier_log_type"
        || function == "btf_module_notify"
        || function.ends_with("_type_log")
}

/// Whether a function belongs to the resolution of types, which does not take place for modules.
fn is_later(function: &str) -> bool {
    let ends = ["_resolve", "_check_member", "_check_kflag_member", "_check"];
    ends.iter().any(|end| function.ends_with(end)) || function == "btf_check_all_types" || function == "env_stack_push"
}

static CALL: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#"\b(_?_?btf_verifier_log(?:_type|_basic|_member|_vsi)?|pr_warn|pr_warn_once)\s*\(([^;]*?)"((?:[^"\\]|\\.)*)""#;
    Regex::new(pattern).expect("a constant pattern")
});

/// The calls in a file, with the function in which each stands: the last line that begins with a letter and has an opening parenthesis.
fn call_sites(file: &'static str, text: &str) -> Vec<CallSite> {
    let mut sites: Vec<CallSite> = Vec::new();
    for captures in CALL.captures_iter(text) {
        let (Some(whole), Some(logger), Some(between), Some(format)) =
            (captures.get(0), captures.get(1), captures.get(2), captures.get(3))
        else {
            continue;
        };
        let before = text.get(..whole.start()).unwrap_or_default();
        let own_line = before.rsplit('\n').next().unwrap_or_default();
        // A definition or a macro, no call; or a call whose text is in a variable, so that the string belongs to another.
        if own_line.starts_with(|c: char| !c.is_whitespace())
            || between.as_str().contains("{")
            || between.as_str().contains(")\n")
        {
            continue;
        }
        let line = before.matches('\n').count() + 1;
        let function = function_of(before).unwrap_or_default();
        let format = unescape(format.as_str());
        let logger = logger.as_str().to_owned();
        let same = |site: &&CallSite| site.function == function && site.logger == logger && site.format == format;
        let nth = u8::try_from(sites.iter().filter(same).count()).unwrap_or(u8::MAX);
        sites.push(CallSite { file, line, function, logger, format, nth });
    }
    sites
}

fn function_of(before: &str) -> Option<String> {
    let heads = before.lines().rev().filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'));
    let mut heads = heads.filter(|line| line.contains('(') && !line.ends_with(';'));
    let head = heads.next()?;
    // Attributes in front of a function, such as `__printf(4, 5) static void f(`, come before its name.
    let name = head.rsplit_once('(').and_then(|(before, _)| {
        before.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).find(|word| !word.is_empty())
    });
    name.map(str::to_owned)
}

fn unescape(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\t", "\t").replace("\\\"", "\"")
}
