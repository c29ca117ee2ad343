//! Files that came packed together, in a ZIP file (APPNOTE 6.3) or in a tar archive (POSIX ustar), which may be
//! compressed by gzip. Only what `-extensions-path` needs: plain files side by side, small enough for memory.
//!
//! **Invariants:** whatever the bytes are, the outcome is files or a text; a name that is given out is that of a file,
//! never a path; at most [`BYTES_MAX`] are given out.

use std::io::Read;

use flate2::Crc;
use flate2::read::{DeflateDecoder, MultiGzDecoder};

/// All files of an archive, unpacked.
const BYTES_MAX: u64 = 1 << 30;
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZIP_MAGIC: &[u8] = b"PK\x03\x04";
/// Begins a file's entry in the directory at a ZIP file's end, and what closes that directory.
const ZIP_ENTRY: &[u8] = b"PK\x01\x02";
const ZIP_END: &[u8] = b"PK\x05\x06";
const ZIP_END_BYTES: usize = 22;
/// Behind the end there may be a comment of so many bytes.
const ZIP_COMMENT_MAX: usize = 65_535;
const TAR_BLOCK: usize = 512;

/// A file's name and contents.
pub(super) type Packed = (String, Vec<u8>);

/// The files in an archive, in its order; `None` for what is none.
///
/// # Errors
/// What is wrong with it.
pub(super) fn unpack(archive: &[u8]) -> Result<Option<Vec<Packed>>, String> {
    if archive.starts_with(ZIP_MAGIC) {
        return unzip(archive).map(Some);
    }
    if archive.starts_with(GZIP_MAGIC) {
        let unpacked = read_all(MultiGzDecoder::new(archive), BYTES_MAX)?;
        return untar(&unpacked).map(Some);
    }
    let is_tar = archive.get(257..262).is_some_and(|magic| magic == b"ustar");
    if is_tar { untar(archive).map(Some) } else { Ok(None) }
}

fn read_all(source: impl Read, bytes_max: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = source.take(bytes_max + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("it can't be unpacked: {error}"))?;
    if bytes.len() as u64 > bytes_max {
        return Err(format!("it is larger than {BYTES_MAX} bytes, unpacked"));
    }
    Ok(bytes)
}

/// The name of a file that lies in no directory.
fn flat(name: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(name).into_owned();
    let bare = text.strip_prefix("./").unwrap_or(&text);
    if bare.is_empty() || bare.contains(['/', '\0']) || matches!(bare, "." | "..") {
        return Err(format!("it has {text:?} in it: only files side by side are expected"));
    }
    Ok(bare.to_owned())
}

fn cut_off() -> String {
    "it ends too early, or is damaged".to_owned()
}

/// Two or four bytes, little-endian.
fn number(bytes: &[u8], at: usize, width: usize) -> Result<usize, String> {
    let end = at.checked_add(width).ok_or_else(cut_off)?;
    let bytes = bytes.get(at..end).ok_or_else(cut_off)?;
    Ok(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

fn part(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], String> {
    let end = at.checked_add(length).ok_or_else(cut_off)?;
    bytes.get(at..end).ok_or_else(cut_off)
}

fn unzip(archive: &[u8]) -> Result<Vec<Packed>, String> {
    let first = archive.len().saturating_sub(ZIP_END_BYTES + ZIP_COMMENT_MAX);
    let end = archive[first..].windows(ZIP_END.len()).rposition(|window| window == ZIP_END);
    let end = first + end.ok_or_else(cut_off)?;
    let count = number(archive, end + 10, 2)?;
    let mut at = number(archive, end + 16, 4)?;
    let (mut files, mut left) = (Vec::new(), BYTES_MAX);
    for _ in 0..count {
        if part(archive, at, ZIP_ENTRY.len())? != ZIP_ENTRY {
            return Err(cut_off());
        }
        let lengths = [28, 30, 32].map(|field| number(archive, at + field, 2));
        let [name_length, extra, comment] = lengths;
        let (name_length, extra, comment) = (name_length?, extra?, comment?);
        let name = flat(part(archive, at + 46, name_length)?)?;
        let contents = zip_file(archive, at, left).map_err(|why| format!("{name}: {why}"))?;
        left -= contents.len() as u64;
        files.push((name, contents));
        at += 46 + name_length + extra + comment;
    }
    Ok(files)
}

/// What the file has whose entry in the directory is at `entry`.
fn zip_file(archive: &[u8], entry: usize, bytes_max: u64) -> Result<Vec<u8>, String> {
    let (flags, method) = (number(archive, entry + 8, 2)?, number(archive, entry + 10, 2)?);
    let (checksum, packed) = (number(archive, entry + 16, 4)?, number(archive, entry + 20, 4)?);
    let local = number(archive, entry + 42, 4)?;
    if flags & 1 == 1 {
        return Err("it is encrypted".to_owned());
    }
    let skipped = number(archive, local + 26, 2)? + number(archive, local + 28, 2)?;
    let bytes = part(archive, local + 30 + skipped, packed)?;
    let contents = match method {
        0 => read_all(bytes, bytes_max)?,
        8 => read_all(DeflateDecoder::new(bytes), bytes_max)?,
        other => return Err(format!("it is packed by method {other}: only deflate is known")),
    };
    let mut found = Crc::new();
    found.update(&contents);
    if found.sum() as usize == checksum { Ok(contents) } else { Err("it is damaged".to_owned()) }
}

fn untar(archive: &[u8]) -> Result<Vec<Packed>, String> {
    let mut files = Vec::new();
    let mut at = 0;
    // Two blocks of zeros end it, or the file's end.
    while at < archive.len() {
        let header = part(archive, at, TAR_BLOCK)?;
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        let blank = |at: usize| if (148..156).contains(&at) { b' ' } else { header[at] };
        let sum: u64 = (0..TAR_BLOCK).map(|at| u64::from(blank(at))).sum();
        if octal(&header[148..156]) != Some(sum) {
            return Err(cut_off());
        }
        let length = octal(&header[124..136]).and_then(|length| usize::try_from(length).ok());
        let length = length.ok_or_else(cut_off)?;
        let contents = part(archive, at + TAR_BLOCK, length)?;
        let end = |field: &[u8]| field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
        let name = &header[..end(&header[..100])];
        match header[156] {
            b'0' | 0 => files.push((flat(name)?, contents.to_vec())),
            // The directory itself, and remarks about times and owners.
            b'5' if matches!(name, b"." | b"./") => {}
            b'x' | b'g' => {}
            _ => {
                let name = String::from_utf8_lossy(name);
                return Err(format!("it has {name:?} in it: only files side by side are expected"));
            }
        }
        at += TAR_BLOCK + length.div_ceil(TAR_BLOCK) * TAR_BLOCK;
    }
    Ok(files)
}

/// A number in octal digits, with spaces or zero bytes around it.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    u64::from_str_radix(text, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use std::io::Write as _;

    /// Made by Python's `zipfile`: `one`, which is stored, and `two`, which is deflated.
    const ZIP: &str = concat!(
        "UEsDBBQAAAAAAAAAIQC379yDAQAAAAEAAAADAAAAb25lMVBLAwQUAAAACAAAACEAk9sjywkAAACgAAAAAwAAAHR3",
        "byspz1coGcQYAFBLAQIUAxQAAAAAAAAAIQC379yDAQAAAAEAAAADAAAAAAAAAAAAAACAAQAAAABvbmVQSwECFAMU",
        "AAAACAAAACEAk9sjywkAAACgAAAAAwAAAAAAAAAAAAAAgAEiAAAAdHdvUEsFBgAAAAACAAIAYgAAAEwAAAAAAA==",
    );

    fn zip() -> Vec<u8> {
        base64::engine::general_purpose::STANDARD.decode(ZIP).unwrap()
    }

    /// A tar archive, as GNU's program writes it.
    fn tar(files: &[(&str, u8, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, kind, contents) in files {
            let mut header = [0; TAR_BLOCK];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[124..136].copy_from_slice(format!("{:011o}\0", contents.len()).as_bytes());
            header[148..156].fill(b' ');
            header[156] = *kind;
            header[257..265].copy_from_slice(b"ustar\x0000");
            let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
            header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            out.extend(header);
            out.extend(*contents);
            out.resize(out.len().next_multiple_of(TAR_BLOCK), 0);
        }
        out.resize(out.len() + 2 * TAR_BLOCK, 0);
        out
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    }

    #[test]
    fn files_come_out_of_each_kind_of_archive() {
        let (one, two) = (b"1".to_vec(), b"two ".repeat(40));
        let expected = Some(vec![("one".to_owned(), one), ("two".to_owned(), two.clone())]);
        assert_eq!(unpack(&zip()).unwrap(), expected);
        let plain = tar(&[("./", b'5', b""), ("./one", b'0', b"1"), ("two", b'0', &two)]);
        assert_eq!(unpack(&plain).unwrap(), expected);
        assert_eq!(unpack(&gzip(&plain)).unwrap(), expected);
        assert_eq!(unpack(b"\x7fELF").unwrap(), None);
    }

    #[test]
    fn only_files_side_by_side_come_out() {
        for (name, kind) in [("a/b", b'0'), ("../b", b'0'), ("..", b'0'), ("a", b'2'), ("a/", b'5')]
        {
            let error = unpack(&tar(&[(name, kind, b"")])).unwrap_err();
            assert!(error.contains(name) && error.contains("side by side"), "{error}");
        }
        let mut inside = zip();
        for at in 0..inside.len() - 3 {
            if &inside[at..at + 3] == b"one" {
                inside[at + 1] = b'/';
            }
        }
        assert!(unpack(&inside).unwrap_err().contains("o/e"));
    }

    #[test]
    fn damage_is_an_error() {
        let whole = zip();
        // Of the end, all but the length of a comment counts.
        for length in 4..whole.len() - 2 {
            assert!(unpack(&whole[..length]).is_err(), "{length}");
        }
        for archive in [&whole, &gzip(&tar(&[("one", b'0', b"1")])), &tar(&[("one", b'0', b"1")])] {
            for at in 0..archive.len() {
                let mut damaged = archive.clone();
                damaged[at] ^= 0xff;
                // Nothing but an answer is asked for: not every byte means something.
                let _ = unpack(&damaged);
            }
        }
        let mut damaged = whole.clone();
        // In what is stored.
        let at = damaged.windows(4).position(|window| window == b"one1").unwrap() + 3;
        damaged[at] = b'2';
        assert_eq!(unpack(&damaged).unwrap_err(), "one: it is damaged");
    }
}
