//! Messages of kernels and programs other than the kernel's lines about BTF: other causes of a failed load, consequences of a refusal,
//! and failures of tools that read BTF.
//!
//! A table of templates: those of [`Form`] for what the model predicts, too, and others, of which only the meaning matters here.

use crate::form::{Form, TemplatePart, template_parts};
use crate::line::{Value, read_values};

/// What a line means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// A symbol that nothing exports, or that could not be used.
    UnknownSymbol,
    /// The CRC of a symbol differs, or is not there.
    Disagrees,
    /// The module is of another release.
    Vermagic,
    /// A module's kfuncs are not registered.
    KfuncMissing,
    /// The kernel's own kfuncs are not registered: it has no BTF.
    BaseKfuncMissing,
    /// A kfunc exists twice.
    KfuncPresent,
    /// `struct module` has another size.
    StructModule,
    /// A program could not load a module.
    InsertFailed,
    /// The section table of a vmlinux lies beyond the file's end.
    Truncated,
    /// A base cannot be read. One of the two messages has libbpf's error number.
    BaseUnreadable,
    /// A module's BTF was read without its base.
    ReadWithoutBase,
    /// A module was built without BTF.
    Skipped,
    /// `make` has no rule for a file.
    NoRule,
    /// A reader does not accept BTF that is only a header.
    HeaderOnly,
    /// An encoder stopped.
    EncoderFailed,
    /// resolve_btfids reported an error.
    Resolve,
}

/// The templates. A line matches if it contains the template's first fixed text. A slot before that text is the word before it.
const TEMPLATES: &[(Message, &str)] = &[
    // kernel/module/main.c, kernel/module/version.c
    (Message::UnknownSymbol, Form::UnknownSymbol.template()),
    (Message::Disagrees, Form::SymbolVersion.template()),
    (Message::Disagrees, Form::NoSymbolVersion.template()),
    (Message::Vermagic, Form::VersionMagic.template()),
    (
        Message::StructModule,
        "{module:s}: .gnu.linkonce.this_module section size must match the kernel's built struct module size{rest:s}",
    ),
    // kernel/bpf/btf.c
    (Message::KfuncMissing, "missing module BTF, cannot register kfunc{rest:s}"),
    (Message::BaseKfuncMissing, "missing vmlinux BTF, cannot register kfunc{rest:s}"),
    (Message::KfuncPresent, "kfunc {symbol:s} (id: {id:d}) is already present in vmlinux{rest:s}"),
    // kmod's modprobe and insmod, busybox, systemd-modules-load
    (Message::InsertFailed, "could not insert '{module:s}': {error:s}"),
    (Message::InsertFailed, "could not insert module {module:s}: {error:s}"),
    (Message::InsertFailed, "can't insert '{module:s}': {error:s}"),
    (Message::InsertFailed, "can't load module {module:s} ({path:s}): {error:s}"),
    (Message::InsertFailed, "Failed to insert module '{module:s}': {error:s}"),
    // tools/lib/bpf, tools/bpf/resolve_btfids, pahole, scripts/Makefile.modfinal
    (Message::Truncated, "failed to get e_shstrndx from {file:s}"),
    (Message::BaseUnreadable, "Failed to parse base BTF '{file:s}': {errno:d}"),
    (Message::BaseUnreadable, "FAILED: load BTF from {file:s}: {error:s}"),
    (Message::ReadWithoutBase, "Malformed BTF string section, did you forget to provide base BTF?"),
    (Message::Skipped, "Skipping BTF generation for {file:s} due to unavailability of vmlinux"),
    (Message::NoRule, "No rule to make target '{file:s}', needed by{rest:s}"),
    (Message::NoRule, "No rule to make target `{file:s}', needed by{rest:s}"),
    (Message::HeaderOnly, "read string section: string table is empty"),
    (Message::EncoderFailed, "Encountered error while encoding BTF{rest:s}"),
    (Message::EncoderFailed, "Failed to encode BTF{rest:s}"),
    (Message::EncoderFailed, "Failed to generate BTF for {file:s}"),
    (Message::Resolve, "resolve_btfids: {rest:s}"),
    (Message::Resolve, "FAILED unresolved symbol {symbol:s}"),
];

/// A message with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageLine {
    /// What it means.
    pub message: Message,
    template: &'static str,
    values: Vec<Value>,
}

impl MessageLine {
    /// The message in a line, and its position; `None` if no template matches.
    pub fn find(line: &[u8]) -> Option<(usize, Self)> {
        TEMPLATES.iter().find_map(|&(message, template)| {
            let start = start(line, template)?;
            let values = read_values(template_parts(template), line.get(start..)?)?;
            let found = Self { message, template, values };
            found.is_relevant().then_some((start, found))
        })
    }

    /// The text of the slot with this name.
    pub fn text(&self, name: &str) -> Option<&[u8]> {
        match self.value(name)? {
            Value::Text(text) => Some(text),
            Value::Number(_) => None,
        }
    }

    /// The number of the slot with this name.
    pub fn number(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            Value::Number(number) => Some(*number),
            Value::Text(_) => None,
        }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        let names = template_parts(self.template).filter_map(|part| match part {
            TemplatePart::Slot(name, _) => Some(name),
            TemplatePart::Literal(_) => None,
        });
        names.zip(&self.values).find(|(slot, _)| *slot == name).map(|(_, value)| value)
    }

    /// Whether it is about BTF or modules. Some templates match other lines as well.
    fn is_relevant(&self) -> bool {
        let rest = self.text("rest").unwrap_or_default();
        match self.message {
            Message::NoRule => self.text("file").is_some_and(|file| file.ends_with(b"vmlinux")),
            Message::Resolve if self.text("symbol").is_none() => {
                [&b"not found"[..], b"No such file", b"unresolved", b"Error", b"FAILED"]
                    .iter()
                    .any(|word| memchr::memmem::find(rest, word).is_some())
            }
            _ => true,
        }
    }
}

/// The position at which a line may match a template.
fn start(line: &[u8], template: &'static str) -> Option<usize> {
    let mut before_literal = false;
    let literal = template_parts(template).find_map(|part| match part {
        TemplatePart::Literal(text) => Some(text),
        TemplatePart::Slot(..) => {
            before_literal = true;
            None
        }
    })?;
    let at = memchr::memmem::find(line, literal.as_bytes())?;
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    let length = if before_literal { line.get(..at)?.iter().rev().take_while(|byte| word(byte)).count() } else { 0 };
    at.checked_sub(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn find(line: &str) -> MessageLine {
        MessageLine::find(line.as_bytes()).unwrap_or_else(|| panic!("{line}")).1
    }

    #[test]
    fn find_reads_each_message() {
        let unknown = find("[    3.1] veth: Unknown symbol rtnl_link_ops (err -2)");
        assert_eq!(unknown.message, Message::UnknownSymbol);
        assert_eq!((unknown.text("module"), unknown.number("errno")), (Some(&b"veth"[..]), Some(-2)));
        let magic = find("x: version magic '6.1 SMP mod_unload ' should be '6.2 SMP '");
        assert_eq!(magic.text("wanted"), Some(&b"6.2 SMP "[..]));
        let insert = find("insmod: ERROR: could not insert module ./x.ko: Invalid parameters");
        assert_eq!(insert.text("module"), Some(&b"./x.ko"[..]));
        assert_eq!(find("x: can't load module y (kernel/y.ko): invalid argument").text("module"), Some(&b"y"[..]));
        assert_eq!(
            find("make[2]: *** No rule to make target 'vmlinux', needed by 'x.ko'.  Stop.").message,
            Message::NoRule
        );
        assert_eq!(find("Failed to parse base BTF 'vmlinux': -4001").number("errno"), Some(-4001));
        assert_eq!(find("/bin/sh: 1: ./tools/bpf/resolve_btfids/resolve_btfids: not found").message, Message::Resolve);
    }

    #[test]
    fn find_leaves_other_lines_alone() {
        for line in ["", "No rule to make target 'x.o'.", "resolve_btfids: fine", "Unknown symbol", "BTF", "pahole: ok"]
        {
            assert!(MessageLine::find(line.as_bytes()).is_none(), "{line}");
        }
    }
}
