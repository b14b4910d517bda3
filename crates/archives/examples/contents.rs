//! What is in packages, initramfs archives and kernel images: `cargo run -p archives --example contents -- FILE…`.

use std::collections::BTreeMap;
use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

use archives::{Archive, KernelFile};
use kmod::KernelImage;

/// What was found of one release.
#[derive(Default)]
struct Found {
    modules: usize,
    with_btf: usize,
    btf_bytes: usize,
    images: usize,
}

fn main() {
    for path in std::env::args().skip(1) {
        let start = Instant::now();
        if let Err(error) = show(&path) {
            println!("{}", util::error::one_line(error.as_ref()));
        }
        println!("  {} ms", start.elapsed().as_millis());
    }
}

fn show(path: &str) -> Result<(), Box<dyn Error>> {
    println!("{path}");
    let Some(archive) = Archive::open(path)? else { return show_image(path) };
    println!("  {}: {:?}", archive.kind(), archive.package_id()?);
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    let mut entries = 0;
    let segments = archive.visit(&mut |entry| {
        entries += 1;
        let path = entry.path().to_owned();
        let Some(file) = entry.kernel_file() else { return Ok(ControlFlow::Continue(())) };
        let found = found.entry(file.release().to_owned()).or_default();
        match file {
            KernelFile::Module { .. } => {
                let module = entry.module()?;
                found.modules += 1;
                found.with_btf += usize::from(module.btf().is_some());
                found.btf_bytes += module.btf().map_or(0, <[u8]>::len);
            }
            KernelFile::Image { .. } => {
                let image = entry.kernel_image()?;
                found.images += 1;
                println!("  {path}: {}, {:?} bytes of BTF", image.kind(), image.btf().map(<[u8]>::len).ok());
                println!("  {:?}", image.version());
            }
            other => println!("  {path}: {other:?}"),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    println!("  {entries} entries {segments:?}");
    for (release, Found { modules, with_btf, btf_bytes, images }) in found {
        println!("  {release}: {modules} modules, {with_btf} with {btf_bytes} bytes of BTF, {images} images");
    }
    Ok(())
}

fn show_image(path: &str) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    println!("  {:?} ({} µs)", kmod::kernel_version(path)?, start.elapsed().as_micros());
    let image = KernelImage::open(path)?;
    println!("  {}, {:?} bytes of BTF", image.kind(), image.btf().map(<[u8]>::len).ok());
    println!("  {:?}; configuration: {:?} bytes", image.version(), image.config()?.map(|bytes| bytes.len()));
    Ok(())
}
