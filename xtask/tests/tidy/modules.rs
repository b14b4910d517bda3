//! The modules of a crate, and the uses between their files.
//!
//! A module is a file; inline modules belong to their file. A file uses another one if a path in it, outside of
//! `#[cfg(test)]`, leads to an item defined there. Paths are followed through imports and re-exports to the file that
//! defines the item, as far as possible without the compiler: paths that begin with `crate`, `self`, `super`, a child
//! module or an imported name. Tokens of macro calls are also searched for paths.
//!
//! Declaring a module or re-exporting its items is not a use. So a parent that only declares and re-exports is in no
//! cycle. A parent whose code uses a child that uses items of the parent is in one.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, ImplItem, Item, Lit, Meta, MetaNameValue, TraitItem, UseTree, Visibility};

/// The modules of a library or program.
#[derive(Debug)]
pub struct Crate {
    modules: Vec<Module>,
}

#[derive(Debug, Default)]
struct Module {
    /// The path of the file in the crate's folder.
    file: String,
    parent: Option<usize>,
    children: HashMap<String, usize>,
    /// The names of the items defined here.
    items: HashSet<String>,
    /// Imports and re-exports, by the name they introduce.
    imports: HashMap<String, Segments>,
    /// Paths imported with `*`.
    globs: Vec<Segments>,
    /// The paths in code and in private imports.
    used: Vec<Mention>,
}

/// The segments of a path.
type Segments = Vec<String>;

#[derive(Debug)]
struct Mention {
    path: Segments,
    line: usize,
}

/// The target of a path: a module, or an item in one.
#[derive(Debug, Clone, Copy)]
enum Target {
    Module(usize),
    Item(usize),
}

/// The maximum number of imports that are followed for one path.
const MOST_IMPORTS: usize = 16;

impl Crate {
    /// Reads the modules of a crate whose root is `root`, a file in `folder`.
    pub fn read(folder: &Path, root: &Path) -> Self {
        let mut reader = Reader { folder, modules: Vec::new() };
        let children = root.parent().unwrap_or(folder).to_owned();
        reader.file(root, &children, None);
        Self { modules: reader.modules }
    }

    /// The files.
    pub fn files(&self) -> BTreeSet<&str> {
        self.modules.iter().map(|module| module.file.as_str()).collect()
    }

    /// The uses between files, with the line and the path of the first use.
    pub fn edges(&self) -> BTreeMap<(String, String), (usize, String)> {
        let mut edges = BTreeMap::new();
        for (place, module) in self.modules.iter().enumerate() {
            for Mention { path, line } in &module.used {
                let Some(Target::Module(to) | Target::Item(to)) = self.resolve(place, path, MOST_IMPORTS) else {
                    continue;
                };
                let to = &self.modules[to].file;
                if *to != module.file {
                    edges.entry((module.file.clone(), to.clone())).or_insert_with(|| (*line, path.join("::")));
                }
            }
        }
        edges
    }

    /// The target of a path in a module; `None` if it is not in this crate, or cannot be determined.
    fn resolve(&self, at: usize, path: &[String], imports: usize) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        let mut rest = rest;
        let mut module = match first.as_str() {
            "crate" => 0,
            "self" => at,
            "super" => {
                let mut module = self.modules[at].parent?;
                while let Some((_, further)) = rest.split_first().filter(|(next, _)| *next == "super") {
                    (module, rest) = (self.modules[module].parent?, further);
                }
                module
            }
            name => match self.name(at, name, imports)? {
                Target::Module(module) => module,
                item @ Target::Item(_) => return Some(item),
            },
        };
        for name in rest {
            match self.name(module, name, imports) {
                Some(Target::Module(next)) => module = next,
                Some(item) => return Some(item),
                // A re-export from another crate is not an item of this one.
                None if self.modules[module].imports.contains_key(name) => return None,
                // An unknown item, for example defined by a macro, is assumed to belong to the module.
                None => return Some(Target::Item(module)),
            }
        }
        Some(Target::Module(module))
    }

    /// The target of a name in a module.
    fn name(&self, module: usize, name: &str, imports: usize) -> Option<Target> {
        let of = &self.modules[module];
        if let Some(&child) = of.children.get(name) {
            return Some(Target::Module(child));
        }
        if of.items.contains(name) {
            return Some(Target::Item(module));
        }
        let imports = imports.checked_sub(1)?;
        if let Some(path) = of.imports.get(name) {
            // An external crate may be imported under its own name.
            return if path.first().is_some_and(|first| first == name) && !of.children.contains_key(name) {
                None
            } else {
                self.resolve(module, path, imports)
            };
        }
        of.globs.iter().find_map(|path| match self.resolve(module, path, imports)? {
            Target::Module(from) if from != module => self.name(from, name, imports),
            _ => None,
        })
    }
}

struct Reader<'f> {
    folder: &'f Path,
    modules: Vec<Module>,
}

impl Reader<'_> {
    /// Reads a file whose child modules are in the folder `children`.
    fn file(&mut self, path: &Path, children: &Path, parent: Option<usize>) -> usize {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.strip_prefix(self.folder).unwrap_or(path).display().to_string();
        self.module(file.items, name, children, parent)
    }

    fn module(&mut self, items: Vec<Item>, file: String, children: &Path, parent: Option<usize>) -> usize {
        let place = self.modules.len();
        self.modules.push(Module { file, parent, ..Module::default() });
        for item in items {
            self.item(item, place, children);
        }
        place
    }

    fn item(&mut self, mut item: Item, place: usize, children: &Path) {
        if is_test(attributes(&item)) {
            return;
        }
        match &mut item {
            Item::Mod(item) => {
                let name = item.ident.to_string();
                let below = children.join(&name);
                let child = match item.content.take() {
                    Some((_, items)) => self.module(items, self.modules[place].file.clone(), &below, Some(place)),
                    None => {
                        let beside = children.join(format!("{name}.rs"));
                        let path = match path_attribute(&item.attrs) {
                            Some(path) => children.join(path),
                            None if beside.is_file() => beside,
                            None => below.join("mod.rs"),
                        };
                        self.file(&path, &below, Some(place))
                    }
                };
                self.modules[place].children.insert(name, child);
                return;
            }
            Item::Use(item) => {
                let is_private = matches!(item.vis, Visibility::Inherited);
                let line = item.span().start().line;
                self.import(&item.tree, &mut Vec::new(), place, is_private.then_some(line));
                return;
            }
            Item::Impl(item) => item.items.retain(|item| !is_test(attributes_in_impl(item))),
            Item::Trait(item) => item.items.retain(|item| !is_test(attributes_in_trait(item))),
            _ => {}
        }
        let module = &mut self.modules[place];
        module.items.extend(defined(&item));
        mentions(item.to_token_stream(), &mut module.used);
    }

    /// Records an import. A private one, whose `line` is given, also counts as a use.
    fn import(&mut self, tree: &UseTree, prefix: &mut Segments, place: usize, line: Option<usize>) {
        let module = &mut self.modules[place];
        let mut used = |path: &Segments| module.used.extend(line.map(|line| Mention { path: path.clone(), line }));
        match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.import(&path.tree, prefix, place, line);
                prefix.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, prefix, place, line)),
            UseTree::Glob(_) => {
                used(prefix);
                module.globs.push(prefix.clone());
            }
            UseTree::Name(_) | UseTree::Rename(_) => {
                let (ident, name) = match tree {
                    UseTree::Rename(rename) => (&rename.ident, rename.rename.to_string()),
                    UseTree::Name(name) if name.ident == "self" => {
                        (&name.ident, prefix.last().cloned().unwrap_or_default())
                    }
                    UseTree::Name(name) => (&name.ident, name.ident.to_string()),
                    _ => return,
                };
                let mut path = prefix.clone();
                if ident != "self" {
                    path.push(ident.to_string());
                }
                used(&path);
                module.imports.insert(name, path);
            }
        }
    }
}

/// Whether an item exists only in tests.
pub fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let tokens = attribute.meta.to_token_stream().to_string();
        attribute.path().is_ident("cfg")
            && tokens.split(|c: char| !c.is_alphanumeric()).any(|word| word == "test")
            && !tokens.contains("not")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn attributes_in_impl(item: &ImplItem) -> &[Attribute] {
    match item {
        ImplItem::Const(item) => &item.attrs,
        ImplItem::Fn(item) => &item.attrs,
        ImplItem::Type(item) => &item.attrs,
        _ => &[],
    }
}

fn attributes_in_trait(item: &TraitItem) -> &[Attribute] {
    match item {
        TraitItem::Const(item) => &item.attrs,
        TraitItem::Fn(item) => &item.attrs,
        TraitItem::Type(item) => &item.attrs,
        _ => &[],
    }
}

/// The name of an item.
fn defined(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// Collects the paths in code.
fn mentions(tokens: TokenStream, found: &mut Vec<Mention>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let punct =
        |at: usize, wanted: char| matches!(tokens.get(at), Some(TokenTree::Punct(it)) if it.as_char() == wanted);
    let ident = |at: usize| match tokens.get(at) {
        Some(TokenTree::Ident(ident)) => Some(ident),
        _ => None,
    };
    let mut at = 0;
    while at < tokens.len() {
        if let Some(TokenTree::Group(group)) = tokens.get(at) {
            mentions(group.stream(), found);
        }
        let is_field = at > 0 && punct(at - 1, '.') && !(at > 1 && punct(at - 2, '.'));
        // A segment after `>::` belongs to a type that was found before.
        let is_tail = at > 1 && punct(at - 1, ':') && punct(at - 2, ':');
        let Some(first) = ident(at).filter(|_| !is_field && !is_tail) else {
            at += 1;
            continue;
        };
        let (line, mut path) = (first.span().start().line, vec![first.to_string()]);
        while let Some(next) = ident(at + 3).filter(|_| punct(at + 1, ':') && punct(at + 2, ':')) {
            path.push(next.to_string());
            at += 3;
        }
        let is_call =
            matches!(tokens.get(at + 1), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
        at += 1;
        if path.len() > 1 || names_an_item(first, is_call) {
            found.push(Mention { path, line });
        }
    }
}

/// Whether a single word may be an item rather than a variable or a field.
fn names_an_item(word: &Ident, is_call: bool) -> bool {
    let is_keyword = ["crate", "self", "super", "Self"].iter().any(|keyword| word == keyword);
    !is_keyword && (is_call || word.to_string().starts_with(char::is_uppercase))
}

/// The file of a module that says where it is: `#[path = "…"]`.
fn path_attribute(attributes: &[Attribute]) -> Option<PathBuf> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(MetaNameValue { path, value: Expr::Lit(ExprLit { lit: Lit::Str(text), .. }), .. })
            if path.is_ident("path") =>
        {
            Some(PathBuf::from(text.value()))
        }
        _ => None,
    })
}
