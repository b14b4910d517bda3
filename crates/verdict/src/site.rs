//! Which call in the kernel's source logged the reason of a refusal.

use btf::Kind;

use crate::form::Form;

/// A call of a logging function in the kernel's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    /// The function that calls.
    pub function: &'static str,
    /// The function that is called.
    pub logger: &'static str,
    /// What it is given to log.
    pub form: Form,
    /// Which of the calls in that function with the same logger and text, from 0.
    pub nth: u8,
}

/// The text of a refusal, and which of several calls with that text in one function logs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reason {
    pub form: Form,
    pub nth: u8,
}

impl From<Form> for Reason {
    fn from(form: Form) -> Self {
        Self { form, nth: 0 }
    }
}

impl Form {
    /// The second call with this text in a function.
    pub(crate) const fn second(self) -> Reason {
        Reason { form: self, nth: 1 }
    }

    /// The third call with this text in a function.
    pub(crate) const fn third(self) -> Reason {
        Reason { form: self, nth: 2 }
    }
}

/// The function that checks a type of a kind.
pub(crate) const fn check_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => "btf_int_check_meta",
        Kind::Ptr | Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag => {
            "btf_ref_type_check_meta"
        }
        Kind::Array => "btf_array_check_meta",
        Kind::Struct | Kind::Union => "btf_struct_check_meta",
        Kind::Enum => "btf_enum_check_meta",
        Kind::Enum64 => "btf_enum64_check_meta",
        Kind::Fwd => "btf_fwd_check_meta",
        Kind::Func => "btf_func_check_meta",
        Kind::FuncProto => "btf_func_proto_check_meta",
        Kind::Var => "btf_var_check_meta",
        Kind::Datasec => "btf_datasec_check_meta",
        Kind::Float => "btf_float_check_meta",
        Kind::DeclTag => "btf_decl_tag_check_meta",
        Kind::Void | Kind::Other(_) => "btf_check_meta",
    }
}
