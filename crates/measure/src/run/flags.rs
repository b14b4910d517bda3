//! The arguments with which a kernel's build calls pahole.

use crate::Error;

/// Before `scripts/Makefile.btf` used `--btf_features`: the flags in `scripts/pahole-flags.sh` of 6.1 for pahole 1.25
/// and later.
const OPTIONS: [&str; 4] =
    ["--btf_gen_floats", "--lang_exclude=rust", "--skip_encoding_btf_inconsistent_proto", "--btf_gen_optimized"];

/// Since then: the flags in `scripts/Makefile.btf` of 6.12 for pahole 1.27 and later, with a given time stamp.
pub(super) const FEATURES: [&str; 3] = [
    "--btf_features=encode_force,var,float,enum64,decl_tag,type_tag,optimized_func,consistent_func,decl_tag_kfuncs",
    "--btf_features=+reproducible_build",
    "--lang_exclude=rust",
];

/// The addition in `scripts/Makefile.btf` of 7.2 for pahole 1.30 and later.
const ATTRIBUTES: &str = "--btf_features=+attributes";

/// The flags for a kernel, without `-J` and without flags that only affect speed. They were read from 6.1, 6.12 and
/// 7.2. Series in between have the flags of the one before, except for 6.10 and 6.11, which have those of 6.12. The
/// flags are correct if a kernel was encoded by the same pahole and each module gets its shipped size.
///
/// # Errors
///
/// [`Error::Release`].
pub(super) fn flags(release: &str) -> Result<Vec<String>, Error> {
    let wrong = || Error::Release { release: release.to_owned() };
    let line = line(release).ok_or_else(wrong)?;
    let flags: Vec<&str> = match line {
        (..=5, _) | (6, ..=9) => OPTIONS.to_vec(),
        (6, _) | (7, ..=1) => FEATURES.to_vec(),
        _ => FEATURES.into_iter().chain([ATTRIBUTES]).collect(),
    };
    Ok(flags.into_iter().map(str::to_owned).collect())
}

/// `(6, 12)` of `6.12.115+deb13-cloud-amd64`.
fn line(release: &str) -> Option<(u32, u32)> {
    let (major, rest) = release.split_once('.')?;
    let minor = rest.split(|character: char| !character.is_ascii_digit()).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_the_flags_of_its_build() {
        let has = |release: &str, flag: &str| flags(release).unwrap().iter().any(|it| it.contains(flag));
        assert!(has("6.1.0-56-cloud-amd64", "--btf_gen_optimized") && !has("6.1.192-modbtf", "--btf_features"));
        assert!(has("6.12.115+deb13-cloud-amd64", "--btf_features=enc") && !has("6.12.117-modbtf", "attributes"));
        assert!(has("7.0.4", "--btf_features=enc") && !has("7.0.4", "attributes") && !has("7.1-rc1", "attributes"));
        assert!(has("7.2-rc1", "attributes") && has("8.0", "attributes"));
        for release in ["", "6", "x.y", "6.x"] {
            assert!(matches!(flags(release), Err(Error::Release { .. })), "{release}");
        }
    }
}
