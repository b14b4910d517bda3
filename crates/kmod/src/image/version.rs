//! The text by which a kernel names itself.

use std::io::{self, Read};

use bstr::ByteSlice as _;

/// What the banner of a kernel begins with (`init/version-timestamp.c`, `linux_banner`).
const BANNER: &[u8] = b"Linux version ";

/// The longest text that is read, in bytes.
const MAX_TEXT: usize = 512;

/// How much is searched at a time, in bytes.
const WINDOW: usize = 256 << 10;

/// How a kernel names itself: `6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org) #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2
/// (2026-11-20)`. Two builds of one release differ in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelBanner {
    text: String,
    release_len: usize,
}

impl KernelBanner {
    /// The text at the beginning of `bytes`, up to a NUL or the end of the line; `None` if that is not text.
    #[must_use]
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = &bytes[..bytes.len().min(MAX_TEXT)];
        let line = bytes.split(|&byte| byte == 0 || byte == b'\n').next().unwrap_or_default();
        let text = std::str::from_utf8(line).ok()?.trim_ascii_end().to_owned();
        let release_len = text.find(|character: char| character.is_ascii_whitespace()).unwrap_or(text.len());
        (release_len > 0).then_some(Self { text, release_len })
    }

    /// All of it, without `Linux version`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The kernel's release: `uname -r`.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.text[..self.release_len]
    }

    /// The number and the time of the build: `uname -v`. A unified kernel image's `.uname` section has none.
    #[must_use]
    pub fn build(&self) -> Option<&str> {
        self.text.find(" #").map(|at| &self.text[at + 1..])
    }
}

/// The banners in a kernel's memory: `Linux version`, a number, and a build.
fn banners(bytes: &[u8]) -> impl Iterator<Item = KernelBanner> {
    bytes.find_iter(BANNER).filter_map(|at| {
        let rest = &bytes[at + BANNER.len()..];
        let rest = &rest[..rest.len().min(MAX_TEXT)];
        let is_whole = rest.first().is_some_and(u8::is_ascii_digit) && rest.find_byteset(b"\0\n").is_some();
        KernelBanner::parse(rest).filter(|version| is_whole && version.build().is_some())
    })
}

/// Whether a banner is the one that is printed. From 6.1 on there is another before it that it replaces when the kernel is linked,
/// whose build has no number (`init/version.c`).
fn is_final(version: &KernelBanner) -> bool {
    version.build().is_some_and(|build| build.as_bytes().get(1).is_some_and(u8::is_ascii_digit))
}

/// The banner in a kernel's memory.
pub(super) fn find_banner(bytes: &[u8]) -> Option<KernelBanner> {
    banners(bytes).find(is_final).or_else(|| banners(bytes).next())
}

/// Like [`find_banner`], of a stream that is read no further than needed.
pub(super) fn scan_for_banner(mut stream: impl Read) -> io::Result<Option<KernelBanner>> {
    let mut window = Vec::with_capacity(WINDOW + 2 * MAX_TEXT);
    let mut replaced = None;
    loop {
        let more = stream.by_ref().take(WINDOW as u64).read_to_end(&mut window)?;
        for version in banners(&window) {
            if is_final(&version) {
                return Ok(Some(version));
            }
            replaced.get_or_insert(version);
        }
        if more == 0 {
            return Ok(replaced);
        }
        // A banner that is cut by the end of the window is found in the next one.
        let keep = window.len().min(BANNER.len() + MAX_TEXT);
        window.drain(..window.len() - keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "6.12.1 (me@there) (gcc 14) #1 SMP Debian 6.12.1-1 (2026-01-02)";

    #[test]
    fn a_version_has_release_and_build() {
        let version = KernelBanner::parse(format!("{TEXT}\n\0rest").as_bytes()).expect("a text");
        assert_eq!((version.release(), version.as_str()), ("6.12.1", TEXT));
        assert_eq!(version.build(), Some("#1 SMP Debian 6.12.1-1 (2026-01-02)"));
        assert_eq!(KernelBanner::parse(b"6.12.1\0").and_then(|version| version.build().map(str::to_owned)), None);
        for none in [&b""[..], b"\0", b" 6.1", b"\xff\xfe"] {
            assert_eq!(KernelBanner::parse(none), None);
        }
    }

    #[test]
    fn a_banner_is_found_wherever_the_windows_cut_it() {
        let banner = format!("Linux version {TEXT}\n\0");
        for place in (WINDOW - banner.len() - 3..WINDOW + 3).chain([0, 2 * WINDOW - 20]) {
            let mut bytes = vec![b'x'; place];
            bytes.extend(b"Linux version %s Linux version 6 without a build\0");
            bytes.truncate(place);
            bytes.extend(banner.as_bytes());
            bytes.extend([0; 900]);
            let found = scan_for_banner(&bytes[..]).expect("it is in memory").expect("it is there");
            assert_eq!(found.as_str(), TEXT, "{place}");
        }
    }

    #[test]
    fn the_banner_with_a_number_is_the_kernel_s() {
        let replaced = "Linux version 6.12.1 (me@there) (gcc 14) # SMP Debian 6.12.1-1 (2026-01-02)\n\0";
        let bytes = [replaced.as_bytes(), &vec![0; 2 * WINDOW], b"Linux version ", TEXT.as_bytes(), b"\n\0"].concat();
        assert_eq!(find_banner(&bytes).as_ref().map(KernelBanner::as_str), Some(TEXT));
        assert_eq!(scan_for_banner(&bytes[..]).expect("it is in memory"), find_banner(&bytes));
        let alone = find_banner(replaced.as_bytes()).expect("better than nothing");
        assert_eq!(alone.build(), Some("# SMP Debian 6.12.1-1 (2026-01-02)"));
        assert_eq!(scan_for_banner(replaced.as_bytes()).expect("it is in memory"), Some(alone));
    }

    #[test]
    fn other_texts_are_no_banner() {
        for none in ["Linux version %s (%s)\n\0", "Linux version 6.1 (x) no build\0", "Linux version 6.1 #1 cut"] {
            assert_eq!(scan_for_banner(none.as_bytes()).expect("it is in memory"), None, "{none}");
        }
    }
}
