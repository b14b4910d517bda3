//! What can be found wrong with a module's BTF, in a log or in files: one table, with what each finding means and what to do.

/// What a finding says about the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The module's BTF was made over another base than that of the running kernel.
    Mismatch,
    /// The encoder wrote BTF that this kernel accepts over no base.
    Malformed,
    /// The running kernel refused its own BTF.
    RefusedBase,
    /// It follows from another failure.
    Consequence,
    /// The log does not say.
    NotInLog,
    /// It fails for another reason than the module's BTF.
    Elsewhere,
    /// Nothing fails.
    Harmless,
}

macro_rules! findings {
    ($($(#[$doc:meta])* $finding:ident $id:literal $cause:ident $title:literal {
        means $means:literal
        act [$($act:literal),* $(,)?]
        source $source:literal
    })*) => {
        /// A finding. Its id is stable: reports, suppressions and scripts refer to it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Finding {
            $($(#[$doc])* #[doc = concat!("`", $id, "`: ", $title, ".")] $finding,)*
        }

        impl Finding {
            /// Every finding, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$finding,)*];

            /// Its id.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$finding => $id,)* }
            }

            /// What it is called, without a full stop.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$finding => $title,)* }
            }

            /// What it says about the cause.
            #[must_use]
            pub const fn cause(self) -> Cause {
                match self { $(Self::$finding => Cause::$cause,)* }
            }

            /// What it means: a few sentences.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$finding => $means,)* }
            }

            /// What to do, in order. Commands stand between backquotes.
            #[must_use]
            pub const fn advice(self) -> &'static [&'static str] {
                match self { $(Self::$finding => &[$($act),*],)* }
            }

            /// The function that prints or decides it.
            #[must_use]
            pub const fn source(self) -> &'static str {
                match self { $(Self::$finding => $source,)* }
            }
        }
    };
}

findings! {
    // Refusals that a mismatch causes.
    NameBeyondStrings "name-beyond-strings" Mismatch "a name lies beyond the running kernel's strings" {
        means "The module refers to a name at an offset that does not exist. The names of the running kernel and of the module form one \
               sequence, so the running kernel has fewer bytes of names than the kernel that the module was built for. The module's BTF \
               belongs to another build of the kernel, even if version and release are the same."
        act [
            "Reboot, if kernel packages were upgraded since the last boot.",
            "Rebuild the initramfs, if only modules that are loaded early fail: `update-initramfs -u -k all` or `dracut --force --regenerate-all`.",
            "Reinstall the image and the modules of the running kernel together, from one build.",
            "Rebuild the module, if it does not come with the kernel, against the vmlinux of the running kernel.",
        ]
        source "btf_check_meta, btf_struct_check_meta, btf_enum_check_meta (kernel/bpf/btf.c)"
    }
    NameInvalid "name-invalid" Mismatch "a name starts in the middle of another one" {
        means "The kernel looked up a name and found text that is not a C identifier: empty, or the rest of a longer name. The offset of \
               the name was right for the kernel that the module was built for; in the running kernel other text is there. The module's \
               BTF belongs to another build of the kernel, even if version and release are the same."
        act [
            "Reboot, if kernel packages were upgraded since the last boot.",
            "Rebuild the initramfs, if only modules that are loaded early fail: `update-initramfs -u -k all` or `dracut --force --regenerate-all`.",
            "Reinstall the image and the modules of the running kernel together, from one build.",
            "Rebuild the module, if it does not come with the kernel, against the vmlinux of the running kernel.",
        ]
        source "btf_name_valid_identifier, in the *_check_meta of each kind (kernel/bpf/btf.c)"
    }
    ChainTooLong "chain-too-long" Mismatch "a chain of modifiers is too long or a cycle" {
        means "A typedef, const, volatile, restrict or type tag of the module leads over more than 32 others, or back to itself (errno -40, \
               ELOOP). Type ids of the kernel moved, so a reference of the module now points to another type. The module's BTF belongs to \
               another build of the kernel."
        act [
            "Reboot, if kernel packages were upgraded since the last boot.",
            "Rebuild the initramfs, if only modules that are loaded early fail: `update-initramfs -u -k all` or `dracut --force --regenerate-all`.",
            "Reinstall the image and the modules of the running kernel together, from one build.",
            "Rebuild the module, if it does not come with the kernel, against the vmlinux of the running kernel.",
        ]
        source "btf_check_type_tags, since 7.2 btf_check_modifier_chain_length (kernel/bpf/btf.c)"
    }
    TagOrder "tag-order" Mismatch "a type tag stands behind a modifier" {
        means "Up to 7.1 a type tag must come before const, volatile, restrict and typedef. Either type ids of the kernel moved, so that the \
               module's tag is reached over another type, or the encoder wrote the tag in the wrong place."
        act [
            "Reboot, if kernel packages were upgraded since the last boot.",
            "Reinstall the image and the modules of the running kernel together, from one build.",
            "Rebuild the module, if it does not come with the kernel, with the pahole that built the kernel.",
        ]
        source "btf_check_type_tags (kernel/bpf/btf.c)"
    }
    TypeMissing "type-missing" Mismatch "a reference leads to a type that does not exist" {
        means "The kernel refused the BTF and logged no reason. One check does so: a typedef, qualifier or type tag of the module leads to a \
               type id beyond the last one. The running kernel then has fewer types than the kernel that the module was built for. This is \
               concluded from the log, which has the reasons of other modules and none here."
        act [
            "Reboot, if kernel packages were upgraded since the last boot.",
            "Rebuild the initramfs, if only modules that are loaded early fail: `update-initramfs -u -k all` or `dracut --force --regenerate-all`.",
            "Reinstall the image and the modules of the running kernel together, from one build.",
            "Rebuild the module, if it does not come with the kernel, against the vmlinux of the running kernel.",
        ]
        source "btf_check_type_tags, since 7.2 btf_check_modifier_chain_length (kernel/bpf/btf.c)"
    }
    RelocationFailed "relocation-failed" Mismatch "the module's distilled base does not fit the running kernel" {
        means "The module carries the types of its kernel that it needs, in `.BTF.base`, so that it fits other builds too (6.11 and later). \
               One of them has no counterpart in the running kernel: it is gone, has another size, or there are several."
        act [
            "Rebuild the module against the running kernel: `make -C /lib/modules/$(uname -r)/build M=$PWD`.",
            "Check that the headers belong to the running kernel: `ls -l /lib/modules/$(uname -r)/build`.",
        ]
        source "btf_relocate (tools/lib/bpf/btf_relocate.c)"
    }
    MismatchTolerated "mismatch-tolerated" Mismatch "modules run without BTF" {
        means "The kernel is configured with CONFIG_MODULE_ALLOW_BTF_MISMATCH: a module whose BTF is refused is loaded without it. The line is \
               printed once a boot and names no module. The modules work. Tracing them with types, and their kfuncs, does not."
        act [
            "List the modules without BTF: `for m in $(cut -d' ' -f1 /proc/modules); do test -e /sys/kernel/btf/$m || echo $m; done`. Modules without a BTF section of their own are listed too.",
            "Reboot, if kernel packages were upgraded since the last boot.",
            "Reinstall the image and the modules of the running kernel together, from one build.",
        ]
        source "btf_module_notify (kernel/bpf/btf.c), since 6.3"
    }
    // Refusals that a mismatch cannot cause.
    Malformed "malformed-btf" Malformed "the encoder wrote BTF that no base makes valid" {
        means "The check that failed looks only at the module's own bytes. Another base cannot cause it, so a reboot or another kernel of the \
               same version does not help. pahole, or another encoder or linker, wrote or damaged it."
        act [
            "Find the encoder's version: `pahole --version`, and the one in the kernel's build log.",
            "Build the module again with a newer pahole, or take its BTF out: `objcopy --remove-section=.BTF MODULE.ko`.",
            "Report it to dwarves@vger.kernel.org with the module.",
        ]
        source "btf_check_meta and the *_check_meta of each kind (kernel/bpf/btf.c)"
    }
    ForeignName "foreign-name" Malformed "a name that C cannot have" {
        means "The name has characters that the kernel does not accept. They come from Rust or C++ compilation units, or, on kernels before 6.4, \
               are dots. A mismatch does not produce such a name, so it was encoded that way."
        act [
            "Encode without these units: `pahole --lang_exclude=rust,c++11`, which kernels do since 6.1 with CONFIG_RUST.",
            "Or update the kernel, if the name has only dots: 6.4 and 6.1.36 accept them.",
        ]
        source "btf_name_valid_identifier (kernel/bpf/btf.c)"
    }
    NewerEncoder "newer-encoder" Malformed "BTF of a later format than this kernel knows" {
        means "The header or a type uses what the running kernel does not know yet: a longer header (errno -7, E2BIG), another version (-524, \
               ENOTSUPP), a later kind. The encoder is newer than the kernel, or was asked for features that this kernel does not have."
        act [
            "Build the module with the pahole options of the running kernel: its scripts/Makefile.btf or scripts/pahole-flags.sh.",
            "Compare: `pahole --version`, `uname -r`.",
        ]
        source "btf_parse_hdr, btf_check_meta (kernel/bpf/btf.c)"
    }
    BaseRefused "base-refused" RefusedBase "the running kernel refused its own BTF" {
        means "A check failed before any module was loaded, and then every module with BTF is refused. The modules are not to blame. The BTF in \
               the kernel image is damaged or was written in a way that this kernel does not accept."
        act [
            "Check that it is so: `ls /sys/kernel/btf/vmlinux` and `bpftool btf dump file /sys/kernel/btf/vmlinux | tail`.",
            "Boot another kernel, and reinstall or rebuild this one with another pahole.",
            "Until then, build with CONFIG_DEBUG_INFO_BTF_MODULES unset, or set CONFIG_MODULE_ALLOW_BTF_MISMATCH.",
        ]
        source "btf_parse_vmlinux, bpf_get_btf_vmlinux (kernel/bpf/btf.c)"
    }
    CauseMissing "cause-missing" NotInLog "refused, and the log does not say why" {
        means "The verdict is there and the lines before it are not. They have the level `err`, the verdict has `warning`, and a search for \
               the verdict finds only the verdict. In rare cases the kernel prints none: a reference to a type that does not exist, or a \
               kernel that has no BTF of its own."
        act [
            "Get all lines: `journalctl -k -b | grep -B8 'failed to validate module'`, or `dmesg --level=err,warn`.",
            "Load the module again, and look at once: `modprobe NAME; dmesg | tail -n 20`.",
            "On a kernel that kept its version over an upgrade, a reboot or a reinstallation of image and modules together is the usual cure.",
        ]
        source "btf_module_notify (kernel/bpf/btf.c)"
    }
    InsertFailed "insert-failed" NotInLog "a module could not be inserted, and there is no line of the kernel" {
        means "The program that loads modules reports the kernel's error number and nothing else. `Invalid argument` may mean BTF that was \
               refused, a parameter that the module does not know, or a failure of the module itself."
        act [
            "Ask the kernel: `dmesg | tail -n 20` directly after the attempt, or `journalctl -k -b -p warning`.",
        ]
        source "load_module, prepare_coming_module (kernel/module/main.c)"
    }
    // What follows.
    DependencyRefused "dependency-refused" Consequence "a module that it needs was refused" {
        means "Symbols are unknown because the module that exports them was refused and is not there."
        act ["Mend the refused module; this one needs nothing itself."]
        source "resolve_symbol, simplify_symbols (kernel/module/main.c)"
    }
    KfuncMissing "kfunc-missing" Consequence "a module's kfuncs are not registered" {
        means "The module was loaded without its BTF, so BPF programs cannot call its functions. The line names no module."
        act ["Mend the BTF of the module; its kfuncs are registered with it."]
        source "register_btf_kfunc_id_set, btf_get_module_btf (kernel/bpf/btf.c)"
    }
    KfuncPresent "kfunc-present" Elsewhere "a kfunc of a module is in the kernel already" {
        means "The kernel itself has a kfunc of this name, so the module's is not registered (7.2 and later)."
        act ["Take the module's function out, or give it another name."]
        source "register_btf_kfunc_id_set (kernel/bpf/btf.c)"
    }
    SysfsFailed "sysfs-failed" Elsewhere "the module's BTF cannot be shown in sysfs" {
        means "The BTF was accepted and /sys/kernel/btf could not get a file for it: memory ran out, or a file of that name is there."
        act ["Look at the errno; -12 is memory, -17 a name that exists. Unload the other module, or reboot."]
        source "btf_module_notify (kernel/bpf/btf.c)"
    }
    // Other reasons.
    SymbolUnknown "symbol-unknown" Elsewhere "a symbol is unknown" {
        means "Symbols come before BTF when a module is loaded. A module that exports them is not loaded, or belongs to another kernel."
        act ["Use modprobe instead of insmod, so that dependencies are loaded first; run `depmod -a`."]
        source "resolve_symbol (kernel/module/main.c)"
    }
    CrcMismatch "crc-mismatch" Elsewhere "a symbol has another CRC" {
        means "The types of a symbol differ between the running kernel and the one that the module was built for (CONFIG_MODVERSIONS). The \
               module is refused before its BTF is looked at."
        act [
            "Reinstall the image and the modules of the running kernel together, from one build; then reboot.",
            "Rebuild the module against the headers of the running kernel, if it does not come with it.",
        ]
        source "check_version (kernel/module/version.c)"
    }
    Vermagic "vermagic" Elsewhere "the module is of another release" {
        means "The module names another release or configuration of the kernel. It is refused before its BTF is looked at."
        act ["Reboot into the release that the module belongs to, or install the modules of the running one."]
        source "check_modinfo, same_magic (kernel/module/main.c)"
    }
    StructModule "struct-module" Elsewhere "struct module is laid out differently" {
        means "The module was compiled with headers whose `struct module` differs from that of the running kernel: another configuration, or a \
               vendor's patch. It is refused before its BTF is looked at, or damages the kernel."
        act [
            "Build against the headers of exactly the running kernel.",
            "Compare: `pahole -C module MODULE.ko` and `pahole -C module /sys/kernel/btf/vmlinux`.",
        ]
        source "elf_validity_cache_index_mod, older elf_validity_check (kernel/module/main.c)"
    }
    VmlinuxTruncated "vmlinux-truncated" Elsewhere "the vmlinux is cut short" {
        means "The file's section table lies beyond its end, so pahole and resolve_btfids cannot read the base (error -4001). A copy was \
               interrupted, the disk was full, or the headers package is broken. No kernel message is involved."
        act [
            "Compare: `ls -l vmlinux` and the section table's end in `readelf -h vmlinux`.",
            "Install the headers or debug package again, or build vmlinux again.",
            "For the running kernel, use its own BTF as the base: `/sys/kernel/btf/vmlinux`.",
        ]
        source "btf_parse_elf (tools/lib/bpf/btf.c)"
    }
    BaseUnreadable "base-unreadable" Elsewhere "the base for the module's BTF cannot be read" {
        means "pahole or resolve_btfids could not take BTF from the vmlinux that it was given: the file is missing, has no BTF, or is damaged."
        act [
            "Look at the file: `readelf -S vmlinux | grep BTF`.",
            "For the running kernel, use its own BTF as the base: `/sys/kernel/btf/vmlinux`.",
        ]
        source "btf__parse_elf (tools/lib/bpf/btf.c)"
    }
    ReadWithoutBase "read-without-base" Elsewhere "a module's BTF was read without its base" {
        means "A module's BTF has ids and names that go on where the kernel's end. The program that complains read it alone. The module and the \
               kernel are not to blame."
        act ["Give the base: `bpftool btf dump -B /sys/kernel/btf/vmlinux file MODULE`, `pahole --btf_base vmlinux MODULE.ko`."]
        source "btf_parse_str_sec (tools/lib/bpf/btf.c)"
    }
    BtfSkipped "btf-skipped" Harmless "a module was built without BTF" {
        means "The headers have no vmlinux, so no BTF was encoded. The module loads and works; it cannot be refused for its BTF."
        act ["Nothing, unless the module's types are wanted: then put a vmlinux with BTF into the build directory and build again."]
        source "scripts/Makefile.modfinal"
    }
    VmlinuxNoRule "vmlinux-no-rule" Elsewhere "the build wants a vmlinux that the headers do not have" {
        means "Kernels 5.11 before the fix e732b538f455, and some vendors' trees, make a module's BTF depend on vmlinux. An external module \
               then cannot be built with headers alone."
        act [
            "Install headers of a fixed kernel, or build with `make CONFIG_DEBUG_INFO_BTF_MODULES= …`.",
            "Or copy the kernel's BTF there, if the build only reads its BTF: `cp /sys/kernel/btf/vmlinux /lib/modules/$(uname -r)/build/`.",
        ]
        source "scripts/Makefile.modfinal"
    }
    HeaderOnly "header-only" Elsewhere "a module's BTF is only a header" {
        means "A module without types of its own has BTF of 24 bytes: a header, no types, no names. It is valid and kernels accept it. The \
               program that complains does not."
        act ["Update the program (cilium/ebpf after v0.19.0 reads such modules), or unload the module."]
        source "btf_parse_str_sec (kernel/bpf/btf.c) accepts it"
    }
    EncoderFailed "encoder-failed" Elsewhere "BTF could not be encoded" {
        means "pahole stopped while it encoded BTF from debug information. The lines around it name the type or the compilation unit."
        act [
            "Build with `V=1`, and run the pahole command of the log alone.",
            "Try a newer pahole: `pahole --version`.",
        ]
        source "btf_encoder__encode (pahole)"
    }
    ResolveFailed "resolve-btfids-failed" Elsewhere "resolve_btfids failed" {
        means "resolve_btfids writes the ids of types into .BTF_ids. It is missing from the headers package, or the BTF lacks a type or \
               function that the code refers to."
        act [
            "If it is missing, build it in the kernel's source: `make -C tools/bpf/resolve_btfids`, or install the complete headers package.",
            "If a symbol is unresolved, the encoder left that function or type out: compare pahole's version with the one the kernel asks for.",
        ]
        source "tools/bpf/resolve_btfids/main.c"
    }
}

impl Finding {
    /// The finding with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|finding| finding.id() == id)
    }
}

impl serde::Serialize for Finding {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_and_differ() {
        for &finding in Finding::ALL {
            assert_eq!(Finding::from_id(finding.id()), Some(finding));
            assert!(finding.id().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{finding:?}");
        }
        assert_eq!(Finding::from_id("no-such-finding"), None);
    }

    #[test]
    fn texts_are_sentences() {
        for &finding in Finding::ALL {
            assert!(finding.explanation().ends_with('.') && !finding.explanation().contains("  "), "{finding:?}");
            assert!(!finding.title().ends_with('.') && !finding.advice().is_empty(), "{finding:?}");
            for step in finding.advice() {
                assert_eq!(step.matches('`').count() % 2, 0, "{step}");
            }
        }
    }
}
