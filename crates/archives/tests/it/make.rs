//! Makes archives, well-formed and otherwise.

use std::io::Write as _;
use std::ops::ControlFlow;

use archives::{Archive, Entry, EntryKind, Error, Part, Segment};
use kmod::Compression;

/// What a visit shows of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub path: String,
    pub kind: EntryKind,
    pub target: Option<String>,
    pub part: Part,
    pub content: Vec<u8>,
}

impl Shown {
    fn of(entry: &mut Entry<'_>) -> Result<Self, Error> {
        Ok(Self {
            path: entry.path().to_string(),
            kind: entry.kind(),
            target: entry.target().map(ToString::to_string),
            part: entry.part(),
            content: entry.bytes()?,
        })
    }
}

/// Opens bytes that are an archive.
pub fn open(bytes: Vec<u8>) -> Archive {
    Archive::from_bytes(bytes).expect("its beginning can be read").expect("it is an archive")
}

/// All entries, and the segments.
pub fn visit(archive: &Archive) -> Result<(Vec<Shown>, Vec<Segment>), Error> {
    let mut all = Vec::new();
    let segments = archive.visit(&mut |entry| {
        all.push(Shown::of(entry)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((all, segments))
}

pub fn all(bytes: Vec<u8>) -> (Vec<Shown>, Vec<Segment>) {
    visit(&open(bytes)).expect("well-formed")
}

/// Why an archive is refused, with all causes.
pub fn refused(bytes: Vec<u8>) -> String {
    let error = match Archive::from_bytes(bytes) {
        Ok(archive) => visit(&archive.expect("it is an archive")).expect_err("damaged"),
        Err(error) => error,
    };
    util::error::one_line(&error)
}

/// One newc archive of files, with its trailer.
pub fn cpio(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content) in files {
        let mode = if content.is_empty() { 0o040_755 } else { 0o100_644 };
        out.extend(newc(name, mode, 1, content));
    }
    out.extend(newc("TRAILER!!!", 0, 1, b""));
    out
}

/// One entry of a newc archive.
pub fn newc(name: &str, mode: u32, nlink: u32, content: &[u8]) -> Vec<u8> {
    let mut builder = cpio::newc::Builder::new(name).mode(mode).nlink(nlink);
    builder = builder.ino(7);
    let mut writer = builder.write(Vec::new(), content.len() as u32);
    writer.write_all(content).expect("it goes to memory");
    writer.finish().expect("it goes to memory")
}

pub fn compress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    let lzma = |stream| {
        let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
        encoder.write_all(bytes).and_then(|()| encoder.finish())
    };
    match compression {
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).and_then(|()| encoder.finish())
        }
        Compression::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            encoder.write_all(bytes).and_then(|()| encoder.finish())
        }
        Compression::Zstd => zstd::encode_all(bytes, 1),
        Compression::Lzma => {
            let options = liblzma::stream::LzmaOptions::new_preset(1).expect("a preset");
            lzma(liblzma::stream::Stream::new_lzma_encoder(&options).expect("it is small"))
        }
        Compression::Xz => {
            let stream = liblzma::stream::Stream::new_easy_encoder(1, liblzma::stream::Check::Crc32);
            lzma(stream.expect("it is small"))
        }
        Compression::Lz4Legacy => {
            let block = lz4_flex::block::compress(bytes);
            Ok([&b"\x02\x21\x4c\x18"[..], &(block.len() as u32).to_le_bytes(), &block].concat())
        }
        Compression::Lzo => {
            // Stored: a block that did not become smaller.
            let mut out = b"\x89LZO\0\r\n\x1a\n\x10\x40\x20\xa0\x09\x40\x01\x05".to_vec();
            out.extend([0; 4 + 12 + 1 + 4]);
            let len = (bytes.len() as u32).to_be_bytes();
            out.extend([len, len].concat());
            out.extend(bytes);
            out.extend([0; 4]);
            Ok(out)
        }
        other => panic!("{other} cannot be made here"),
    }
    .expect("it goes to memory")
}

/// A tar archive without its end.
pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).expect("it goes to memory");
    }
    let with_end = builder.into_inner().expect("it goes to memory");
    with_end[..with_end.len() - 1024].to_vec()
}

/// An ar archive.
pub fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (name, content) in members {
        out.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, "100644", content.len()).into_bytes());
        out.extend(*content);
        out.resize(out.len().next_multiple_of(2), b'\n');
    }
    out
}

/// An rpm header with these values: tag, type, number, bytes.
pub fn rpm_header(values: &[(u32, u32, u32, Vec<u8>)]) -> Vec<u8> {
    let mut store: Vec<u8> = Vec::new();
    let mut index = Vec::new();
    for (tag, kind, count, bytes) in values {
        index.extend([*tag, *kind, store.len() as u32, *count].map(u32::to_be_bytes).concat());
        store.extend(bytes);
    }
    let mut out = b"\x8e\xad\xe8\x01\0\0\0\0".to_vec();
    out.extend([values.len() as u32, store.len() as u32].map(u32::to_be_bytes).concat());
    out.extend(index);
    out.extend(store);
    out
}

/// An RPM package with an odd number of bytes of signatures.
pub fn rpm(header: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 96];
    out[..4].copy_from_slice(b"\xed\xab\xee\xdb");
    out.extend(rpm_header(&[(1000, 6, 1, b"sig\0\0".to_vec())]));
    out.resize(out.len().next_multiple_of(8), 0);
    out.extend(header);
    out.extend(payload);
    out
}

/// A PE file with these sections.
pub fn unified(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut image = vec![0; 0x400];
    image[..2].copy_from_slice(b"MZ");
    image[0x3c] = 0x80;
    image[0x80..0x84].copy_from_slice(b"PE\0\0");
    image[0x86] = sections.len() as u8;
    for (index, (name, bytes)) in sections.iter().enumerate() {
        let at = 0x80 + 24 + index * 40;
        let (offset, len) = ((image.len() as u32).to_le_bytes(), (bytes.len() as u32).to_le_bytes());
        image[at..at + name.len()].copy_from_slice(name.as_bytes());
        image[at + 8..at + 12].copy_from_slice(&len);
        image[at + 16..at + 24].copy_from_slice(&[len, offset].concat());
        image.extend(*bytes);
    }
    image
}

/// Why an archive is refused within these limits, with all causes.
pub fn refused_with(bytes: Vec<u8>, limits: archives::Limits) -> String {
    util::error::one_line(&visit(&open(bytes).with_limits(limits)).expect_err("too much"))
}
