//! The kernel's checks of a module before its BTF: the layout of `struct module`, the version magic, and the imported symbols.
//!
//! Source: `load_module`, `check_modinfo` and `simplify_symbols` in `kernel/module/main.c`; `check_version` in
//! `kernel/module/version.c`.

use crate::errno::Errno;
use crate::form::Form;
use crate::line::{Line, Value};

/// The parts of a module that these checks read.
#[derive(Debug, Clone, Copy)]
pub struct ModuleHead<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version magic.
    pub vermagic: Option<&'a str>,
    /// Whether it has CRCs of its imports (`__versions`).
    pub has_crcs: bool,
}

/// A symbol that a module imports, and the running kernel's export of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportedSymbol<'a> {
    /// The symbol.
    pub symbol: &'a str,
    /// Whether it is weak: the module loads without it.
    pub weak: bool,
    /// The CRC in the module's `__versions`, if there is one.
    pub asked: Option<u32>,
    /// The export of the kernel or of a loaded module.
    pub offer: Offer,
}

/// An export under a symbol's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// None.
    Absent,
    /// An export without a CRC: CRCs are not compared.
    Plain,
    /// An export with a CRC.
    Crc(u32),
}

/// The result of checks: the lines that the kernel logs, and the errno if it refuses the module.
pub type Checked = (Vec<Line>, Option<Errno>);

/// `ENOEXEC`: the module was built for another kernel.
const ENOEXEC: Errno = Errno(8);

/// The checks before those of imports: the CRC of `module_layout`, which depends on the layout of `struct module`, and the version magic.
/// The first word of the version magic, the release, is ignored if both the module and the kernel have CRCs.
#[must_use]
pub fn check_head(
    module: &ModuleHead<'_>,
    layout: &ImportedSymbol<'_>,
    kernel_vermagic: &str,
    modversions: bool,
) -> Checked {
    if modversions && let (lines, Some(_)) = check_version(module, layout) {
        return (lines, Some(ENOEXEC));
    }
    let Some(vermagic) = module.vermagic else { return (vec![], None) };
    let compared = |text: &'_ str| match module.has_crcs && modversions {
        true => text.split_once(' ').map_or("", |(_, rest)| rest).to_owned(),
        false => text.to_owned(),
    };
    if compared(vermagic) == compared(kernel_vermagic) {
        return (vec![], None);
    }
    let values: [Value; 3] = [module.name.into(), vermagic.into(), kernel_vermagic.into()];
    (vec![Line::new(Form::VersionMagic, values)], Some(ENOEXEC))
}

/// The check of one symbol that the module imports.
#[must_use]
pub fn check_import(module: &ModuleHead<'_>, import: &ImportedSymbol<'_>, modversions: bool) -> Checked {
    let unknown = |errno: Errno| {
        let values: [Value; 3] = [module.name.into(), import.symbol.into(), errno.0.wrapping_neg().into()];
        Line::new(Form::UnknownSymbol, values)
    };
    if import.offer == Offer::Absent {
        return if import.weak { (vec![], None) } else { (vec![unknown(Errno::ENOENT)], Some(Errno::ENOENT)) };
    }
    let (mut lines, wrong) = if modversions { check_version(module, import) } else { (vec![], None) };
    if wrong.is_some() {
        lines.push(unknown(Errno::EINVAL));
    }
    (lines, wrong)
}

/// The kernel's `check_version`.
fn check_version(module: &ModuleHead<'_>, import: &ImportedSymbol<'_>) -> Checked {
    let Offer::Crc(crc) = import.offer else { return (vec![], None) };
    let form = match import.asked {
        Some(asked) if asked == crc => return (vec![], None),
        Some(_) => Form::SymbolVersion,
        None => Form::NoSymbolVersion,
    };
    let values: [Value; 2] = [module.name.into(), import.symbol.into()];
    (vec![Line::new(form, values)], Some(Errno::EINVAL))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;

    const KERNEL: &str = "6.1.0-55 SMP preempt mod_unload modversions ";
    const HEAD: ModuleHead<'_> = ModuleHead { name: "m", vermagic: Some(KERNEL), has_crcs: true };

    fn import(asked: Option<u32>, offer: Offer) -> ImportedSymbol<'static> {
        ImportedSymbol { symbol: "s", weak: false, asked, offer }
    }

    fn shown((lines, errno): Checked) -> String {
        let rules = Rules::new("6.1".parse().unwrap(), true);
        let lines = lines.iter().map(|line| format!("<{}>{}|", line.level(), line.record(&rules)));
        lines.collect::<String>() + &errno.map_or(0, |errno| errno.0).to_string()
    }

    #[test]
    fn another_release_is_accepted_if_there_are_crcs() {
        let layout = import(Some(1), Offer::Crc(1));
        let other = KERNEL.replace("-55", "-56");
        let head = |vermagic, has_crcs| ModuleHead { vermagic: Some(vermagic), has_crcs, ..HEAD };
        assert_eq!(shown(check_head(&head(&other, true), &layout, KERNEL, true)), "0");
        let refused = format!("<3>m: version magic '{other}' should be '{KERNEL}'|8");
        assert_eq!(shown(check_head(&head(&other, false), &layout, KERNEL, true)), refused);
        assert_eq!(shown(check_head(&head(&other, true), &layout, KERNEL, false)), refused);
        let options = KERNEL.replace("SMP ", "");
        assert!(shown(check_head(&head(&options, true), &layout, KERNEL, true)).ends_with("|8"));
    }

    #[test]
    fn another_layout_is_refused_first() {
        let layout = ImportedSymbol { symbol: "module_layout", ..import(Some(1), Offer::Crc(2)) };
        let refused = "<4>m: disagrees about version of symbol module_layout|8";
        assert_eq!(shown(check_head(&HEAD, &layout, "other", true)), refused);
    }

    #[test]
    fn import_without_a_matching_export_is_reported() {
        let check = |it: ImportedSymbol<'_>| shown(check_import(&HEAD, &it, true));
        assert_eq!(check(import(Some(1), Offer::Crc(1))), "0");
        assert_eq!(check(import(None, Offer::Plain)), "0");
        assert_eq!(check(import(Some(1), Offer::Absent)), "<4>m: Unknown symbol s (err -2)|2");
        assert_eq!(check(ImportedSymbol { weak: true, ..import(None, Offer::Absent) }), "0");
        assert_eq!(
            check(import(Some(1), Offer::Crc(2))),
            "<4>m: disagrees about version of symbol s|<4>m: Unknown symbol s (err -22)|22"
        );
        assert_eq!(
            check(import(None, Offer::Crc(2))),
            "<4>m: no symbol version for s|<4>m: Unknown symbol s (err -22)|22"
        );
        assert_eq!(shown(check_import(&HEAD, &import(Some(1), Offer::Crc(2)), false)), "0");
    }
}
