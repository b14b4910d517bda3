//! What is encoded.

/// Which functions are encoded of those that a symbol is called like, when several CUs define one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Functions {
    /// The first one: pahole up to 1.24.
    First,
    /// The first one, if all agree in their types and none takes a parameter elsewhere than the processor's calling
    /// convention says: pahole's `consistent_func`.
    Consistent,
}

/// What is encoded: pahole's `--btf_features`, and what of its behaviour depends on its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Floating-point numbers as FLOAT, not as INT: `float`.
    pub floats: bool,
    /// Enums of more than 32 bits as ENUM64, and negative values marked as such: `enum64`.
    pub enum64: bool,
    /// Tags on declarations: `decl_tag`.
    pub decl_tags: bool,
    /// Tags on types: `type_tag`.
    pub type_tags: bool,
    /// Per-CPU variables: `var`.
    pub variables: bool,
    /// Variables of every section: `global_var`.
    pub global_variables: bool,
    /// Which functions: `consistent_func`.
    pub functions: Functions,
    /// Functions of which only symbols with a suffix are left, such as `.isra.0`, too: `optimized_func`.
    pub optimized_functions: bool,
    /// Tags on functions that `.BTF_ids` lists as kfuncs: `decl_tag_kfuncs`.
    pub kfunc_tags: bool,
    /// Pointers of kfuncs into BPF's arena marked as such, by a TYPE_TAG with kflag: `attributes`.
    pub attributes: bool,
    /// The part of the base that is needed to find its types in another one, as [`crate::Encoded::base`]: `distilled_base`.
    pub distilled_base: bool,
    /// Of a file without symbols of functions those that other files can name, not none: pahole up to 1.27.
    pub functions_without_symbols: bool,
    /// Static per-CPU variables inside functions: pahole up to 1.25.
    pub local_variables: bool,
    /// The size of a variable is its symbol's, not its type's: pahole up to 1.28.
    pub size_from_symbol: bool,
    /// Whether a forward declaration that no type showed to be a certain struct or union is taken to be the only one of that
    /// name: libbpf from 1.1 on.
    pub resolve_forwards: bool,
    /// Leave out CUs written in Rust: `--lang_exclude=rust`.
    pub exclude_rust: bool,
}

impl Options {
    /// What a kernel's build asked of its pahole, by the version that `CONFIG_PAHOLE_VERSION` has: 124 stands for 1.24. Nothing
    /// for a version whose ways are not known.
    #[must_use]
    pub fn of_pahole(version: u32) -> Option<Self> {
        match version {
            124 => Some(Self::pahole_1_24()),
            130 => Some(Self::kernel()),
            _ => None,
        }
    }

    /// What Linux 6.1 asks of pahole 1.24.
    #[must_use]
    pub fn pahole_1_24() -> Self {
        Self {
            floats: true,
            enum64: true,
            decl_tags: true,
            type_tags: true,
            variables: true,
            global_variables: false,
            functions: Functions::First,
            optimized_functions: false,
            kfunc_tags: false,
            attributes: false,
            distilled_base: false,
            functions_without_symbols: true,
            local_variables: true,
            size_from_symbol: true,
            resolve_forwards: true,
            exclude_rust: true,
        }
    }

    /// What Linux 6.12 asks of pahole 1.30.
    #[must_use]
    pub fn kernel() -> Self {
        Self {
            functions: Functions::Consistent,
            optimized_functions: true,
            kfunc_tags: true,
            functions_without_symbols: false,
            local_variables: false,
            size_from_symbol: false,
            ..Self::pahole_1_24()
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::kernel()
    }
}
