//! Runs every operation of the crate on arbitrary bytes, and checks properties that hold for all BTF.

use btf::c::{self, Style};
use btf::compare::{Comparison, Strength};
use btf::distill::distill;
use btf::relocate::relocate;
use btf::{Btf, Builder, ParseError, StrOff, Type, TypeId, Value, View, is_compact};

/// The number of types that are rendered and compared one by one.
const SOME: usize = 8;

/// Parses arbitrary bytes. If they are BTF, walks, resolves, rewrites, renders and compares them.
pub fn alone(bytes: &[u8]) -> Result<(), ParseError> {
    let btf = Btf::parse(bytes)?;
    assert!(btf.heap_bytes() <= bytes.len() / 3, "the index has 4 bytes for each type of at least 12");
    resolve(btf.alone());
    rewrite(btf.alone());
    render(btf.alone());
    compare(btf.alone(), btf.alone());
    Ok(())
}

/// The same for split BTF over a base.
pub fn split(base: &[u8], bytes: &[u8]) -> Result<(), ParseError> {
    let (base, btf) = (Btf::parse(base)?, Btf::parse(bytes)?);
    let view = btf.over(&base);
    assert_eq!(view.first_id().0, base.len() + 1);
    assert_eq!(view.type_count(), base.len() + btf.len() + 1);
    resolve(view);
    rewrite(view);
    render(view);
    compare(view, view);
    compare(view, btf.alone());
    relocated(&base, &btf);
    Ok(())
}

fn resolve(view: View<'_>) {
    let mut next = view.first_id();
    for (id, ty) in view.own_types() {
        assert_eq!(id, next);
        next = TypeId(next.0 + 1);
        assert!(view.is_own(id));
        assert_eq!(view.get(id).expect("own types resolve").bytes(), ty.bytes());
        walk(view, &ty);
    }
    assert_eq!(next.0, view.type_count());
    assert!(view.get(next).is_none());
}

fn walk(view: View<'_>, ty: &Type<'_>) {
    let mut offset = 0;
    for field in ty.fields() {
        assert_eq!(field.offset, offset);
        offset += 4;
        match field.value() {
            Value::Name(name) => check_string(view, name),
            Value::Type(id) => assert_eq!(view.get(id).is_some(), id.0 < view.type_count()),
            Value::Number(_) => {}
        }
    }
    assert_eq!(offset as usize, ty.bytes().len() / 4 * 4);
    let elements = ty.members().len() + ty.enumerators().len() + ty.params().len() + ty.section_vars().len();
    let counted = ty.kind().shape().is_some_and(|shape| !shape.element.is_empty());
    assert_eq!(elements, if counted { ty.vlen() as usize } else { 0 });
    assert_eq!(
        ty.members().count() + ty.enumerators().count() + ty.params().count() + ty.section_vars().count(),
        elements
    );
    let _ = (ty.int(), ty.array(), ty.linkage(), ty.component(), ty.size(), ty.target(), view.name(ty));
}

fn check_string(view: View<'_>, offset: StrOff) {
    if let Some(string) = view.string(offset) {
        assert!(!string.contains(&0));
        assert!(offset.is_none() || !view.is_own_string(offset) || string.len() < view.own().strings().len());
    }
}

fn rewrite(view: View<'_>) {
    let btf = view.own();
    let written =
        Builder::copy_of(view).expect("a copy in the same byte order").to_bytes().expect("what fits in memory");
    if is_compact(btf) {
        assert_eq!(written, btf.bytes());
    }
    same_content(btf, &written);
    let Ok(swapped) = Builder::copy_in(view, btf.endian().swapped()) else { return };
    let swapped = swapped.to_bytes().expect("what fits in memory");
    let swapped = Btf::parse(&swapped).expect("swapped BTF is BTF");
    for (a, b) in btf.iter().zip(swapped.iter()) {
        assert!(a.fields().eq(b.fields()));
    }
    let back = Builder::copy_in(swapped.alone(), btf.endian()).expect("swapped back").to_bytes().expect("as long");
    same_content(btf, &back);
}

fn same_content(btf: &Btf<'_>, written: &[u8]) {
    let copy = Btf::parse(written).expect("what was written is BTF");
    assert!(is_compact(&copy));
    assert_eq!(copy.types_bytes(), btf.types_bytes());
    assert_eq!(copy.strings(), btf.strings());
    assert!(copy.layout().iter().eq(btf.layout().iter()));
}

/// Rendered types can be formatted, and the text is not much longer than the input.
fn render(view: View<'_>) {
    let check = |text: &str| {
        assert!(!text.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{text:?}");
        let input = view.own().bytes().len() + view.base().map_or(0, |base| base.bytes().len());
        assert!(text.len() <= 32 * input + (128 << 10), "{} bytes of C for {input} bytes of BTF", text.len());
    };
    for (id, _) in view.own_types().take(SOME) {
        check(&c::short(view, id));
        check(&c::declaration(view, id, "name"));
        check(&c::definition(view, id, Style { offsets: true }));
    }
    let mut header = String::new();
    c::dump(view, &mut header).expect("a string takes everything");
    check(&header);
}

/// Equality is symmetric and implies equality for weaker strengths. Unequal types have a difference.
fn compare(left: View<'_>, right: View<'_>) {
    let (there, back) = (Comparison::new(left, right), Comparison::new(right, left));
    let pair = |ahead| left.own_types().zip(right.own_types().skip(ahead)).take(SOME);
    for ((left, _), (right, _)) in pair(0).chain(pair(1)) {
        let same = Strength::ALL.map(|strength| there.same(left, right, strength));
        assert!(same.is_sorted_by(|weak, strong| weak >= strong), "{left}, {right}: {same:?}");
        for (strength, same) in Strength::ALL.into_iter().zip(same) {
            assert_eq!(back.same(right, left, strength), same);
            let difference = there.difference(left, right, strength);
            assert_eq!(difference.is_none(), same);
            let _ = difference.map(|difference| difference.to_string());
        }
    }
}

/// Distilled BTF can be read, keeps all types of the split BTF and adds at most the types of the base. Relocation to its
/// own base changes nothing, and relocation never changes the length.
fn relocated(base: &Btf<'_>, split: &Btf<'_>) {
    if let Ok(distilled) = distill(split.over(base)) {
        let below = Btf::parse(&distilled.base).expect("what is written can be read");
        let top = Btf::parse(&distilled.split).expect("what is written can be read");
        assert!(top.len() >= split.len() && top.len() - split.len() + below.len() <= base.len());
    }
    if let Ok(stayed) = relocate(base, split, base) {
        assert_eq!(stayed.bytes, split.bytes());
        assert!(stayed.stands_for.iter().map(|id| id.0).eq(0..=base.len()));
    }
    for (distilled, to) in [(base, split), (split, base)] {
        match relocate(distilled, split, to) {
            Ok(moved) => assert_eq!(moved.bytes.len(), split.bytes().len()),
            Err(error) => assert!(error.errno().is_some() || error.kernel_line().is_none(), "{error}"),
        }
    }
}
