//! Relocation of a module's BTF from its distilled base to the running one, over BTF that only the kernel's checks have seen.
//!
//! Source: `btf_relocate` in `tools/lib/bpf/btf_relocate.c`, which the kernel compiles too. `btf::relocate` does the same for BTF that
//! can be followed; here, what the kernel does with ids that exist nowhere is [`Undefined`].

use core::cmp::Ordering;

use btf::{BStr, Kind, Role};

use crate::errno::Errno;
use crate::form::Form;
use crate::kernel_sort::{self, SortVariant};
use crate::line::Line;
use crate::raw_btf::{Head, RawBtf, place};
use crate::rules::Rules;
use crate::site::Site;
use crate::undefined::Undefined;

mod embedded;

/// Why relocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RelocationStop {
    Refused(Errno),
    Undefined(Undefined),
}

/// What a type of the distilled base is mapped to (`id_map`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MappedTo {
    /// Nothing yet.
    Unknown,
    /// Nothing yet, and the module contains the type by value (`BTF_IS_EMBEDDED`).
    Embedded,
    /// A type of the running base.
    Id(u32),
}

/// An entry of the index by name and size (`struct btf_name_info`).
#[derive(Debug, Clone, Copy)]
struct NameInfo<'a> {
    name: &'a BStr,
    /// Whether the size is compared.
    needs_size: bool,
    /// 31 bits of the size.
    size: u32,
    id: u32,
}

/// Which call logs a warning.
pub(crate) fn site_of(form: Form) -> Option<Site> {
    let function = match form {
        Form::DistilledAnonymous | Form::DistilledKind => "btf_relocate_validate_distilled_base",
        Form::DistilledVoid | Form::DistilledAmbiguous | Form::DistilledMissing => "btf_relocate_map_distilled_base",
        Form::StringNotMapped => "btf_relocate_rewrite_strs",
        _ => return None,
    };
    Some(Site { function, logger: "pr_warn", form, nth: 0 })
}

/// `cmp_btf_name_size`.
fn order(a: &NameInfo<'_>, b: &NameInfo<'_>) -> i32 {
    match a.name.cmp(b.name) {
        Ordering::Less => -1,
        Ordering::Greater => 1,
        Ordering::Equal if a.needs_size && b.needs_size => b.size.cast_signed().wrapping_sub(a.size.cast_signed()),
        Ordering::Equal => 0,
    }
}

struct Relocation<'a> {
    /// The module's BTF over its distilled base.
    module: &'a RawBtf<'a>,
    distilled: &'a RawBtf<'a>,
    base: &'a RawBtf<'a>,
    rules: &'a Rules,
    targets: Vec<MappedTo>,
    /// `str_map`: offsets of the base's strings by offset in the distilled base; 0 for none.
    strings: Vec<u32>,
    lines: Vec<Line>,
}

/// The module's bytes after relocation, or why there are none, and the lines that were logged.
pub(crate) fn relocate<'a>(
    module: &'a RawBtf<'a>,
    distilled: &'a RawBtf<'a>,
    base: &'a RawBtf<'a>,
    rules: &'a Rules,
) -> (Vec<Line>, Result<Vec<u8>, RelocationStop>) {
    let types = usize::try_from(distilled.count()).unwrap_or_default();
    let strings = usize::try_from(distilled.header.str_len).unwrap_or_default();
    let mut relocation = Relocation {
        module,
        distilled,
        base,
        rules,
        targets: vec![MappedTo::Unknown; types],
        strings: vec![0; strings.min(distilled.strings.len())],
        lines: vec![],
    };
    let result = relocation.run();
    (relocation.lines, result)
}

impl<'a> Relocation<'a> {
    fn run(&mut self) -> Result<Vec<u8>, RelocationStop> {
        self.only_distilled_kinds()?;
        self.map_types()?;
        let mut body = self.module.body.to_vec();
        self.rewrite(&mut body, Self::new_id)?;
        self.rewrite(&mut body, Self::new_string)?;
        Ok(body)
    }

    fn warn(&mut self, line: Line, errno: Errno) -> RelocationStop {
        self.lines.push(line);
        RelocationStop::Refused(errno)
    }

    /// `btf_relocate_validate_distilled_base`.
    fn only_distilled_kinds(&mut self) -> Result<(), RelocationStop> {
        for id in 1..self.distilled.count() {
            let head = self.distilled.get(id).ok_or(RelocationStop::Undefined(Undefined::NullPointer))?;
            let kind = head.kind();
            let number = u32::from(kind.number());
            let distilled =
                matches!(kind, Kind::Int | Kind::Float | Kind::Enum | Kind::Struct | Kind::Union | Kind::Fwd);
            if distilled && head.name != 0 {
                continue;
            }
            let form = if distilled { Form::DistilledAnonymous } else { Form::DistilledKind };
            return Err(self.warn(Line::new(form, [id.into(), number.into()]), Errno::EINVAL));
        }
        Ok(())
    }

    /// The index of the distilled base's types.
    fn index(&self) -> Result<Vec<NameInfo<'a>>, RelocationStop> {
        let entry = |id: u32| {
            let head = self.distilled.get(id).ok_or(RelocationStop::Undefined(Undefined::NullPointer))?;
            let name = self.distilled.string(head.name).ok_or(RelocationStop::Undefined(Undefined::NullName))?;
            Ok(NameInfo { name, needs_size: true, size: head.word & 0x7fff_ffff, id })
        };
        let mut index = (0..self.distilled.count()).map(entry).collect::<Result<Vec<_>, _>>()?;
        kernel_sort::sort(&mut index, SortVariant::of(self.rules), order);
        Ok(index)
    }

    /// How many structs and unions of the base have the name at each offset, up to 255.
    fn name_counts(&self) -> Vec<u8> {
        let mut counts = vec![0_u8; self.base.strings.len()];
        for id in 1..self.base.count() {
            let Some(head) = self.base.get(id).filter(|head| head.kind().is_composite() && head.name != 0) else {
                continue;
            };
            if let Some(count) = counts.get_mut(place(head.name)) {
                *count = count.saturating_add(1);
            }
        }
        counts
    }

    /// `btf_relocate_map_distilled_base`.
    fn map_types(&mut self) -> Result<(), RelocationStop> {
        let index = self.index()?;
        for id in embedded::find(self.module, self.distilled.count()).map_err(RelocationStop::Undefined)? {
            if let Some(target) = self.targets.get_mut(place(id)) {
                *target = MappedTo::Embedded;
            }
        }
        let counts = self.name_counts();
        for id in 1..self.base.count() {
            let Some(head) = self.base.get(id).filter(|head| head.name != 0) else { continue };
            let needs_size = match head.kind() {
                Kind::Int | Kind::Float | Kind::Enum | Kind::Enum64 => true,
                Kind::Fwd => false,
                Kind::Struct | Kind::Union => counts.get(place(head.name)).is_some_and(|&count| count > 1),
                _ => continue,
            };
            let size = if head.kind() == Kind::Fwd { 0 } else { head.word & 0x7fff_ffff };
            let name = self.base.string(head.name).ok_or(RelocationStop::Undefined(Undefined::NullName))?;
            let key = NameInfo { name, needs_size, size, id };
            let first = index.partition_point(|entry| order(&key, entry) > 0);
            let equal = index.get(first..).unwrap_or_default().iter().take_while(|entry| order(&key, entry) == 0);
            for entry in equal {
                self.candidate(&key, head, entry.id)?;
            }
        }
        self.all_mapped()
    }

    /// One type of the base that has the name of a distilled type.
    fn candidate(&mut self, key: &NameInfo<'a>, head: Head, id: u32) -> Result<(), RelocationStop> {
        if id == 0 || id >= self.distilled.count() {
            let line = Line::new(Form::DistilledVoid, [key.id.into(), id.into()]);
            return Err(self.warn(line, Errno::EINVAL));
        }
        let distilled = self.distilled.get(id).ok_or(RelocationStop::Undefined(Undefined::NullPointer))?;
        let Some(&target) = self.targets.get(place(id)) else { return Ok(()) };
        if !self.stands_for(head, distilled, target == MappedTo::Embedded) {
            return Ok(());
        }
        if let MappedTo::Id(before) = target {
            let values = [key.name.into(), id.into(), head.word.into(), key.id.into(), before.into()];
            return Err(self.warn(Line::new(Form::DistilledAmbiguous, values), Errno::EINVAL));
        }
        if let Some(target) = self.targets.get_mut(place(id)) {
            *target = MappedTo::Id(key.id);
        }
        if let Some(string) = self.strings.get_mut(place(distilled.name)) {
            *string = head.name;
        }
        Ok(())
    }

    /// Whether a type of the base may stand for a distilled one of the same name.
    fn stands_for(&self, base: Head, distilled: Head, embedded: bool) -> bool {
        let encoding = |btf: &RawBtf<'_>, head: Head| btf.word(head.offset, 3).map(|data| (data >> 24) & 0xf);
        match (distilled.kind(), base.kind()) {
            (Kind::Fwd, Kind::Fwd) => distilled.info.kflag() == base.info.kflag(),
            // A struct's or union's own kflag is compared, which says whether it has bit-fields.
            (Kind::Fwd, Kind::Struct) => !base.info.kflag(),
            (Kind::Fwd, Kind::Union) => base.info.kflag(),
            (Kind::Int, Kind::Int) => encoding(self.base, base) == encoding(self.distilled, distilled),
            (Kind::Float, Kind::Float) | (Kind::Enum, Kind::Enum | Kind::Enum64) => true,
            (Kind::Struct | Kind::Union, _) => !embedded || base.word == distilled.word,
            _ => false,
        }
    }

    fn all_mapped(&mut self) -> Result<(), RelocationStop> {
        let missing =
            (1..self.distilled.count()).find(|&id| !matches!(self.targets.get(place(id)), Some(MappedTo::Id(_))));
        let Some(id) = missing else { return Ok(()) };
        let name = self.distilled.get(id).and_then(|head| self.distilled.string(head.name)).unwrap_or_default();
        Err(self.warn(Line::new(Form::DistilledMissing, [name.into(), id.into()]), Errno::EINVAL))
    }

    /// Replaces words of the module's types in their body.
    fn rewrite(
        &mut self,
        body: &mut [u8],
        new: impl Fn(&mut Self, Head, Role, u32) -> Result<Option<u32>, RelocationStop>,
    ) -> Result<(), RelocationStop> {
        let module = self.module;
        for start in &module.types {
            let Some(head) = module.head(place(*start)) else { continue };
            let own = [(Role::Name, head.name), (word_role(head), head.word)];
            let words = own.into_iter().zip([0, 2]).chain(module.words(head).zip(3..));
            for ((role, word), nth) in words {
                let Some(word) = new(self, head, role, word)? else { continue };
                let at = head.offset.saturating_add(4_usize.saturating_mul(nth));
                if let Some(bytes) = body.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
                    *bytes = module.endian.write_u32(word);
                }
            }
        }
        Ok(())
    }

    /// `btf_relocate_rewrite_type_id`.
    fn new_id(&mut self, _: Head, role: Role, id: u32) -> Result<Option<u32>, RelocationStop> {
        if !matches!(role, Role::Type | Role::IndexType) {
            return Ok(None);
        }
        let (before, after) = (self.distilled.count(), self.base.count());
        match self.targets.get(place(id)) {
            Some(MappedTo::Id(id)) => Ok(Some(*id)),
            Some(MappedTo::Unknown | MappedTo::Embedded) => Ok(Some(0)),
            None if id < self.module.count() => Ok(Some(id.wrapping_add(after).wrapping_sub(before))),
            None => Err(RelocationStop::Undefined(Undefined::BeyondIdMap)),
        }
    }

    /// `btf_relocate_rewrite_strs`.
    fn new_string(&mut self, _: Head, role: Role, offset: u32) -> Result<Option<u32>, RelocationStop> {
        if role != Role::Name || offset == 0 {
            return Ok(None);
        }
        let (before, after) = (self.distilled.header.str_len, self.base.header.str_len);
        if offset >= before {
            return Ok(Some(offset.wrapping_add(after).wrapping_sub(before)));
        }
        match self.strings.get(place(offset)) {
            Some(&0) | None => {
                // The text that is printed is that of offset 0, not of the one that has no place.
                let text = self.distilled.string(0).unwrap_or_default();
                let line = Line::new(Form::StringNotMapped, [text.into(), offset.into()]);
                Err(self.warn(line, Errno::ENOENT))
            }
            Some(&new) => Ok(Some(new)),
        }
    }
}

/// What the third word of a head stands for when ids are visited (`btf_field_iter_init`): a forward declaration's is an id, always 0.
fn word_role(head: Head) -> Role {
    match head.kind() {
        Kind::Fwd => Role::Type,
        kind => kind.shape().map_or(Role::Unused, |shape| shape.word),
    }
}
