//! Writes a `.tbt` file, block by block.
//!
//! What it is not: an appender; a file is written once, from its first tick to its last.
//!
//! Invariant: the header says "unfinished" until [`TbtWriter::finish`] has written everything else.

use super::super::counts::TickCounts;
use super::super::tick::{FileTick, TimeBase};
use super::block::{self, Shape};
use super::layout::{
    self, BLOCK_HEADER_BYTES, BLOCK_TICKS_DEFAULT, BLOCK_TICKS_MAX, BlockHeader, HEADER_BYTES, IndexEntry,
    TbtHeader, UNFINISHED,
};
use crate::types::FixedText;
use std::io::{self, Seek, SeekFrom, Write};

/// What a writer must be told.
#[derive(Clone, Copy, Debug)]
pub struct TbtWriterOptions {
    /// The instrument, empty when not known.
    pub symbol: FixedText<32>,
    /// Decimals of the prices, 0 to 12.
    pub digits: u8,
    /// Tick size as a mantissa at `digits`, at least 1.
    pub tick_size: i64,
    /// What times count from.
    pub time_base: TimeBase,
    /// Ticks in a block, 1 to 2^20.
    pub block_ticks: u32,
    /// zstd level, 1 to 22.
    pub level: i32,
}

impl TbtWriterOptions {
    /// Tick size of one last digit, default blocks and compression, no symbol.
    pub fn new(digits: u8, time_base: TimeBase) -> Self {
        TbtWriterOptions {
            symbol: FixedText::EMPTY,
            digits,
            tick_size: 1,
            time_base,
            block_ticks: BLOCK_TICKS_DEFAULT,
            level: 9,
        }
    }
}

/// What a finished file holds.
#[derive(Clone, Copy, Debug)]
pub struct TbtWritten {
    /// Its header.
    pub header: TbtHeader,
    /// Its counts.
    pub counts: TickCounts,
}

/// Writes ticks in the order given.
pub struct TbtWriter<W: Write + Seek> {
    out: W,
    options: TbtWriterOptions,
    counts: TickCounts,
    pending: Vec<FileTick>,
    columns: Vec<u8>,
    index: Vec<IndexEntry>,
    offset_bytes: u64,
    compressor: zstd::bulk::Compressor<'static>,
}

impl<W: Write + Seek> TbtWriter<W> {
    /// Starts a file at the beginning of `out`. Options outside their ranges are an error of kind `InvalidInput`.
    pub fn new(mut out: W, options: TbtWriterOptions) -> io::Result<Self> {
        let sound = options.digits <= super::super::tick::DIGITS_MAX
            && options.tick_size >= 1
            && (1..=BLOCK_TICKS_MAX).contains(&options.block_ticks)
            && (1..=22).contains(&options.level);
        if !sound {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("options out of range: {options:?}"),
            ));
        }
        let counts = TickCounts::default();
        out.write_all(&header(&options, &counts, UNFINISHED, 0, 0, 0).to_bytes())?;
        Ok(TbtWriter {
            out,
            options,
            counts,
            pending: Vec::with_capacity(options.block_ticks as usize),
            columns: Vec::new(),
            index: Vec::new(),
            offset_bytes: HEADER_BYTES as u64,
            compressor: zstd::bulk::Compressor::new(options.level)?,
        })
    }

    /// Adds one tick.
    pub fn push(&mut self, tick: &FileTick) -> io::Result<()> {
        self.counts.see(tick);
        self.pending.push(*tick);
        match self.pending.len() == self.options.block_ticks as usize {
            true => self.flush_block(),
            false => Ok(()),
        }
    }

    /// Writes the last block, the index and the true header, and flushes.
    pub fn finish(mut self) -> io::Result<(TbtWritten, W)> {
        self.flush_block()?;
        let index: Vec<u8> = self.index.iter().flat_map(|entry| entry.to_bytes()).collect();
        let footer = layout::footer(&index);
        self.out.write_all(&index)?;
        self.out.write_all(&footer)?;
        let file_bytes = self.offset_bytes + (index.len() + footer.len()) as u64;
        let blocks = self.index.len() as u32;
        let header = header(
            &self.options,
            &self.counts,
            self.counts.tick_count,
            blocks,
            self.offset_bytes,
            file_bytes,
        );
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&header.to_bytes())?;
        self.out.flush()?;
        Ok((TbtWritten { header, counts: self.counts }, self.out))
    }

    fn flush_block(&mut self) -> io::Result<()> {
        let Some(first) = self.pending.first() else { return Ok(()) };
        let number =
            u32::try_from(self.index.len()).map_err(|_| io::Error::other("more than 2^32 blocks"))?;
        let shape = Shape::of(&self.pending);
        self.columns.clear();
        block::encode(&self.pending, &shape, &mut self.columns);
        let payload = self.compressor.compress(&self.columns)?;
        let block = BlockHeader {
            number,
            tick_count: self.pending.len() as u32,
            column_bytes: self.columns.len() as u32,
            payload_bytes: payload.len() as u32,
            present: shape.present,
            unit_exponent: shape.unit_exponent,
            ts_first_ns: first.ts_venue.0,
        };
        self.out.write_all(&block.to_bytes(&payload))?;
        self.out.write_all(&payload)?;
        let times = self.pending.iter().map(|tick| tick.ts_venue.0);
        self.index.push(IndexEntry {
            offset_bytes: self.offset_bytes,
            ts_min_ns: times.clone().min().unwrap_or(0),
            ts_max_ns: times.max().unwrap_or(0),
            tick_count: block.tick_count,
        });
        self.offset_bytes += (BLOCK_HEADER_BYTES + payload.len()) as u64;
        self.pending.clear();
        Ok(())
    }
}

fn header(
    options: &TbtWriterOptions,
    counts: &TickCounts,
    tick_count: u64,
    block_count: u32,
    index_offset_bytes: u64,
    file_bytes: u64,
) -> TbtHeader {
    TbtHeader {
        symbol: options.symbol,
        digits: options.digits,
        tick_size: options.tick_size,
        time_base: options.time_base,
        block_ticks_max: options.block_ticks,
        block_count,
        tick_count,
        ts_first_ns: counts.ts_first.unwrap_or_default().0,
        ts_last_ns: counts.ts_last.unwrap_or_default().0,
        index_offset_bytes,
        file_bytes,
        crossed_count: counts.crossed_count,
        locked_count: counts.locked_count,
        repeated_count: counts.repeated_count,
        disordered_count: counts.disordered_count,
    }
}
