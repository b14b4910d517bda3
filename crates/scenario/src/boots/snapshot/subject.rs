//! Removing from a complaint about BTF the type to which it refers.
//!
//! The kernel first prints the type or the member, in one or several lines, then a line with only a blank, and then
//! the check that failed (`kernel/bpf/btf.c`, `__btf_verifier_log_type`, `btf_verifier_log_member`). Complaints of
//! one line, such as `Invalid name_offset`, have no such part.

/// The record between the type and the check.
const SEPARATOR: &str = "BPF:  ";

/// The record at the end.
const END: &str = "BPF: ";

/// The placeholder for the type or the member.
const SUBJECT: &str = "BPF: <subject>";

/// Replaces the lines that identify the type of each complaint by one line. Each line begins with its level.
pub(super) fn without_subjects(lines: Vec<String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::with_capacity(lines.len());
    // How many of the last lines belong to the current complaint.
    let mut pending = 0;
    for line in lines {
        let (level, text) = line.split_once(' ').unwrap_or_default();
        match text {
            SEPARATOR if pending > 0 => {
                out.truncate(out.len() - pending);
                out.push(format!("{level} {SUBJECT}"));
                pending = 0;
            }
            END => pending = 0,
            text if text.starts_with("BPF:") => pending += 1,
            _ => pending = 0,
        }
        out.push(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], expected: &[&str]) {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        assert_eq!(without_subjects(lines), expected);
    }

    #[test]
    fn a_type_a_member_and_a_list_of_arguments_are_one_line_each() {
        let rest =
            ["<3> BPF:  ", "<3> BPF: Invalid name", "<3> BPF: ", "<4> failed to validate module [veth] BTF: -22"];
        let expected = [&["<3> BPF: <subject>"], rest.as_slice()].concat();
        for subject in [
            ["<3> BPF: [<type#1>] STRUCT  ", "<3> BPF: size=40 vlen=5"].as_slice(),
            &["<3> BPF: [<type#1>] FUNC <name#1> ", "<3> BPF: type_id=<type#2>"],
            &[r"<3> BPF: \x09 type_id=<type#1> bits_offset=<off#1>"],
            &["<3> BPF: [<type#1>] FUNC_PROTO  ", "<3> BPF: return=0 args=(", "<3> BPF: void", "<3> BPF: )"],
        ] {
            check(&[subject, rest.as_slice()].concat(), &expected);
        }
    }

    #[test]
    fn without_subjects_keeps_lines_about_no_type() {
        let lines = [
            "<6> loop: module loaded",
            "<3> BPF: [<type#1>] Invalid name_offset:<str#1>",
            "<4> failed to validate module [exportfs] BTF: -22",
            "<3> BPF:  ",
            "<3> BPF: ",
        ];
        check(&lines, &lines);
        check(&[], &[]);
    }

    #[test]
    fn each_of_several_complaints_keeps_its_check() {
        let complaint =
            |check| ["<3> BPF: [<type#1>] ENUM  ", "<3> BPF: size=4 vlen=1", "<3> BPF:  ", check, "<3> BPF: "];
        let lines = [complaint("<3> BPF: Invalid name"), complaint("<3> BPF: vlen != 0")].concat();
        let expected = |check| ["<3> BPF: <subject>", "<3> BPF:  ", check, "<3> BPF: "];
        check(&lines, &[expected("<3> BPF: Invalid name"), expected("<3> BPF: vlen != 0")].concat());
    }
}
