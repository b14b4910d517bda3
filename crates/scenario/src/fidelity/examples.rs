//! Examples of types whose meaning changed, as one line of C each: the clearest ones first.

use core::cmp::Reverse;

use btf::compare::{Comparison, Difference, Step, Strength, What};
use btf::{Role, StrOff, Type, TypeId, Value, View, c};

use crate::boots::measured::Example;

/// The number of examples for a module.
const EXAMPLES: usize = 4;
/// The number of members, values or parameters of a type in an example.
const ELEMENTS: usize = 2;
/// The maximum length of an example, in characters.
const LONGEST: usize = 160;
/// The maximum number of types of one rank among which examples are searched.
pub(super) const SOUGHT: usize = 64;

/// The number of ranks of [`ComparedType::rank`].
pub(super) const RANKS: usize = 10;

/// A type of the module, with its ids on both sides. Its bytes are equal unless the kernel relocates them.
#[derive(Debug, Clone, Copy)]
pub(super) struct ComparedType<'a> {
    pub(super) left: TypeId,
    pub(super) right: TypeId,
    pub(super) meant: Type<'a>,
    pub(super) seen: Type<'a>,
}

impl ComparedType<'_> {
    /// A rank of how clearly it shows the change, 0 for the clearest: names that begin in the middle of another,
    /// other names, other references, another layout, a remote difference. Within each, types that originally had a
    /// name come first.
    pub(super) fn rank(&self, comparison: &Comparison<'_>, weakest: Strength) -> usize {
        let (meant, seen) = (comparison.left(), comparison.right());
        let fields = self.meant.fields().zip(self.seen.fields()).map(|(left, right)| (left.value(), right.value()));
        let garbled = fields.filter_map(|values| match values {
            (Value::Name(left), Value::Name(right)) if meant.string(left) != seen.string(right) => {
                Some(tail(seen, right))
            }
            _ => None,
        });
        let class = match (garbled.max(), weakest) {
            (Some(1..), _) => 0,
            (Some(0), _) => 1,
            (None, Strength::NameAndKind) => 2,
            (None, Strength::Layout) => 3,
            (None, Strength::Closure) => 4,
        };
        2 * class + usize::from(meant.name(&self.meant).is_none_or(|name| name.is_empty()))
    }
}

/// The length of a name that is the readable tail of a longer string in the base; 0 for any other name.
fn tail(view: View<'_>, name: StrOff) -> usize {
    let Some(base) = view.base().filter(|_| !view.is_own_string(name)) else { return 0 };
    let before = (name.0 as usize).checked_sub(1).and_then(|before| base.strings().get(before));
    let readable = |text: &btf::BStr| text.len() > 3 && text.iter().all(|&b| b == b'_' || b.is_ascii_alphanumeric());
    match (before, view.string(name)) {
        (Some(1..), Some(text)) if readable(text) => text.len(),
        _ => 0,
    }
}

/// The first types for which something can be shown, without types that look the same.
pub(super) fn examples<'p, 'a: 'p>(
    comparison: &Comparison<'a>,
    places: impl Iterator<Item = &'p ComparedType<'a>>,
) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for place in places {
        if examples.len() == EXAMPLES {
            break;
        }
        let example = example(comparison, place);
        if let Some(example) = example.filter(|example| !examples.contains(example)) {
            examples.push(example);
        }
    }
    examples
}

fn example<'a>(comparison: &Comparison<'a>, place: &ComparedType<'a>) -> Option<Example> {
    let (meant, seen) = texts(comparison, place);
    let (meant, seen) = (shortened(&meant), shortened(&seen));
    if meant != seen {
        return Some(Example { meant, seen });
    }
    let found =
        Strength::ALL.into_iter().find_map(|strength| comparison.difference(place.left, place.right, strength))?;
    let heading = heading(comparison.left(), place.left, &place.meant);
    let side = |right| shortened(&format!("{heading}: {}", one_side(&found, right)));
    Some(Example { meant: side(false), seen: side(true) })
}

/// The type as C on both sides. For a type with members or values, only the clearest of those whose text differs.
fn texts(comparison: &Comparison<'_>, place: &ComparedType<'_>) -> (String, String) {
    let sides = [(comparison.left(), place.left, place.meant), (comparison.right(), place.right, place.seen)];
    let [meant, seen] = sides.map(|(view, id, ty)| (heading(view, id, &ty), elements(view, &ty)));
    let pairs = meant.1.iter().zip(&seen.1).enumerate();
    let mut differing: Vec<_> = pairs.filter(|(_, (meant, seen))| meant.text != seen.text).collect();
    differing.sort_by_key(|(_, (_, seen))| Reverse(seen.tail));
    differing.truncate(ELEMENTS);
    differing.sort_by_key(|&(position, _)| position);
    if differing.is_empty() {
        return (meant.0, seen.0);
    }
    let separator = if place.meant.kind().is_enum() { "," } else { ";" };
    let end = if differing.len() == meant.1.len() { " }" } else { " … }" };
    let braced = |heading: &str, elements: &mut dyn Iterator<Item = &MemberText>| {
        let elements: String = elements.map(|element| format!(" {}{separator}", element.text)).collect();
        format!("{heading} {{{elements}{end}")
    };
    let meant = braced(&meant.0, &mut differing.iter().map(|&(_, (meant, _))| meant));
    (meant, braced(&seen.0, &mut differing.iter().map(|&(_, (_, seen))| seen)))
}

/// The type without the part in braces.
fn heading(view: View<'_>, id: TypeId, ty: &Type<'_>) -> String {
    if ty.kind().is_composite() || ty.kind().is_enum() {
        let keyword = ty.kind().name().trim_end_matches("64").to_lowercase();
        let name = view.name(ty).filter(|name| !name.is_empty());
        return name.map_or(keyword.clone(), |name| format!("{keyword} {}", printable(name)));
    }
    let definition = c::definition(view, id, c::Style::default());
    let line = if definition.contains('\n') { c::short(view, id) } else { definition };
    line.trim_end_matches(';').to_owned()
}

/// A member of a struct or union, or a value of an enum.
struct MemberText {
    text: String,
    /// [`tail`] of its name.
    tail: usize,
}

fn elements(view: View<'_>, ty: &Type<'_>) -> Vec<MemberText> {
    let name = |name: StrOff| view.string(name).unwrap_or_default();
    let element = |text, name| MemberText { text, tail: tail(view, name) };
    let members = ty.members().map(|m| element(c::declaration(view, m.ty, name(m.name)), m.name));
    members.chain(ty.enumerators().map(|value| element(printable(name(value.name)), value.name))).collect()
}

/// One side of a difference.
fn one_side(difference: &Difference<'_>, right: bool) -> String {
    let pick = |l: String, r: String| if right { r } else { l };
    let name = |name: Option<&btf::BStr>| name.map_or("no name".to_owned(), |name| format!("\"{}\"", printable(name)));
    let role = |role: Role, number: u32| match role {
        Role::Size => format!("{number} bytes"),
        Role::Count => format!("{number} elements"),
        Role::BitOffset => format!("at bit {}", number & 0x00ff_ffff),
        role => format!("{role:?} {number:#x}"),
    };
    let what = match difference.what {
        What::Kind { left, right } => pick(left.to_string(), right.to_string()),
        What::Elements { left, right } => pick(format!("{left} elements"), format!("{right} elements")),
        What::Name { left, right, .. } => pick(name(left), name(right)),
        What::Number { role: r, left, right, .. } => pick(role(r, left), role(r, right)),
        What::Missing { left, right } => {
            let there = |there| if there { "a type" } else { "no type" }.to_owned();
            pick(there(left), there(right))
        }
        ref other => other.to_string(),
    };
    let path: String = difference.path.iter().map(|step: &Step<'_>| format!("{step} > ")).collect();
    format!("{path}{what}")
}

fn printable(name: &btf::BStr) -> String {
    name.escape_ascii().to_string()
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
