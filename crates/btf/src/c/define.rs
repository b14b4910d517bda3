//! Definitions: what is between the braces.

use core::fmt::Write;

use super::declare::{Printer, keyword};
use super::layout::{Layout, fits};
use super::names::{is_builtin, numbered, printable, text_of};
use super::style::CUT;
use crate::{Kind, Member, Type, TypeId};

/// From how many bits on a gap is filled with an array instead of bit-fields.
const WIDE_GAP: u64 = 1024;

impl<'v> Printer<'v> {
    /// What a type is, with a semicolon.
    pub(super) fn define(&mut self, id: TypeId) -> String {
        let Some(ty) = self.view.get(id) else { return format!("{};", self.declare(id, String::new(), 0)) };
        let name = self.name(id, &ty);
        match (ty.kind(), keyword(&ty)) {
            (kind, Some(keyword)) if kind != Kind::Fwd => {
                let space = if name.is_empty() { "" } else { " " };
                match kind.is_enum() && ty.vlen() == 0 {
                    true => format!("{keyword}{space}{name};"),
                    false => format!("{keyword}{space}{name} {};", self.body(id, &ty, 0)),
                }
            }
            (Kind::Typedef, _) => {
                let target = ty.target().unwrap_or(TypeId::VOID);
                format!("typedef {};", self.declare(target, name, 0))
            }
            (Kind::Int | Kind::Float, _) if !is_builtin(name.as_bytes()) => {
                format!("typedef {} {name};", stand_in(&ty))
            }
            _ => format!("{};", self.declare(id, String::new(), 0)),
        }
    }

    /// The members or values in braces, and the attributes after them. `depth` is how many other bodies it is in.
    pub(super) fn body(&mut self, id: TypeId, ty: &Type<'v>, depth: usize) -> String {
        let mut text = "{\n".to_owned();
        let indent = "\t".repeat(depth.saturating_add(1));
        let attribute = if ty.kind().is_enum() {
            self.values(ty, &indent, &mut text);
            enum_mode(ty.size().unwrap_or(4))
        } else {
            let layout = self.layouts.of(id);
            self.members(ty, layout, &indent, depth, &mut text);
            if layout.packed { " __attribute__((packed))" } else { "" }
        };
        text.push_str(indent.get(1..).unwrap_or_default());
        text.push('}');
        text.push_str(attribute);
        if let (true, Some(size), true) = (self.style.offsets, ty.size(), ty.kind().is_composite()) {
            _ = write!(text, " /* {size} bytes */");
        }
        text
    }

    fn values(&mut self, ty: &Type<'v>, indent: &str, text: &mut String) {
        for value in ty.enumerators() {
            let name = text_of(self.view, value.name).map_or(String::new(), printable);
            let name = match &mut self.given {
                Some(given) => numbered(&name, given.other(name.clone())),
                None => name,
            };
            let suffix = match value.value {
                // The lowest number has no literal of its own type.
                lowest if lowest == i64::MIN.into() => " - 1",
                long if long > i64::MAX.into() => "ULL",
                long if long > u32::MAX.into() || long < i32::MIN.into() => "LL",
                _ => "",
            };
            let number = if suffix == " - 1" { "-9223372036854775807LL".into() } else { value.value.to_string() };
            if !self.push(text, &format!("{indent}{name} = {number}{suffix},\n")) {
                break;
            }
        }
    }

    fn members(&mut self, ty: &Type<'v>, layout: Layout, indent: &str, depth: usize, text: &mut String) {
        let is_struct = ty.kind() == Kind::Struct;
        let mut end = 0u64;
        for member in ty.members() {
            let width = self.layouts.bitfield(&member);
            let own = self.layouts.of(member.ty);
            let offset = u64::from(member.bit_offset);
            if self.given.is_some() && is_struct && placed(end, width, own, layout.packed) != offset {
                text.push_str(&self.fill(end, offset, indent));
            }
            let line = self.member(&member, width, depth);
            if !self.push(text, &format!("{indent}{line}\n")) {
                return;
            }
            let size = width.unwrap_or(own.size.saturating_mul(8));
            end = if is_struct { offset.saturating_add(size) } else { end.max(size) };
        }
        let size = layout.size.saturating_mul(8);
        if self.given.is_some() && size > up_to(end, layout.align) {
            match is_struct {
                true => text.push_str(&self.fill(end, size, indent)),
                false => _ = writeln!(text, "{indent}char __size[{}];", layout.size),
            }
        }
    }

    fn member(&mut self, member: &Member, width: Option<u64>, depth: usize) -> String {
        let name = text_of(self.view, member.name).map_or(String::new(), printable);
        let mut line = self.declare(member.ty, name, depth);
        if let Some(width) = width {
            _ = write!(line, ": {width}");
        }
        line.push(';');
        if self.style.offsets {
            let (bytes, bits) = (member.bit_offset >> 3, member.bit_offset & 7);
            _ = match width {
                Some(_) => write!(line, " /* {bytes}:{bits} */"),
                None => write!(line, " /* {bytes} */"),
            };
        }
        line
    }

    /// Fills a gap, from bit to bit, without names as long as it is no large one.
    fn fill(&mut self, mut from: u64, to: u64, indent: &str) -> String {
        let mut text = String::new();
        while from < to {
            let gap = to.saturating_sub(from);
            let to_unit = up_to(from.saturating_add(1), 8).saturating_sub(from);
            if gap >= WIDE_GAP && from.is_multiple_of(8) {
                let bytes = gap >> 3;
                _ = writeln!(text, "{indent}char __gap_{}[{bytes}];", from >> 3);
                from = from.saturating_add(bytes << 3);
            } else {
                let bits = gap.min(to_unit);
                _ = writeln!(text, "{indent}long long: {bits};");
                from = from.saturating_add(bits);
            }
        }
        self.spend(text.len());
        text
    }

    /// Adds a line; false, with a sign that something was left out, if there is too much.
    fn push(&mut self, text: &mut String, line: &str) -> bool {
        let goes_on = self.spend(line.len());
        text.push_str(if goes_on { line } else { CUT });
        goes_on
    }
}

/// Where a compiler puts the next member, in bits, by the rules of the System V ABI.
fn placed(end: u64, width: Option<u64>, own: Layout, packed: bool) -> u64 {
    match width {
        _ if packed && width.is_none() => up_to(end, 1),
        Some(width) if packed || fits(end, width, own.size) => end,
        Some(_) => up_to(end, own.size),
        None => up_to(end, own.align),
    }
}

/// The next multiple of this many bytes, in bits.
fn up_to(bits: u64, bytes: u64) -> u64 {
    bits.checked_next_multiple_of(bytes.saturating_mul(8).max(1)).unwrap_or(bits)
}

/// A type of C that has the size of an integer or a floating-point number that C does not know by name.
fn stand_in(ty: &Type<'_>) -> &'static str {
    match (ty.kind(), ty.size()) {
        (Kind::Float, Some(2)) => "_Float16",
        (Kind::Float, Some(4)) => "float",
        (Kind::Float, Some(8)) => "double",
        (Kind::Float, _) => "long double",
        (_, Some(1)) => "unsigned char",
        (_, Some(2)) => "unsigned short",
        (_, Some(8)) => "unsigned long long",
        (_, Some(16)) => "unsigned __int128",
        _ => "unsigned int",
    }
}

/// What gives an enum another size than that of `int`.
const fn enum_mode(size: u32) -> &'static str {
    match size {
        1 => " __attribute__((mode(byte)))",
        2 => " __attribute__((mode(HI)))",
        8 => " __attribute__((mode(DI)))",
        _ => "",
    }
}
