//! Cases made by chance: BTF of real modules with one to four changes.

use btf::{Info, Kind, Role};
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_xorshift::XorShiftRng;

use crate::case::{Case, Origin};
use crate::draft::Draft;
use crate::material::{Material, Specimen};

/// The random case with this number. The same seed, number and kernel give the same case.
#[must_use]
pub fn random(material: &Material, seed: u64, number: u64) -> Case {
    let mut rng = XorShiftRng::seed_from_u64(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    // A few numbers in a row are alike with this generator.
    for _ in 0..8 {
        rng.next_u32();
    }
    let with_base = rng.random_ratio(1, 4);
    let specimens = if with_base { &material.distilled } else { &material.specimens };
    let specimen = &specimens[rng.random_range(0..specimens.len())];
    let mut mutation = Mutation { rng, ids: specimen.first_id, strings: specimen.first_string, split: true };
    let (mut split, mut base) = (specimen.split.clone(), specimen.base.clone());
    for _ in 0..mutation.rng.random_range(1..=4) {
        match &mut base {
            Some(base) if mutation.rng.random_bool(0.4) => mutation.of_base().change(base),
            _ => mutation.of_split(specimen).change(&mut split),
        }
    }
    Case { origin: Origin::Random { seed, number }, btf: split.bytes(), base: base.map(|base| base.bytes()) }
}

/// Changes of one section.
struct Mutation {
    rng: XorShiftRng,
    /// The first id of the section's types.
    ids: u32,
    /// The first offset of its strings.
    strings: u32,
    /// Whether it is over a base.
    split: bool,
}

impl Mutation {
    fn of_base(&mut self) -> &mut Self {
        (self.ids, self.strings, self.split) = (1, 0, false);
        self
    }

    fn of_split(&mut self, specimen: &Specimen) -> &mut Self {
        (self.ids, self.strings, self.split) = (specimen.first_id, specimen.first_string, true);
        self
    }

    fn change(&mut self, draft: &mut Draft) {
        match self.rng.random_range(0..100) {
            0..62 => self.word(draft),
            62..70 => self.text(draft),
            70..82 => self.types(draft),
            82..88 => self.new_type(draft),
            88..95 => self.header(draft),
            95..97 => self.longer_header(draft),
            97..98 => draft.tail = vec![self.rng.random(); self.rng.random_range(1..9)],
            _ => draft.cut = Some(self.rng.random_range(0..draft.bytes().len().max(1))),
        }
    }

    fn pick(&mut self, draft: &Draft) -> Option<usize> {
        (!draft.types.is_empty()).then(|| self.rng.random_range(0..draft.types.len()))
    }

    /// A word of a type, by what it stands for.
    fn word(&mut self, draft: &mut Draft) {
        let Some(nth) = self.pick(draft) else { return };
        let words = &draft.types[nth];
        let place = match self.rng.random_range(0..10) {
            0 => 0,
            1..=2 => 1,
            3 => 2,
            _ => self.rng.random_range(0..words.len().max(1)),
        };
        let Some(&old) = words.get(place) else { return };
        let kind = Info::from_raw(words.get(1).copied().unwrap_or_default()).kind();
        let new = match (place, role(kind, place)) {
            (1, _) => self.info(old),
            (_, Role::Name) => self.name(draft),
            (_, Role::Type | Role::IndexType) => self.id(draft, nth),
            (_, Role::IntData) => self.int_data(old),
            (_, Role::Unused) => u32::from(self.rng.random_bool(0.3)),
            _ => self.number(old),
        };
        draft.types[nth][place] = new;
    }

    fn name(&mut self, draft: &Draft) -> u32 {
        let own = u32::try_from(draft.strings.len()).unwrap_or_default();
        let starts = || draft.types.iter().filter_map(|words| words.first().copied()).filter(|&name| name != 0);
        match self.rng.random_range(0..100) {
            0..45 => {
                let count = starts().count().max(1);
                starts().nth(self.rng.random_range(0..count)).unwrap_or(0)
            }
            45..68 => self.rng.random_range(0..self.strings.max(1)),
            68..84 => self.strings + self.rng.random_range(0..own.max(1)),
            84..92 => 0,
            92..94 => (self.strings + own).saturating_sub(1),
            94..97 => self.strings + own + self.rng.random_range(0..100),
            97..98 => 0x00ff_ffff + self.rng.random_range(0..2),
            _ => self.rng.random(),
        }
    }

    fn id(&mut self, draft: &Draft, nth: usize) -> u32 {
        let own = u32::try_from(draft.types.len()).unwrap_or_default();
        let nth = u32::try_from(nth).unwrap_or_default();
        match self.rng.random_range(0..100) {
            0..45 => self.rng.random_range(0..self.ids.max(1)),
            45..78 => self.ids + self.rng.random_range(0..own.max(1)),
            78..84 => 0,
            84..89 => self.ids + nth,
            89..93 => self.ids + own + self.rng.random_range(0..3),
            93..95 => 0xf_ffff,
            95..97 => 0x10_0000,
            _ => self.rng.random(),
        }
    }

    fn info(&mut self, old: u32) -> u32 {
        match self.rng.random_range(0..100) {
            0..40 => (old & 0x80ff_ffff) | (self.rng.random_range(1..=19) << 24),
            40..55 => old.wrapping_add(1),
            55..68 => old.wrapping_sub(1),
            68..86 => old ^ 0x8000_0000,
            86..90 => (old & 0x80ff_ffff) | (self.rng.random_range(0..128) << 24),
            90..94 => old ^ (1 << self.rng.random_range(16..24)),
            94..98 => (old & !0xffff) | self.rng.random_range(0..0x1_0000),
            _ => self.rng.random(),
        }
    }

    fn int_data(&mut self, old: u32) -> u32 {
        match self.rng.random_range(0..10) {
            0..4 => (old & 0x00ff_ffff) | (self.rng.random_range(0..16) << 24),
            4..6 => (old & !0xff) | self.rng.random_range(0..0x100),
            6..8 => (old & !0x00ff_0000) | (self.rng.random_range(0..0x100) << 16),
            _ => self.number(old),
        }
    }

    fn number(&mut self, old: u32) -> u32 {
        let interesting = [0, 1, 2, 3, 4, 5, 8, 12, 16, 17, 32, 64, 128, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000];
        match self.rng.random_range(0..10) {
            0..3 => interesting[self.rng.random_range(0..interesting.len())],
            3..5 => old.wrapping_add(self.rng.random_range(1..9)),
            5..7 => old.wrapping_sub(self.rng.random_range(1..9)),
            7..9 => old ^ (1 << self.rng.random_range(0..32)),
            _ => self.rng.random(),
        }
    }

    /// Bytes of the strings.
    fn text(&mut self, draft: &mut Draft) {
        let bytes = b"\0\0 .9_a-\x01\x1b\n\x7f\xa0\xd7\xe9\xff";
        let byte = bytes[self.rng.random_range(0..bytes.len())];
        match (self.rng.random_range(0..10), draft.strings.len()) {
            (_, 0) => draft.strings.push(byte),
            (0, _) => {
                // A long name, for a type that has one.
                let place = u32::try_from(draft.strings.len()).unwrap_or_default();
                let length = [500, 511, 512, 513, 970, 985, 1000, 1020, 1100, 3000][self.rng.random_range(0..10)];
                draft.strings.extend(std::iter::repeat_n(b'n', length).chain([0]));
                if let Some(nth) = self.pick(draft)
                    && let Some(name) = draft.types[nth].first_mut()
                {
                    *name = self.strings + place;
                }
            }
            (1, length) => {
                draft.strings.remove(self.rng.random_range(0..length));
            }
            (2, length) => draft.strings.insert(self.rng.random_range(0..length), byte),
            (_, length) => draft.strings[self.rng.random_range(0..length)] = byte,
        }
    }

    /// Types removed, doubled, exchanged, cut.
    fn types(&mut self, draft: &mut Draft) {
        let (Some(one), Some(other)) = (self.pick(draft), self.pick(draft)) else { return };
        match self.rng.random_range(0..10) {
            0..4 => {
                draft.types.remove(one);
            }
            4..6 => {
                let copy = draft.types[one].clone();
                draft.types.insert(other, copy);
            }
            6..9 => draft.types.swap(one, other),
            _ => {
                draft.types[one].pop();
            }
        }
    }

    /// A type of a random kind.
    fn new_type(&mut self, draft: &mut Draft) {
        let kind = Kind::from_number(self.rng.random_range(1..=19));
        let vlen = self.rng.random_range(0..3);
        let Some(shape) = kind.shape() else { return };
        let count = if shape.element.is_empty() { 0 } else { vlen };
        let info = Info::new(kind, if self.rng.random_bool(0.2) { vlen } else { count }, self.rng.random_bool(0.1));
        let words = 3 + shape.fixed.len() + shape.element.len() * usize::try_from(count).unwrap_or_default();
        let mut new = vec![0, info.map_or(0, Info::raw)];
        for place in 0..words {
            let word = match (place, role(kind, place)) {
                (1, _) => continue,
                (_, Role::Name) if self.rng.random_bool(0.8) => self.name(draft),
                (_, Role::Type | Role::IndexType) => self.id(draft, 0),
                (_, Role::IntData) => 32,
                (_, Role::Linkage) => self.rng.random_range(0..3),
                (_, Role::Unused | Role::Name) => 0,
                _ => self.number(0),
            };
            if place == 0 { new[0] = word } else { new.push(word) }
        }
        let nth = self.rng.random_range(0..=draft.types.len());
        draft.types.insert(nth, new);
    }

    /// A field of the header.
    fn header(&mut self, draft: &mut Draft) {
        let bytes = draft.bytes();
        let field = [0, 2, 3, 4, 8, 12, 16, 20][self.rng.random_range(0..8)];
        if field < 4 {
            draft.header_bytes.push((field, self.rng.random_range(0..4)));
            return;
        }
        let old = bytes.get(field..).and_then(<[u8]>::first_chunk).map_or(0, |word| u32::from_le_bytes(*word));
        let new = match self.rng.random_range(0..6) {
            0 => old.wrapping_add(4),
            1 => old.wrapping_sub(4),
            2 => old.wrapping_add(1),
            3 => 0,
            _ => self.number(old),
        };
        draft.header_bytes.extend(new.to_le_bytes().into_iter().zip(field..).map(|(byte, at)| (at, byte)));
    }

    /// A header of more than 24 bytes, sometimes with a layout section.
    fn longer_header(&mut self, draft: &mut Draft) {
        draft.longer_header = vec![0; self.rng.random_range(1..20)];
        if self.rng.random_bool(0.5) {
            let sections = draft.types.iter().map(Vec::len).sum::<usize>() * 4 + draft.strings.len();
            let place = u32::try_from(sections).unwrap_or_default() + self.rng.random_range(0..2);
            let length: u32 = self.rng.random_range(0..13);
            draft.longer_header = [place.to_le_bytes(), length.to_le_bytes()].concat();
            draft.tail = vec![0; usize::try_from(length).unwrap_or_default()];
        }
    }
}

/// What a word of a type stands for.
fn role(kind: Kind, place: usize) -> Role {
    let Some(shape) = kind.shape() else { return Role::Unused };
    match place {
        0 => Role::Name,
        1 => Role::Unused,
        2 => shape.word,
        place => match place - 3 {
            fixed if fixed < shape.fixed.len() => shape.fixed[fixed],
            element if !shape.element.is_empty() => shape.element[(element - shape.fixed.len()) % shape.element.len()],
            _ => Role::Unused,
        },
    }
}
