//! Type names that several types of the workspace share.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use syn::Item;

use crate::files::{shown, sources};
use crate::modules::is_test;

/// Names that each crate may use once: the crate makes their meaning clear.
const PER_CRATE: [&str; 3] = ["Error", "Options", "Arguments"];

/// The names of structs, enums, traits and type aliases that are defined more than once outside of tests, with the
/// files.
pub fn shared(root: &Path) -> BTreeMap<String, Vec<String>> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in sources(root) {
        let place = shown(root, &path);
        if ["/tests/", "/benches/", "/examples/", "/fuzz/", "/tests.rs"].iter().any(|part| place.contains(part)) {
            continue;
        }
        let file = syn::parse_file(&fs::read_to_string(&path).unwrap_or_default());
        add(&file.map(|file| file.items).unwrap_or_default(), &place, &mut places);
    }
    places.retain(|name, places| places.len() > 1 && !PER_CRATE.contains(&name.as_str()));
    places
}

fn add(items: &[Item], place: &str, places: &mut BTreeMap<String, Vec<String>>) {
    for item in items {
        let (attributes, name) = match item {
            Item::Struct(item) => (&item.attrs, &item.ident),
            Item::Enum(item) => (&item.attrs, &item.ident),
            Item::Trait(item) => (&item.attrs, &item.ident),
            Item::Type(item) => (&item.attrs, &item.ident),
            Item::Mod(item) => {
                let content = item.content.as_ref().filter(|_| !is_test(&item.attrs));
                content.into_iter().for_each(|(_, items)| add(items, place, places));
                continue;
            }
            _ => continue,
        };
        if !is_test(attributes) {
            places.entry(name.to_string()).or_default().push(place.to_owned());
        }
    }
}
