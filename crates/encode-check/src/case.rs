//! One file's two BTFs, and the types that only one of them has.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap, HashSet};

use btf::{BStr, Kind, TypeId, View};
use encode::check::Differences;

use crate::Difference;
use crate::meaning::{Meaning, Meanings};

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Shipped,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Ours, Self::Shipped];

    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Ours => Self::Shipped,
            Self::Shipped => Self::Ours,
        }
    }

    /// How it is called in a sentence.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Shipped => "the shipped",
        }
    }
}

/// Some BTF, and what each of its types means.
#[derive(Debug)]
pub(crate) struct Meant<'a> {
    pub(crate) view: View<'a>,
    meanings: Vec<Meaning>,
    present: OnceCell<HashSet<Meaning>>,
    functions: OnceCell<HashMap<&'a BStr, Vec<TypeId>>>,
}

impl<'a> Meant<'a> {
    pub(crate) const fn new(view: View<'a>, meanings: Vec<Meaning>) -> Self {
        Self { view, meanings, present: OnceCell::new(), functions: OnceCell::new() }
    }

    /// What one of its own types means.
    pub(crate) fn meaning(&self, id: TypeId) -> Option<Meaning> {
        let place = id.0.checked_sub(self.view.first_id().0)?;
        self.meanings.get(place as usize).copied()
    }

    pub(crate) fn kind(&self, id: TypeId) -> Kind {
        self.view.get(id).map_or(Kind::Void, |ty| ty.kind())
    }

    pub(crate) fn name(&self, id: TypeId) -> &'a BStr {
        let name = self.view.get(id).and_then(|ty| self.view.name(&ty));
        name.unwrap_or_default()
    }

    /// Whether one of its own types means this.
    pub(crate) fn has(&self, meaning: Meaning) -> bool {
        self.present.get_or_init(|| self.meanings.iter().copied().collect()).contains(&meaning)
    }

    /// What its functions of a name mean.
    pub(crate) fn functions(&self, name: &BStr) -> BTreeSet<Meaning> {
        let functions = self.functions.get_or_init(|| {
            let mut functions: HashMap<&BStr, Vec<TypeId>> = HashMap::new();
            for (id, ty) in self.view.own_types().filter(|(_, ty)| ty.kind() == Kind::Func) {
                functions.entry(self.view.name(&ty).unwrap_or_default()).or_default().push(id);
            }
            functions
        });
        functions.get(name).into_iter().flatten().filter_map(|id| self.meaning(*id)).collect()
    }
}

/// What rules are asked about: which of the types that only one side has they predict.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) base: &'a Meanings<'a>,
    sides: [Meant<'a>; 2],
    /// Every function that the DWARF defines, where pahole chose by chance among those of one name.
    pub(crate) every: Option<Meant<'a>>,
    /// What no rule has predicted yet.
    open: [BTreeSet<TypeId>; 2],
}

impl<'a> Case<'a> {
    pub(crate) fn new(
        base: &'a Meanings<'a>,
        sides: [Meant<'a>; 2],
        every: Option<Meant<'a>>,
        found: &Differences,
    ) -> Self {
        let open = [&found.left, &found.right].map(|ids| ids.iter().copied().collect());
        Self { base, sides, every, open }
    }

    pub(crate) const fn of(&self, side: Side) -> &Meant<'a> {
        match side {
            Side::Ours => &self.sides[0],
            Side::Shipped => &self.sides[1],
        }
    }

    pub(crate) const fn open(&self, side: Side) -> &BTreeSet<TypeId> {
        match side {
            Side::Ours => &self.open[0],
            Side::Shipped => &self.open[1],
        }
    }

    /// Takes a type of one side as done with.
    pub(crate) fn close(&mut self, side: Side, id: TypeId) {
        self.open[side as usize].remove(&id);
    }

    /// A difference of a type that one side has.
    pub(crate) fn alone(&self, side: Side, id: TypeId, what: String, rule: Option<&str>) -> Difference {
        let (ours, shipped) = match side {
            Side::Ours => (Some(id.0), None),
            Side::Shipped => (None, Some(id.0)),
        };
        self.difference(side, id, [ours, shipped], what, rule)
    }

    /// A difference of a type that both have, each in its way.
    pub(crate) fn pair(&self, [ours, shipped]: [TypeId; 2], what: String, rule: Option<&str>) -> Difference {
        self.difference(Side::Shipped, shipped, [Some(ours.0), Some(shipped.0)], what, rule)
    }

    fn difference(
        &self,
        side: Side,
        id: TypeId,
        [ours, shipped]: [Option<u32>; 2],
        what: String,
        rule: Option<&str>,
    ) -> Difference {
        let meant = self.of(side);
        Difference {
            ours,
            shipped,
            kind: meant.kind(id).name().to_owned(),
            name: meant.name(id).escape_ascii().to_string(),
            what,
            rule: rule.map(str::to_owned),
            follows: false,
        }
    }
}
