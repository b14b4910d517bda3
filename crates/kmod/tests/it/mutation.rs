//! Thousands of damaged files, the same in every run: each is parsed or refused, and none crashes the program.

use kmod::{Elf, KernelImage, Module, ModuleInfo, SectionEdits, kernel_btf_from_bytes};

use crate::build::module;
use crate::sample::SAMPLE;
use test_elf::{TARGETS, X86_64};

/// xorshift64*: the same sequence of numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Flips bits, writes extreme numbers, or truncates, mostly near an offset in `hot`, where headers are.
fn mutate(bytes: &[u8], hot: &[usize], numbers: &mut Numbers) -> Vec<u8> {
    let mut mutated = bytes.to_vec();
    for _ in 0..=numbers.below(3) {
        let len = mutated.len();
        let at = match numbers.below(4) {
            0 => numbers.below(len),
            _ => (hot[numbers.below(hot.len())] + numbers.below(512)).min(len.saturating_sub(1)),
        };
        match numbers.below(8) {
            0 => mutated.truncate(at),
            1..=3 => {
                let extremes = [0, 1, 0x7f, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX >> 1, u64::MAX, len as u64];
                let number = extremes[numbers.below(extremes.len())].to_le_bytes();
                let width = [1, 2, 4, 8][numbers.below(4)].min(len - at);
                mutated[at..at + width].copy_from_slice(&number[..width]);
            }
            _ => {
                if let Some(byte) = mutated.get_mut(at) {
                    *byte ^= 1 << numbers.below(8);
                }
            }
        }
        if mutated.is_empty() {
            break;
        }
    }
    mutated
}

/// Calls every query of a module, and counts the failures.
fn ask_everything(module: &Module) -> usize {
    let _ = (module.btf(), module.btf_base(), module.btf_ids(), module.name(), module.vermagic(), module.signature());
    let _ = ModuleInfo::new(module, "x.ko".as_ref());
    assert!(module.elf().sections().all(|section| section.data.len() <= module.bytes().len()));
    [module.versions().is_err(), module.exports().is_err(), module.imports().is_err()]
        .iter()
        .filter(|bad| **bad)
        .count()
}

#[test]
fn damaged_modules_are_read_or_refused() {
    let mut plain: Vec<_> = TARGETS.map(|target| module(target).bytes()).into();
    plain.push(Module::from_bytes(SAMPLE.to_vec()).unwrap().bytes().to_vec());
    let (mut whole, mut partly, mut refused) = (0, 0, 0);
    for (file, bytes) in plain.iter().enumerate() {
        let mut numbers = Numbers(file as u64 + 1);
        let hot = [0, 0, bytes.len().saturating_sub(900), bytes.len().saturating_sub(500), bytes.len() / 2];
        for _ in 0..6000 {
            match Module::from_bytes(mutate(bytes, &hot, &mut numbers)) {
                Ok(module) if ask_everything(&module) == 0 => whole += 1,
                Ok(_) => partly += 1,
                Err(error) => {
                    assert!(error.to_string().starts_with("cannot "), "{error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(whole > 1000 && partly > 100 && refused > 1000, "{whole} {partly} {refused}");
}

#[test]
fn damaged_compressed_modules_are_read_or_refused() {
    let mut numbers = Numbers(42);
    let refused = (0..1500).filter(|_| Module::from_bytes(mutate(SAMPLE, &[0, 1500], &mut numbers)).is_err()).count();
    assert!(refused > 1000, "{refused}");
}

#[test]
fn damaged_kernel_images_are_read_or_refused() {
    let vmlinux = module(X86_64).elf_type(2).bytes();
    let payload = zstd::encode_all(&vmlinux[..], 1).unwrap();
    let mut bzimage = vec![0; 5 * 512];
    bzimage[0x202..0x206].copy_from_slice(b"HdrS");
    bzimage[0x206..0x210].copy_from_slice(&[0x0f, 2, 0, 0, 0, 0, 0, 0, 0, 1]);
    bzimage[0x24c..0x250].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    bzimage.extend(&payload);
    let mut flat = vec![0; 0x40];
    flat[0x38..0x3c].copy_from_slice(b"ARM\x64");
    flat.extend([0x9f, 0xeb, 1, 0]);
    flat.extend([24_u32, 0, 12, 12, 2].map(u32::to_le_bytes).concat());
    flat.extend([0; 14]);
    for (file, (bytes, hot)) in [(vmlinux, 0), (bzimage, 0x1f0), (flat, 0x30)].into_iter().enumerate() {
        kernel_btf_from_bytes(bytes.clone()).unwrap();
        let mut numbers = Numbers(file as u64 + 7);
        let mut refused = 0;
        for _ in 0..4000 {
            let mutated = mutate(&bytes, &[hot], &mut numbers);
            let exports = KernelImage::from_bytes(mutated.clone()).map(|image| image.exports().map(|all| all.len()));
            refused += usize::from(exports.is_err() || kernel_btf_from_bytes(mutated).is_err());
        }
        assert!((100..4000).contains(&refused), "{refused} of file {file}");
    }
}

#[test]
fn damaged_files_are_edited_or_refused_and_never_grow() {
    let mut numbers = Numbers(0x5eed);
    let (mut edited, mut refused) = (0, 0);
    for target in TARGETS {
        let file = module(target).bytes();
        let table = file.len() - 1000.min(file.len());
        for _ in 0..3000 {
            let damaged = mutate(&file, &[0, table], &mut numbers);
            let edits = SectionEdits::new().set(".BTF", b"types").remove("__versions").drop_signature(true);
            let Ok(new) = edits.apply(&damaged) else {
                refused += 1;
                continue;
            };
            edited += 1;
            assert!(new.len() < damaged.len() + 128 + (1 << 16), "{} from {}", new.len(), damaged.len());
            let read = Elf::parse(new).expect("what is written can be read");
            assert_eq!(read.section(".BTF"), Some(&b"types"[..]));
        }
    }
    assert!(edited > 1000 && refused > 1000, "{edited} edited, {refused} refused");
}
