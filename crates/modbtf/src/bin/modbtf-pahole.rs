//! Encodes BTF in place of pahole, for kbuild: `make PAHOLE=…/modbtf-pahole`.

use std::process::ExitCode;

use modbtf::pahole;

fn main() -> ExitCode {
    pahole::main(std::env::args_os()).into()
}
