//! Failed insertions, as modprobe, insmod and others report them. Their errno alone does not explain a failure; it is assigned to the
//! kernel's failure of the same module.

use btf::BString;

use crate::errno::Errno;
use crate::finding::Finding;
use crate::log::failure::{Boot, Evidence, Failure, Missing, Sure};
use crate::log::message::{Message, MessageLine};
use crate::log::record::{Event, Record};

/// A program's report that it could not insert a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailedInsert {
    module: BString,
    /// The errno that the program's text stands for; `None` if the text is in another language.
    errno: Option<Errno>,
    evidence: Evidence,
    /// The number of the boot.
    boot: u64,
}

impl FailedInsert {
    /// The module and the number of the boot.
    pub fn key(&self) -> (BString, u64) {
        (self.module.clone(), self.boot)
    }
}

/// The failed insertions among records whose cause may be the module's BTF, symbols or version magic.
pub(crate) fn failed_inserts(records: &[Record], boot: u64) -> impl Iterator<Item = FailedInsert> {
    records.iter().filter_map(move |record| {
        let Event::Message(message_line) = &record.event else { return None };
        let errno = (message_line.message == Message::InsertFailed).then(|| errno(message_line))??;
        let module = module_name(message_line.text("module")?);
        let evidence = Evidence { line: record.line, text: record.text.clone() };
        Some(FailedInsert { module, errno: errno.known(), evidence, boot })
    })
}

/// A program's text for an errno.
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

/// The errno of a program's text; `None` if it has nothing to do with the module's BTF, symbols or version magic.
fn errno(message_line: &MessageLine) -> Option<Text> {
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
    let text = message_line.text("error")?.to_ascii_lowercase();
    let is = |known: &[u8]| text.starts_with(known);
    if OTHER.iter().any(|other| is(other)) {
        return None;
    }
    Some(KNOWN.iter().find(|(known, _)| is(known)).map_or(Text::Unknown, |&(_, number)| Text::Errno(number)))
}

/// A module's name, from its name or its file name.
fn module_name(text: &[u8]) -> BString {
    let file = text.rsplit(|&byte| byte == b'/').next().unwrap_or(text);
    let end = memchr::memmem::find(file, b".ko").unwrap_or(file.len());
    let name = file.get(..end).unwrap_or(file);
    name.iter().map(|&byte| if byte == b'-' { b'_' } else { byte }).collect::<Vec<u8>>().into()
}

/// Assigns each failed insertion to the last failure of its module in the log. Those without one become failures of their own.
pub(crate) fn assign(boots: &mut Vec<Boot>, inserts: Vec<FailedInsert>) {
    for insert in inserts {
        let known = boots.iter_mut().flat_map(|boot| &mut boot.failures).rev();
        let mut of_module = known.filter(|failure| {
            failure.module.as_ref() == Some(&insert.module) && failure.finding != Finding::InsertFailed
        });
        if let Some(failure) = of_module.next() {
            failure.not_inserted = true;
            failure.last_line = failure.last_line.max(insert.evidence.line);
            continue;
        }
        let at =
            usize::try_from(insert.boot.saturating_sub(1)).unwrap_or(usize::MAX).min(boots.len().saturating_sub(1));
        if boots.is_empty() {
            boots.push(Boot::default());
        }
        if let Some(boot) = boots.get_mut(at) {
            let failure = failure(insert);
            match boot.failures.iter_mut().find(|known| known.repeats(&failure)) {
                Some(known) => known.merge(failure),
                None => boot.failures.push(failure),
            }
        }
    }
}

fn failure(insert: FailedInsert) -> Failure {
    let (finding, sure) = match insert.errno {
        Some(Errno(8)) => (Finding::Vermagic, Sure::Possible),
        Some(Errno(2)) => (Finding::SymbolUnknown, Sure::Likely),
        _ => (Finding::InsertFailed, Sure::Possible),
    };
    Failure {
        module: Some(insert.module),
        errno: insert.errno,
        not_inserted: true,
        last_line: insert.evidence.line,
        evidence: vec![insert.evidence],
        missing: vec![Missing::Kernel],
        ..Failure::new(finding, sure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(line: &str) -> Option<(String, Option<i32>)> {
        let record = Record::read(1, line.as_bytes())?;
        let insert = failed_inserts(&[record], 1).next()?;
        Some((insert.module.to_string(), insert.errno.map(|errno| errno.0)))
    }

    #[test]
    fn failed_inserts_of_every_program_are_read() {
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
            assert_eq!(insert(line), expected.map(|(module, errno)| (module.to_owned(), errno)), "{line}");
        }
    }
}
