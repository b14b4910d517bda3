//! What modprobe, insmod and others report of modules that they could not load: too little to explain it, enough to look for it.

use btf::BString;

use crate::errno::Errno;
use crate::finding::Finding;
use crate::log::failure::{Boot, Evidence, Failure, Missing, Sure};
use crate::log::message::{Message, Said};
use crate::log::record::{Event, Record};

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    module: BString,
    /// What validation of BTF, or another part of the load, may have returned; `None` for a text in another language.
    errno: Option<Errno>,
    evidence: Evidence,
    /// The number of the boot.
    boot: u64,
}

impl Attempt {
    /// The module and the number of the boot.
    pub fn key(&self) -> (BString, u64) {
        (self.module.clone(), self.boot)
    }
}

/// The attempts among records whose error may have to do with BTF.
pub(crate) fn attempts(records: &[Record], boot: u64) -> impl Iterator<Item = Attempt> {
    records.iter().filter_map(move |record| {
        let Event::Said(said) = &record.event else { return None };
        let errno = (said.message == Message::InsertFailed).then(|| errno(said))??;
        let module = module_name(said.text("module")?);
        let evidence = Evidence { line: record.line, text: record.text.clone() };
        Some(Attempt { module, errno: errno.known(), evidence, boot })
    })
}

/// What a text stands for.
enum Text {
    Errno(i32),
    Unknown,
}

impl Text {
    fn known(self) -> Option<Errno> {
        match self {
            Self::Errno(number) => Some(Errno(number)),
            Self::Unknown => None,
        }
    }
}

/// The errno behind a program's text; `None` if it has nothing to do with BTF.
fn errno(said: &Said) -> Option<Text> {
    const KNOWN: [(&[u8], i32); 8] = [
        (b"invalid argument", 22),
        (b"invalid parameters", 22),
        (b"argument list too long", 7),
        (b"too many levels of symbolic links", 40),
        (b"unknown error 524", 524),
        (b"exec format error", 8),
        (b"invalid module format", 8),
        (b"unknown symbol", 2),
    ];
    const OTHER: [&[u8]; 13] = [
        b"file exists",
        b"no such device",
        b"no such file",
        b"operation not permitted",
        b"permission denied",
        b"device or resource busy",
        b"resource temporarily unavailable",
        b"cannot allocate memory",
        b"key was rejected",
        b"required key not available",
        b"package not installed",
        b"operation not supported",
        b"function not implemented",
    ];
    let text = said.text("error")?.to_ascii_lowercase();
    let is = |known: &[u8]| text.starts_with(known);
    if OTHER.iter().any(|other| is(other)) {
        return None;
    }
    Some(KNOWN.iter().find(|(known, _)| is(known)).map_or(Text::Unknown, |&(_, number)| Text::Errno(number)))
}

/// A module's name, from its name or its file's.
fn module_name(text: &[u8]) -> BString {
    let file = text.rsplit(|&byte| byte == b'/').next().unwrap_or(text);
    let end = memchr::memmem::find(file, b".ko").unwrap_or(file.len());
    let name = file.get(..end).unwrap_or(file);
    name.iter().map(|&byte| if byte == b'-' { b'_' } else { byte }).collect::<Vec<u8>>().into()
}

/// Gives each attempt to the failure that it follows from; the others become failures of their own.
pub(crate) fn assign(boots: &mut Vec<Boot>, attempts: Vec<Attempt>) {
    for attempt in attempts {
        let known = boots.iter_mut().flat_map(|boot| &mut boot.failures).rev();
        let mut of_module = known.filter(|failure| {
            failure.module.as_ref() == Some(&attempt.module) && failure.finding != Finding::InsertFailed
        });
        if let Some(failure) = of_module.next() {
            failure.not_inserted = true;
            failure.last_line = failure.last_line.max(attempt.evidence.line);
            continue;
        }
        let at =
            usize::try_from(attempt.boot.saturating_sub(1)).unwrap_or(usize::MAX).min(boots.len().saturating_sub(1));
        if boots.is_empty() {
            boots.push(Boot::default());
        }
        if let Some(boot) = boots.get_mut(at) {
            let failure = failure(attempt);
            match boot.failures.iter_mut().find(|known| known.repeats(&failure)) {
                Some(known) => known.merge(failure),
                None => boot.failures.push(failure),
            }
        }
    }
}

fn failure(attempt: Attempt) -> Failure {
    let (finding, sure) = match attempt.errno {
        Some(Errno(8)) => (Finding::Vermagic, Sure::Possible),
        Some(Errno(2)) => (Finding::SymbolUnknown, Sure::Likely),
        _ => (Finding::InsertFailed, Sure::Possible),
    };
    Failure {
        module: Some(attempt.module),
        errno: attempt.errno,
        not_inserted: true,
        last_line: attempt.evidence.line,
        evidence: vec![attempt.evidence],
        missing: vec![Missing::Kernel],
        ..Failure::new(finding, sure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(line: &str) -> Option<(String, Option<i32>)> {
        let record = Record::read(1, line.as_bytes())?;
        let attempt = attempts(&[record], 1).next()?;
        Some((attempt.module.to_string(), attempt.errno.map(|errno| errno.0)))
    }

    #[test]
    fn attempts_are_read_whoever_reports_them() {
        for (line, expected) in [
            ("modprobe: ERROR: could not insert 'exfat': Invalid argument", Some(("exfat", Some(22)))),
            (
                "insmod: ERROR: could not insert module ./a/snd-ump.ko.xz: Invalid parameters",
                Some(("snd_ump", Some(22))),
            ),
            ("insmod: can't insert 'x.ko': invalid argument", Some(("x", Some(22)))),
            ("modprobe: FEHLER: could not insert 'x': Das Argument ist ungültig", Some(("x", None))),
            (
                "Jan 01 10:00:01 h systemd-modules-load[1]: Failed to insert module 'x': Too many levels of symbolic links",
                Some(("x", Some(40))),
            ),
            ("modprobe: ERROR: could not insert 'x': File exists", None),
            ("modprobe: ERROR: could not insert 'x': Key was rejected by service", None),
        ] {
            assert_eq!(attempt(line), expected.map(|(module, errno)| (module.to_owned(), errno)), "{line}");
        }
    }
}
