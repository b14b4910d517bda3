//! Normalising lines of kbuild and its tools: parts that vary between point releases become placeholders. The rest
//! stays.

use std::sync::LazyLock;

use regex::Regex;

/// `make[2]: *** [/usr/src/linux/Makefile:1980: modules] Error 2`: the line number in a makefile.
static MAKEFILE_LINE: LazyLock<Regex> = LazyLock::new(|| regex(r"\b(Makefile(?:\.[a-z]+)?):[0-9]+:"));

/// `WARNING: modpost: "d_drop" [fs/fuse/fuse.ko] undefined!`: modpost lists the first ten in the order of the
/// module's symbol table.
static UNDEFINED: LazyLock<Regex> = LazyLock::new(|| regex(r#"(modpost: ")\w+(" \[[^\]]+\] undefined!)$"#));

/// `WARNING: modpost: suppressed 173 unresolved symbol warnings`: the number of further ones.
static SUPPRESSED: LazyLock<Regex> = LazyLock::new(|| regex(r"(modpost: suppressed )[0-9]+( unresolved symbol)"));

#[expect(clippy::expect_used, reason = "the patterns are constants, each of them used by a test")]
fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of ours")
}

/// Normalises the lines of a log. Consecutive lines that differ only in the unresolved symbol become one, with their count.
#[must_use]
pub fn log(lines: &[String]) -> Vec<String> {
    let mut normalised: Vec<(String, usize)> = Vec::new();
    for line in lines {
        let line = renamed(line);
        match normalised.last_mut() {
            Some((last, times)) if *last == line && line.ends_with(" undefined!") => *times += 1,
            _ => normalised.push((line, 1)),
        }
    }
    let text = |(line, times)| if times == 1 { line } else { format!("{line} ({times} lines)") };
    normalised.into_iter().map(text).collect()
}

fn renamed(line: &str) -> String {
    let line = MAKEFILE_LINE.replace_all(line, "$1:<line>:");
    let line = SUPPRESSED.replace(&line, "$1<n>$2");
    UNDEFINED.replace(&line, "$1<symbol>$2").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(lines: &[&str]) -> Vec<String> {
        log(&lines.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn lines_of_makefiles_are_renamed_and_the_error_stays() {
        let lines = [
            "make[1]: *** [/usr/src/linux/Makefile:1980: modules] Error 2",
            "make[3]: *** [/usr/src/linux/scripts/Makefile.modpost:147: Module.symvers] Error 1",
            "a.c:12:3: error: expected ‘;’",
        ];
        let expected = [
            "make[1]: *** [/usr/src/linux/Makefile:<line>: modules] Error 2",
            "make[3]: *** [/usr/src/linux/scripts/Makefile.modpost:<line>: Module.symvers] Error 1",
            "a.c:12:3: error: expected ‘;’",
        ];
        assert_eq!(normalised(&lines), expected);
    }

    #[test]
    fn unresolved_symbols_of_one_module_are_counted_and_not_named() {
        let lines = [
            "ERROR: modpost: \"d_drop\" [fs/fuse/fuse.ko] undefined!",
            "WARNING: modpost: \"_printk\" [fs/fuse/fuse.ko] undefined!",
            "WARNING: modpost: \"d_drop\" [fs/fuse/fuse.ko] undefined!",
            "WARNING: modpost: \"d_drop\" [fs/fuse/other.ko] undefined!",
            "WARNING: modpost: suppressed 173 unresolved symbol warnings because there were too many)",
            "WARNING: modpost: \"d_drop\" [fs/fuse/fuse.ko] has no CRC!",
        ];
        let expected = [
            "ERROR: modpost: \"<symbol>\" [fs/fuse/fuse.ko] undefined!",
            "WARNING: modpost: \"<symbol>\" [fs/fuse/fuse.ko] undefined! (2 lines)",
            "WARNING: modpost: \"<symbol>\" [fs/fuse/other.ko] undefined!",
            "WARNING: modpost: suppressed <n> unresolved symbol warnings because there were too many)",
            "WARNING: modpost: \"d_drop\" [fs/fuse/fuse.ko] has no CRC!",
        ];
        assert_eq!(normalised(&lines), expected);
    }

    #[test]
    fn other_lines_that_repeat_stay() {
        assert_eq!(normalised(&["  GEN     Makefile", "  GEN     Makefile"]).len(), 2);
    }
}
