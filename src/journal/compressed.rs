//! Segments in less room: a closed one as one zstd frame, and any one read back whichever way it stands.
//!
//! What it is not: on a hot lane, or the persister's; the control floor compresses, behind a snapshot.
//!
//! Invariant: the plain file is removed only after the compressed one is on the disk and was read back to the same bytes. Nothing is
//! unpacked beyond the largest segment there may be.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::error::{JournalError, io_error};

/// What a compressed segment's name ends with, behind the plain one's.
pub(super) const SUFFIX: &str = ".zst";
/// The largest segment (`journal.segment_mib`), and its header.
const SEGMENT_BYTES_MAX: u64 = (65_536 << 20) + 128;
/// Fast: ticks shrink several times over all the same.
const LEVEL: i32 = 1;
const CHUNK_BYTES: usize = 1 << 16;
/// The longest head of a frame (RFC 8878, 3.1.1.1).
const FRAME_HEAD_BYTES: u64 = 18;

/// What compressing saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Compressed {
    /// Bytes of the plain file.
    pub plain_bytes: u64,
    /// Bytes of the compressed one.
    pub bytes: u64,
}

pub(super) fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == &SUFFIX[1..])
}

/// Where a segment stands when it is compressed.
fn packed_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(SUFFIX);
    PathBuf::from(name)
}

/// A segment's bytes as they were written, whichever way it stands.
pub(super) fn open_segment(path: &Path) -> io::Result<Box<dyn Read>> {
    let file = File::open(path)?;
    if !is_compressed(path) {
        return Ok(Box::new(file));
    }
    let unpacked = zstd::stream::read::Decoder::new(file)?;
    Ok(Box::new(unpacked.take(SEGMENT_BYTES_MAX)))
}

/// How many bytes a segment has as it was written, by its frame's head if it is compressed.
pub(super) fn plain_bytes(path: &Path) -> io::Result<u64> {
    if !is_compressed(path) {
        return Ok(std::fs::metadata(path)?.len());
    }
    let mut head = Vec::new();
    File::open(path)?.take(FRAME_HEAD_BYTES).read_to_end(&mut head)?;
    let length = zstd::zstd_safe::get_frame_content_size(&head).ok().flatten();
    length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "expected a frame that says its length"))
}

/// Reads a whole segment.
pub(super) fn read_segment(path: &Path) -> Result<Vec<u8>, JournalError> {
    let read = |path: &Path| -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        open_segment(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read(path) {
        // It was compressed since the folder was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => read(&packed_path(path)),
        bytes => bytes,
    }
    .map_err(io_error("read", path))
}

/// Length and checksum of what a reader gives.
fn sum(reader: &mut dyn Read) -> io::Result<(u64, u32)> {
    let (mut bytes, mut crc) = (0, 0);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match reader.read(&mut chunk)? {
            0 => return Ok((bytes, crc)),
            read => (bytes, crc) = (bytes + read as u64, crc32c::crc32c_append(crc, &chunk[..read])),
        }
    }
}

/// Compresses a closed segment and removes the plain file; one that is compressed already is left alone.
pub fn compress_segment(path: &Path) -> Result<Compressed, JournalError> {
    if is_compressed(path) {
        return Ok(Compressed::default());
    }
    let target = packed_path(path);
    let pack = || -> io::Result<Compressed> {
        let aside = path.with_extension("new");
        let mut encoder = zstd::stream::write::Encoder::new(File::create(&aside)?, LEVEL)?;
        encoder.include_checksum(true)?;
        // The frame's head says how long it was, so that a start need not unpack it.
        encoder.set_pledged_src_size(Some(std::fs::metadata(path)?.len()))?;
        io::copy(&mut File::open(path)?, &mut encoder)?;
        let mut file = encoder.finish()?;
        file.flush()?;
        file.sync_all()?;
        std::fs::rename(&aside, &target)?;
        let dir = target.parent().map_or_else(|| Ok(()), |dir| File::open(dir)?.sync_all());
        dir?;
        let (plain, packed) = (sum(&mut File::open(path)?)?, sum(&mut open_segment(&target)?)?);
        if plain != packed {
            std::fs::remove_file(&target)?;
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("expected {plain:?} as bytes and checksum when it was read back, got {packed:?}"),
            ));
        }
        std::fs::remove_file(path)?;
        Ok(Compressed { plain_bytes: plain.0, bytes: std::fs::metadata(&target)?.len() })
    };
    pack().map_err(io_error("compress", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_segment_is_the_same_and_damage_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0000000000000001.tbj");
        let bytes = super::super::scan::tests::segment(1, 300, 0);
        std::fs::write(&path, &bytes).unwrap();
        let saved = compress_segment(&path).unwrap();
        let packed = dir.path().join("0000000000000001.tbj.zst");
        assert!(!path.exists() && saved.bytes < saved.plain_bytes / 2, "{saved:?}");
        assert_eq!(read_segment(&packed).unwrap(), bytes);
        assert_eq!(plain_bytes(&packed).unwrap(), bytes.len() as u64);
        assert_eq!(read_segment(&path).unwrap(), bytes, "under the name that it was listed with");
        assert_eq!(compress_segment(&packed).unwrap(), Compressed::default());
        let good = std::fs::read(&packed).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            std::fs::write(&packed, &bad).unwrap();
            // Some bits of a frame's head say nothing of its content.
            assert!(read_segment(&packed).map_or(true, |read| read == bytes), "byte {at}");
        }
        std::fs::write(&packed, &good[..good.len() - 5]).unwrap();
        let cut = read_segment(&packed).unwrap_err().to_string();
        assert!(cut.contains("0000000000000001.tbj.zst"), "{cut}");
    }
}
