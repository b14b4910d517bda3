//! The BTF format: parse, split views, write, names, C rendering, comparison of types. Pure: no files, no ELF.
