//! What cases are made from: the running base, and BTF of real modules over it.

use std::collections::HashSet;

use btf::{Btf, distill};

use crate::draft::Draft;
use crate::error::Error;
use crate::subject::Subject;

/// The longest BTF of a module that is mutated, in bytes: what is longer takes longer to load and shows no more.
const LONGEST: usize = 24 << 10;

/// A module's BTF, ready to be changed.
#[derive(Debug)]
pub(crate) struct Specimen {
    /// `.BTF`.
    pub split: Draft,
    /// `.BTF.base`, below `.BTF`.
    pub base: Option<Draft>,
    /// The number of types of what `.BTF` is over, `void` included.
    pub first_id: u32,
    /// The length of its strings in bytes.
    pub first_string: u32,
}

/// What the cases of a kernel are made from.
#[derive(Debug)]
pub struct Material {
    pub(crate) specimens: Vec<Specimen>,
    pub(crate) distilled: Vec<Specimen>,
    /// The number of types of the running base, `void` included.
    pub(crate) first_id: u32,
    /// The length of its strings in bytes.
    pub(crate) first_string: u32,
    /// A name that two structs or unions of one size have in the running base, and that size.
    pub(crate) ambiguous: Option<(Vec<u8>, u32)>,
}

impl Material {
    /// Takes the BTF of a kernel's modules that are small enough, as it is and with a distilled base.
    ///
    /// # Errors
    /// The base cannot be parsed, or no module is small enough.
    pub fn of(subject: &Subject) -> Result<Self, Error> {
        let base = parse(&subject.base, &subject.name)?;
        let first_id = base.alone().type_count();
        let first_string = base.header().strings.length;
        let (mut specimens, mut distilled) = (Vec::new(), Vec::new());
        for bytes in subject.modules.iter().filter(|bytes| bytes.len() <= LONGEST) {
            let Ok(split) = Btf::parse(bytes) else { continue };
            specimens.push(Specimen { split: Draft::of(&split), base: None, first_id, first_string });
            let Ok(pair) = distill::distill(split.over(&base)) else { continue };
            let (below, above) = (parse(&pair.base, &subject.name)?, parse(&pair.split, &subject.name)?);
            distilled.push(Specimen {
                split: Draft::of(&above),
                base: Some(Draft::of(&below)),
                first_id: below.alone().type_count(),
                first_string: below.header().strings.length,
            });
        }
        if specimens.is_empty() || distilled.is_empty() {
            return Err(Error::NoTemplate { release: subject.name.clone() });
        }
        Ok(Self { specimens, distilled, first_id, first_string, ambiguous: ambiguous(&base) })
    }
}

fn parse<'a>(bytes: &'a [u8], what: &str) -> Result<Btf<'a>, Error> {
    Btf::parse(bytes).map_err(|source| Error::Btf { what: what.to_owned(), source })
}

/// The first name that two structs or unions of one size have.
fn ambiguous(base: &Btf<'_>) -> Option<(Vec<u8>, u32)> {
    let view = base.alone();
    let mut seen = HashSet::new();
    view.own_types().find_map(|(_, ty)| {
        let (name, size) = (view.name(&ty).filter(|name| !name.is_empty())?, ty.size()?);
        let again = ty.kind().is_composite() && !seen.insert((name, size));
        again.then(|| (name.to_vec(), size))
    })
}
