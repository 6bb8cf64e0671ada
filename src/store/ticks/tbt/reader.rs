//! Reads a `.tbt` file, block by block, and seeks in it by time.
//!
//! What it is not: a repairer; a damaged file is refused with the number of the damaged block.
//!
//! Invariant: no memory is taken for a length or count that was not checked against the file's size before.

use super::super::error::TickFileError;
use super::super::tick::FileTick;
use super::block::{self, Shape};
use super::layout::{
    self, BLOCK_HEADER_BYTES, BlockHeader, FOOTER_BYTES, HEADER_BYTES, INDEX_ENTRY_BYTES, IndexEntry,
    Refusal, TbtHeader,
};
use crate::types::TimeNs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Reads ticks in the order in which they were written.
pub struct TbtReader<R: Read + Seek> {
    input: R,
    file: PathBuf,
    header: TbtHeader,
    index: Vec<IndexEntry>,
    next_block: usize,
    ticks: Vec<FileTick>,
    at: usize,
    payload: Vec<u8>,
    columns: Vec<u8>,
    decompressor: zstd::bulk::Decompressor<'static>,
}

impl<R: Read + Seek> TbtReader<R> {
    /// Reads and checks header, index and footer. `file` is for messages.
    pub fn new(mut input: R, file: &Path) -> Result<Self, TickFileError> {
        let io = |e| TickFileError::io(file, e);
        let refuse = |(expected, got): Refusal| TickFileError::format(file, expected, got);
        let file_bytes = input.seek(SeekFrom::End(0)).map_err(io)?;
        let bytes_min = (HEADER_BYTES + FOOTER_BYTES) as u64;
        if file_bytes < bytes_min {
            return Err(TickFileError::format(
                file,
                format!("at least {bytes_min} bytes"),
                file_bytes.to_string(),
            ));
        }
        input.seek(SeekFrom::Start(0)).map_err(io)?;
        let mut head = [0; HEADER_BYTES];
        input.read_exact(&mut head).map_err(io)?;
        let header = TbtHeader::from_bytes(&head).map_err(refuse)?;
        let index = read_index(&mut input, &header, file_bytes, file)?;
        Ok(TbtReader {
            input,
            file: file.to_path_buf(),
            header,
            index,
            next_block: 0,
            ticks: Vec::new(),
            at: 0,
            payload: Vec::new(),
            columns: Vec::new(),
            decompressor: zstd::bulk::Decompressor::new().map_err(io)?,
        })
    }

    /// The file's header.
    pub fn header(&self) -> &TbtHeader {
        &self.header
    }

    /// Bytes of the file before the next block: how far reading has come.
    pub fn position_bytes(&self) -> u64 {
        self.index.get(self.next_block).map_or(self.header.file_bytes, |entry| entry.offset_bytes)
    }

    /// Goes to the first tick in file order whose time is `ts` or later.
    pub fn seek(&mut self, ts: TimeNs) -> Result<(), TickFileError> {
        self.ticks.clear();
        self.at = 0;
        self.next_block =
            self.index.iter().position(|entry| entry.ts_max_ns >= ts.0).unwrap_or(self.index.len());
        if self.load_block()? {
            self.at = self.ticks.iter().position(|tick| tick.ts_venue >= ts).unwrap_or(self.ticks.len());
        }
        Ok(())
    }

    /// The next tick; `None` after the last.
    pub fn next_tick(&mut self) -> Result<Option<FileTick>, TickFileError> {
        if self.at == self.ticks.len() && !self.load_block()? {
            return Ok(None);
        }
        let tick = self.ticks[self.at];
        self.at += 1;
        Ok(Some(tick))
    }

    /// The ticks of the next block (or what is left of this one), empty after the last: the fast way to read all.
    pub fn next_ticks(&mut self) -> Result<&[FileTick], TickFileError> {
        if self.at == self.ticks.len() {
            self.load_block()?;
        }
        let from = self.at;
        self.at = self.ticks.len();
        Ok(&self.ticks[from..])
    }

    /// Whether there was another block. After an error there is none.
    fn load_block(&mut self) -> Result<bool, TickFileError> {
        self.ticks.clear();
        self.at = 0;
        let Some(&entry) = self.index.get(self.next_block) else { return Ok(false) };
        let number = self.next_block;
        self.next_block = self.index.len();
        self.decode_block(number, entry).inspect_err(|_| self.ticks.clear())?;
        self.next_block = number + 1;
        Ok(true)
    }

    fn decode_block(&mut self, number: usize, entry: IndexEntry) -> Result<(), TickFileError> {
        let file = self.file.clone();
        let refuse =
            |(expected, got): Refusal| TickFileError::Block { file, block: number as u64, expected, got };
        let end = self.index.get(number + 1).map_or(self.header.index_offset_bytes, |next| next.offset_bytes);
        let room_bytes = end - entry.offset_bytes - BLOCK_HEADER_BYTES as u64;
        let mut head = [0; BLOCK_HEADER_BYTES];
        let start = SeekFrom::Start(entry.offset_bytes);
        let io = |e| TickFileError::io(&self.file, e);
        self.input.seek(start).and_then(|_| self.input.read_exact(&mut head)).map_err(io)?;
        let block = match BlockHeader::from_bytes(&head, self.header.block_ticks_max) {
            Ok(block) => block,
            Err(refusal) => return Err(refuse(refusal)),
        };
        let wanted = (number as u32, entry.tick_count, room_bytes);
        let got = (block.number, block.tick_count, u64::from(block.payload_bytes));
        if wanted != got {
            let names = "(number, ticks, bytes)";
            return Err(refuse((format!("{names} {wanted:?} as in the index"), format!("{got:?}"))));
        }
        self.payload.resize(block.payload_bytes as usize, 0);
        self.input.read_exact(&mut self.payload).map_err(io)?;
        let decoded =
            BlockHeader::check_payload(&head, &self.payload).and_then(|()| self.decode_payload(&block));
        decoded.map_err(refuse)
    }

    fn decode_payload(&mut self, block: &BlockHeader) -> Result<(), Refusal> {
        self.columns.clear();
        self.columns.reserve(block.column_bytes as usize);
        let expected = || format!("{} bytes of columns", block.column_bytes);
        let bytes = self
            .decompressor
            .decompress_to_buffer(&self.payload, &mut self.columns)
            .map_err(|e| (expected(), e.to_string()))?;
        if bytes != block.column_bytes as usize {
            return Err((expected(), bytes.to_string()));
        }
        let shape = Shape { present: block.present, unit_exponent: block.unit_exponent };
        block::decode(&self.columns, &shape, block.ts_first_ns, block.tick_count as usize, &mut self.ticks)
    }
}

fn read_index<R: Read + Seek>(
    input: &mut R,
    header: &TbtHeader,
    file_bytes: u64,
    file: &Path,
) -> Result<Vec<IndexEntry>, TickFileError> {
    let refuse = |expected: String, got: String| Err(TickFileError::format(file, expected, got));
    if header.file_bytes != file_bytes {
        return refuse(format!("{} bytes as the header says", header.file_bytes), file_bytes.to_string());
    }
    let index_bytes = u64::from(header.block_count) * INDEX_ENTRY_BYTES as u64;
    let index_offset_bytes = file_bytes - FOOTER_BYTES as u64;
    let fits = index_bytes <= index_offset_bytes
        && index_offset_bytes - index_bytes == header.index_offset_bytes
        && header.index_offset_bytes >= HEADER_BYTES as u64;
    if !fits {
        let expected = format!("an index of {index_bytes} bytes before the footer");
        return refuse(expected, format!("an index at {}", header.index_offset_bytes));
    }
    let io = |e| TickFileError::io(file, e);
    input.seek(SeekFrom::Start(header.index_offset_bytes)).map_err(io)?;
    let mut bytes = vec![0; index_bytes as usize];
    let mut footer = [0; FOOTER_BYTES];
    input.read_exact(&mut bytes).and_then(|()| input.read_exact(&mut footer)).map_err(io)?;
    if footer != layout::footer(&bytes) {
        return refuse(
            "the footer that belongs to the index".to_owned(),
            "another one: index or footer is damaged".to_owned(),
        );
    }
    let index: Vec<IndexEntry> = bytes.chunks_exact(INDEX_ENTRY_BYTES).map(IndexEntry::from_bytes).collect();
    check_index(&index, header).map_err(|(expected, got)| TickFileError::format(file, expected, got))?;
    Ok(index)
}

fn check_index(index: &[IndexEntry], header: &TbtHeader) -> Result<(), Refusal> {
    let ticks: u64 = index.iter().map(|entry| u64::from(entry.tick_count)).sum();
    if ticks != header.tick_count {
        return Err((format!("{} ticks in the index", header.tick_count), ticks.to_string()));
    }
    let mut free_from = HEADER_BYTES as u64;
    for (number, entry) in index.iter().enumerate() {
        let first_is_off = number == 0 && entry.offset_bytes != free_from;
        if entry.offset_bytes < free_from || first_is_off || entry.offset_bytes >= header.index_offset_bytes {
            let expected = format!("block {number} between {free_from} and {}", header.index_offset_bytes);
            return Err((expected, entry.offset_bytes.to_string()));
        }
        free_from = entry.offset_bytes + BLOCK_HEADER_BYTES as u64;
    }
    match free_from <= header.index_offset_bytes {
        true => Ok(()),
        false => Err(("a whole last block".to_owned(), "an index in the middle of it".to_owned())),
    }
}
