//! Declarations: C writes a type around the name of what has it.

use super::layout::Layouts;
use super::names::{Given, numbered, printable, text_of};
use super::style::{CUT, Style};
use crate::{Kind, Type, TypeId, View};

/// The most pointers, qualifiers, arrays and prototypes in a row.
const LINKS: usize = 64;
/// The deepest that prototypes and types without a name lie in one another.
const DEPTH: usize = 16;
/// The longest text of a declaration, in bytes, give or take a name.
const SHORT: usize = 4 << 10;
/// How many times longer than the BTF other text may become; a header with all types of a kernel is shorter than its BTF.
const MOST: usize = 16;
/// How long it may become even if the BTF is short, in bytes.
const LEAST: usize = 64 << 10;

/// Writes types as C.
pub(super) struct Printer<'v> {
    pub(super) view: View<'v>,
    /// The names to be used; `None` for those that the types have.
    pub(super) given: Option<Given>,
    pub(super) style: Style,
    /// Whether what has no name is written out where it is used.
    bodies: bool,
    /// How many bytes may still be written.
    left: usize,
    pub(super) layouts: Layouts<'v>,
}

impl<'v> Printer<'v> {
    pub(super) fn short(view: View<'v>) -> Self {
        Self { bodies: false, left: SHORT, ..Self::full(view, Style::default()) }
    }

    pub(super) fn full(view: View<'v>, style: Style) -> Self {
        let left = view.byte_len().saturating_mul(MOST).saturating_add(LEAST);
        Self { view, given: None, style, bodies: true, left, layouts: Layouts::new(view) }
    }

    /// Counts text that was written; false if there is too much of it.
    pub(super) const fn spend(&mut self, bytes: usize) -> bool {
        self.left = self.left.saturating_sub(bytes);
        self.left > 0
    }

    /// The declaration of something called `inner`.
    pub(super) fn declare(&mut self, mut id: TypeId, mut inner: String, depth: usize) -> String {
        let mut qualifiers = Vec::new();
        let mut after_pointer = false;
        for _ in 0..LINKS {
            let Some(ty) = self.view.get(id) else { return finish(&qualifiers, "/* no such type */", &inner) };
            let kind = ty.kind();
            match kind {
                Kind::Ptr => inner = finish_pointer(&mut qualifiers, &inner),
                Kind::Const => qualifiers.push("const"),
                Kind::Volatile => qualifiers.push("volatile"),
                Kind::Restrict => qualifiers.push("restrict"),
                Kind::Array => {
                    let count = ty.array().map_or(0, |array| array.count);
                    inner = format!("{}[{count}]", in_parentheses(inner, after_pointer));
                }
                Kind::FuncProto => {
                    qualifiers.clear();
                    let parameters = self.parameters(&ty, depth);
                    inner = format!("{}({parameters})", in_parentheses(inner, after_pointer));
                }
                Kind::Func | Kind::Var if inner.is_empty() => inner = self.own_name(&ty),
                Kind::TypeTag | Kind::Func | Kind::Var => {}
                _ => {
                    let head = self.head(id, &ty, depth);
                    return finish(&qualifiers, &head, &inner);
                }
            }
            after_pointer = kind == Kind::Ptr || (after_pointer && kind.is_qualifier());
            id = ty.target().unwrap_or(TypeId::VOID);
            self.spend(inner.len());
        }
        finish(&qualifiers, CUT, &inner)
    }

    /// What stands before the declarator: the type that nothing is built of any more.
    fn head(&mut self, id: TypeId, ty: &Type<'v>, depth: usize) -> String {
        let kind = ty.kind();
        let Some(keyword) = keyword(ty) else {
            return match kind {
                Kind::Void => "void".to_owned(),
                Kind::Int | Kind::Float | Kind::Typedef => self.name(id, ty),
                Kind::DeclTag => format!("__attribute__((btf_decl_tag(\"{}\")))", self.own_name(ty)),
                Kind::Datasec => format!("/* section {} */", self.own_name(ty)),
                _ => format!("/* kind {} */", kind.number()),
            };
        };
        let name = self.name(id, ty);
        if !name.is_empty() {
            return format!("{keyword} {name}");
        }
        match self.bodies && depth < DEPTH && self.left > 0 && kind != Kind::Fwd {
            true => format!("{keyword} {}", self.body(id, ty, depth.saturating_add(1))),
            false => format!("{keyword} {{{CUT}}}"),
        }
    }

    fn parameters(&mut self, ty: &Type<'v>, depth: usize) -> String {
        let mut parameters = String::new();
        if ty.vlen() == 0 {
            return "void".to_owned();
        }
        let mut left = ty.params();
        while let Some(parameter) = left.next() {
            if !parameters.is_empty() {
                parameters.push_str(", ");
            }
            let last = left.len() == 0;
            if depth >= DEPTH || !self.spend(2) {
                parameters.push_str(CUT);
                break;
            }
            if last && parameter.ty == TypeId::VOID && parameter.name.is_none() {
                // C knows no prototype of nothing but dots.
                parameters.push_str(if ty.vlen() == 1 { "" } else { "..." });
            } else {
                let name = text_of(self.view, parameter.name).map_or(String::new(), printable);
                let declared = self.declare(parameter.ty, name, depth.saturating_add(1));
                self.spend(declared.len());
                parameters.push_str(&declared);
            }
        }
        parameters
    }

    /// The name of a type: the one it was given, or its own.
    pub(super) fn name(&self, id: TypeId, ty: &Type<'v>) -> String {
        let name = self.own_name(ty);
        match self.given.as_ref().and_then(|given| given.times(id)) {
            Some(times) => numbered(&name, times),
            None => name,
        }
    }

    fn own_name(&self, ty: &Type<'v>) -> String {
        text_of(self.view, ty.name()).map_or_else(|| "/* no such name */".to_owned(), printable)
    }
}

/// What stands before the name of a type that has a tag.
pub(super) fn keyword(ty: &Type<'_>) -> Option<&'static str> {
    match ty.kind() {
        Kind::Fwd if ty.kflag() => Some("union"),
        Kind::Struct | Kind::Fwd => Some("struct"),
        Kind::Union => Some("union"),
        Kind::Enum | Kind::Enum64 => Some("enum"),
        _ => None,
    }
}

fn in_parentheses(inner: String, are_needed: bool) -> String {
    if are_needed { format!("({inner})") } else { inner }
}

fn finish_pointer(qualifiers: &mut Vec<&str>, inner: &str) -> String {
    qualifiers.reverse();
    let words = qualifiers.join(" ");
    qualifiers.clear();
    let space = if words.is_empty() || inner.is_empty() { "" } else { " " };
    format!("*{words}{space}{inner}")
}

fn finish(qualifiers: &[&str], head: &str, inner: &str) -> String {
    let mut text = String::new();
    for qualifier in qualifiers {
        text.push_str(qualifier);
        text.push(' ');
    }
    text.push_str(head);
    if !inner.is_empty() {
        text.push(' ');
        text.push_str(inner);
    }
    text
}
