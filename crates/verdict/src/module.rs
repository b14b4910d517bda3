//! What becomes of a module's BTF when the kernel loads the module.
//!
//! Source: `btf_module_notify` and `btf_parse_module` in `kernel/bpf/btf.c`.

use btf::{BStr, Endian};

use crate::errno::Errno;
use crate::form::Form;
use crate::line::{Line, Value};
use crate::raw_btf::RawBtf;
use crate::relocate::{self, RelocationStop};
use crate::rules::Rules;
use crate::site::Site;
use crate::undefined::Undefined;
use crate::validate;

/// A module's sections, as bytes.
#[derive(Debug, Clone, Copy)]
pub struct ModuleBtf<'a> {
    /// `.BTF`. Empty if there is none.
    pub btf: &'a [u8],
    /// `.BTF.base`, if there is one.
    pub base: Option<&'a [u8]>,
}

/// What the kernel remembers between two loads, until the next boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BootState {
    /// The line that is printed once a boot has been printed.
    pub mismatch_reported: bool,
}

/// A kernel that runs: its own BTF, its rules, its state.
#[derive(Debug, Clone)]
pub struct Kernel<'a> {
    /// Its BTF; `None` if it has none, or refused it at boot.
    pub base: Option<&'a RawBtf<'a>>,
    /// Its rules.
    pub rules: Rules,
    /// Its byte order.
    pub endian: Endian,
}

/// What validation of a module's BTF comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The module brings no BTF, or an empty section: nothing is done.
    NoBtf,
    /// The BTF is accepted, and these bytes appear in `/sys/kernel/btf/<module>`: the module's own, or relocated ones.
    Accepted {
        /// The relocated bytes, if `.BTF.base` was used.
        relocated: Option<Vec<u8>>,
    },
    /// The BTF is refused.
    Refused {
        /// What validation returned.
        errno: Errno,
        /// Whether the module is loaded all the same, without BTF.
        loads: bool,
    },
    /// The kernel leaves its own rules: what it prints afterwards, and whether it survives, cannot be said.
    Undefined(Undefined),
}

/// What the kernel does and logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The lines, in order.
    pub lines: Vec<Line>,
    /// What becomes of the BTF.
    pub fate: Fate,
    /// Which call in the kernel's source logs the reason of a refusal, also where its lines are left out; `None` where there is no call.
    pub site: Option<Site>,
}

impl Verdict {
    /// The errno with which this part of the load ends; `None` if it goes on.
    #[must_use]
    pub const fn load_errno(&self) -> Option<Errno> {
        match self.fate {
            Fate::Refused { errno, loads: false } => Some(errno),
            _ => None,
        }
    }

    /// The check that failed: the last line that gives a reason. `None` if no line says it: the BTF was accepted, the line was left out
    /// ([`Rules::allow_mismatch`]), or there is none (a chain that ends at no type).
    #[must_use]
    pub fn reason(&self) -> Option<&Line> {
        self.lines
            .iter()
            .rev()
            .find(|line| line.form.part() == crate::form::Part::Reason && line.form != Form::TooManyTypes)
    }
}

impl Kernel<'_> {
    /// What the kernel makes of a module's BTF once symbols and versions have been resolved, and before the module's own code runs.
    #[must_use]
    pub fn module_btf(&self, name: &BStr, sections: ModuleBtf<'_>, state: &mut BootState) -> Verdict {
        if sections.btf.is_empty() {
            return Verdict { lines: vec![], fate: Fate::NoBtf, site: None };
        }
        let mut lines = vec![];
        let mut site = None;
        let errno = match self.validate(sections, &mut lines, &mut site) {
            Ok(relocated) => return Verdict { lines, fate: Fate::Accepted { relocated }, site: None },
            Err(RelocationStop::Undefined(undefined)) => {
                return Verdict { lines, fate: Fate::Undefined(undefined), site: None };
            }
            Err(RelocationStop::Refused(errno)) => errno,
        };
        let loads = self.rules.loads_without_btf();
        if !(loads && self.rules.mismatch_is_quiet()) {
            let values: [Value; 2] = [name.into(), errno.0.wrapping_neg().into()];
            lines.push(Line::new(Form::Refused, values));
        } else if !state.mismatch_reported {
            state.mismatch_reported = true;
            lines.push(Line::new(Form::MismatchOnce, []));
        }
        Verdict { lines, fate: Fate::Refused { errno, loads }, site }
    }

    /// `btf_parse_module`: the relocated bytes, if there was something to relocate.
    fn validate(
        &self,
        sections: ModuleBtf<'_>,
        lines: &mut Vec<Line>,
        site: &mut Option<Site>,
    ) -> Result<Option<Vec<u8>>, RelocationStop> {
        let running = self.base.ok_or(RelocationStop::Refused(Errno::EINVAL))?;
        let distilled = match sections.base.filter(|_| self.rules.relocates()) {
            Some(bytes) => {
                let validated = validate::validate(bytes, None, self.endian, &self.rules);
                lines.extend(validated.lines);
                *site = validated.site;
                Some(validated.result.map_err(RelocationStop::Refused)?)
            }
            None => None,
        };
        let base = distilled.as_ref().unwrap_or(running);
        let validated = validate::validate(sections.btf, Some(base), self.endian, &self.rules);
        lines.extend(validated.lines);
        *site = validated.site;
        let module = validated.result.map_err(RelocationStop::Refused)?;
        let Some(distilled) = &distilled else { return Ok(None) };
        let (more, result) = relocate::relocate(&module, distilled, running, &self.rules);
        *site = more.last().and_then(|line| relocate::site_of(line.form));
        lines.extend(more);
        let body = result?;
        let header = sections.btf.len().saturating_sub(body.len());
        let mut bytes = sections.btf.get(..header).unwrap_or_default().to_vec();
        bytes.extend_from_slice(&body);
        Ok(Some(bytes))
    }
}
