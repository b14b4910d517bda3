//! The kinds of types, each with its name and the description of its layout.

use core::fmt;

use crate::shape::{Role, Shape};

macro_rules! kinds {
    ($($(#[$doc:meta])* $number:literal $kind:ident $name:literal $word:ident [$($fixed:ident)*] [$($element:ident)*];)*) => {
        /// The kind of a type: the `BTF_KIND_*` constants of `include/uapi/linux/btf.h`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
            /// An unknown kind, with its number. Such a type can only be skipped, and only if the layout section
            /// gives its length.
            Other(u8),
        }

        impl Kind {
            /// Every known kind, [`Kind::Void`] included, in the order of their numbers.
            pub const KNOWN: &'static [Self] = &[$(Self::$kind),*];

            /// The kind with this number.
            #[inline]
            #[must_use]
            pub const fn from_number(number: u8) -> Self {
                match number {
                    $($number => Self::$kind,)*
                    other => Self::Other(other),
                }
            }

            /// The kind's number, as written in a type's info word.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self {
                    $(Self::$kind => $number,)*
                    Self::Other(number) => number,
                }
            }

            /// The kind's name as the kernel prints it (`btf_kind_str` in `kernel/bpf/btf.c`).
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                    Self::Other(_) => "UNKNOWN",
                }
            }

            /// The layout of types of this kind; `None` for [`Kind::Other`].
            #[must_use]
            pub const fn shape(self) -> Option<&'static Shape> {
                match self {
                    $(Self::$kind => Some(&Shape {
                        word: Role::$word,
                        fixed: &[$(Role::$fixed),*],
                        element: &[$(Role::$element),*],
                    }),)*
                    Self::Other(_) => None,
                }
            }
        }
    };
}

// Number, kind, the kernel's name, the role of the third word, of the words after it, and of the words of each
// element.
kinds! {
    /// `void`. Encoders never write it, and the kernel refuses it inside a type section. It can be skipped.
    0 Void "UNKNOWN" Unused [] [];
    /// An integer.
    1 Int "INT" Size [IntData] [];
    /// A pointer.
    2 Ptr "PTR" Type [] [];
    /// An array.
    3 Array "ARRAY" Unused [Type IndexType Count] [];
    /// A struct.
    4 Struct "STRUCT" Size [] [Name Type BitOffset];
    /// A union.
    5 Union "UNION" Size [] [Name Type BitOffset];
    /// An enum with values of 32 bits. Without values, a forward declaration of an enum.
    6 Enum "ENUM" Size [] [Name Value];
    /// A forward declaration of a struct or, with kflag, a union.
    7 Fwd "FWD" Unused [] [];
    /// A typedef.
    8 Typedef "TYPEDEF" Type [] [];
    /// `volatile`.
    9 Volatile "VOLATILE" Type [] [];
    /// `const`.
    10 Const "CONST" Type [] [];
    /// `restrict`.
    11 Restrict "RESTRICT" Type [] [];
    /// A function; its type is a [`Kind::FuncProto`], its vlen is its linkage.
    12 Func "FUNC" Type [] [];
    /// A function's prototype; its type is the return type.
    13 FuncProto "FUNC_PROTO" Type [] [Name Type];
    /// A variable.
    14 Var "VAR" Type [Linkage] [];
    /// A data section with its variables.
    15 Datasec "DATASEC" Size [] [Type Offset Length];
    /// A floating-point number.
    16 Float "FLOAT" Size [] [];
    /// A tag on a declaration: `__attribute__((btf_decl_tag("…")))`.
    17 DeclTag "DECL_TAG" Type [Component] [];
    /// A tag on a type: `__attribute__((btf_type_tag("…")))`.
    18 TypeTag "TYPE_TAG" Type [] [];
    /// An enum with values of 64 bits.
    19 Enum64 "ENUM64" Size [] [Name ValueLow ValueHigh];
}

impl Kind {
    /// Whether this is `const`, `volatile`, `restrict` or a type tag.
    #[must_use]
    pub const fn is_qualifier(self) -> bool {
        matches!(self, Self::Const | Self::Volatile | Self::Restrict | Self::TypeTag)
    }

    /// Whether this is a struct or a union.
    #[must_use]
    pub const fn is_composite(self) -> bool {
        matches!(self, Self::Struct | Self::Union)
    }

    /// Whether this is an enum of either width.
    #[must_use]
    pub const fn is_enum(self) -> bool {
        matches!(self, Self::Enum | Self::Enum64)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A type's info word: vlen, kind and kflag.
///
/// There are two layouts of this word. In the older one, vlen has bits 0 to 15 and the kind bits 24 to 28, and the
/// kernel refuses a type if any other bit except 31 is set (`btf_check_meta` in `kernel/bpf/btf.c`, at least up to
/// 6.12). In the newer one (7.2), vlen has bits 0 to 23 and the kind bits 24 to 30. If a word is valid in the older
/// layout, the additional bits are 0 and both readings agree, so the newer one is correct for both.
/// [`Info::NARROW_RESERVED`] has the bits that only a newer kernel accepts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Info(u32);

impl Info {
    /// The largest vlen.
    pub const MAX_VLEN: u32 = 0x00ff_ffff;

    /// The bits that must be 0 in the older layout.
    pub const NARROW_RESERVED: u32 = 0x60ff_0000;

    /// Wraps the word as stored.
    #[must_use]
    pub const fn from_raw(raw: u32) -> Self {
        Self(raw)
    }

    /// Composes a word. `None` if vlen exceeds [`Info::MAX_VLEN`] or the kind's number exceeds 127.
    #[must_use]
    pub const fn new(kind: Kind, vlen: u32, kflag: bool) -> Option<Self> {
        let number = kind.number();
        if vlen > Self::MAX_VLEN || number > 0x7f {
            return None;
        }
        Some(Self(((kflag as u32) << 31) | ((number as u32) << 24) | vlen))
    }

    /// The word as stored.
    #[must_use]
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// The kind.
    #[inline]
    #[must_use]
    pub const fn kind(self) -> Kind {
        Kind::from_number(((self.0 >> 24) & 0x7f) as u8)
    }

    /// The number of elements, or another value that depends on the kind ([`Kind::Func`]: the linkage).
    #[inline]
    #[must_use]
    pub const fn vlen(self) -> u32 {
        self.0 & Self::MAX_VLEN
    }

    /// The kind flag. It marks bit-fields in a struct or union, a union in a forward declaration, signed values in an
    /// enum, and an attribute instead of a tag in a tag.
    #[must_use]
    pub const fn kflag(self) -> bool {
        self.0 >> 31 == 1
    }
}

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Info")
            .field("kind", &self.kind())
            .field("vlen", &self.vlen())
            .field("kflag", &self.kflag())
            .finish()
    }
}
