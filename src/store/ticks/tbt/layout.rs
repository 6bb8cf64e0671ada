//! Header, block header, index entry and footer of a `.tbt` file as bytes.
//!
//! What it is not: I/O; it turns arrays of bytes into values and back.
//!
//! Invariant: a decoder returns only values inside their documented ranges; `module tbt` has the layout.

use super::super::tick::{DIGITS_MAX, TimeBase};
use crate::types::FixedText;

/// Bytes of the header.
pub const HEADER_BYTES: usize = 160;
/// Most ticks that a block may have.
pub const BLOCK_TICKS_MAX: u32 = 1 << 20;
/// Ticks in a block unless said otherwise: small enough to stay in the cache while it is decoded.
pub const BLOCK_TICKS_DEFAULT: u32 = 16_384;

pub(super) const BLOCK_HEADER_BYTES: usize = 40;
pub(super) const INDEX_ENTRY_BYTES: usize = 32;
pub(super) const FOOTER_BYTES: usize = 16;
pub(super) const COLUMNS_MAX: usize = 8;
const MAGIC: &[u8; 8] = b"TBTICKS\x1a";
const BLOCK_MAGIC: &[u8; 4] = b"TBLK";
const FOOTER_MAGIC: &[u8; 8] = b"TBTEND\r\n";
const VERSION: u16 = 1;
/// The tick count of a file whose writer did not finish.
pub(super) const UNFINISHED: u64 = u64::MAX;

/// What was expected and what was got.
pub(super) type Refusal = (String, String);

fn refuse<T>(expected: impl Into<String>, got: impl ToString) -> Result<T, Refusal> {
    Err((expected.into(), got.to_string()))
}

/// The header of a `.tbt` file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TbtHeader {
    /// The instrument, empty when not known.
    pub symbol: FixedText<32>,
    /// Decimals of the prices.
    pub digits: u8,
    /// Tick size as a mantissa at `digits`.
    pub tick_size: i64,
    /// What times count from.
    pub time_base: TimeBase,
    /// Most ticks in a block.
    pub block_ticks_max: u32,
    /// Blocks in the file.
    pub block_count: u32,
    /// Ticks in the file.
    pub tick_count: u64,
    /// Time of the first tick, ns; 0 without ticks.
    pub ts_first_ns: i64,
    /// Time of the last tick, ns; 0 without ticks.
    pub ts_last_ns: i64,
    /// Where the index begins.
    pub index_offset_bytes: u64,
    /// The whole file.
    pub file_bytes: u64,
    /// Ticks with ask below bid.
    pub crossed_count: u64,
    /// Ticks with ask equal to bid.
    pub locked_count: u64,
    /// Ticks equal to the one before.
    pub repeated_count: u64,
    /// Ticks stamped before the one before.
    pub disordered_count: u64,
}

impl TbtHeader {
    /// As it stands at the start of the file.
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        put(&mut out, 0, MAGIC);
        put(&mut out, 8, &VERSION.to_le_bytes());
        put(&mut out, 10, &(HEADER_BYTES as u16).to_le_bytes());
        put(&mut out, 12, &[self.digits, self.time_base as u8]);
        put(&mut out, 16, self.symbol.bytes());
        put(&mut out, 48, &self.tick_size.to_le_bytes());
        put(&mut out, 56, &self.block_ticks_max.to_le_bytes());
        put(&mut out, 60, &self.block_count.to_le_bytes());
        put(&mut out, 64, &self.tick_count.to_le_bytes());
        put(&mut out, 72, &self.ts_first_ns.to_le_bytes());
        put(&mut out, 80, &self.ts_last_ns.to_le_bytes());
        put(&mut out, 88, &self.index_offset_bytes.to_le_bytes());
        put(&mut out, 96, &self.file_bytes.to_le_bytes());
        put(&mut out, 104, &self.crossed_count.to_le_bytes());
        put(&mut out, 112, &self.locked_count.to_le_bytes());
        put(&mut out, 120, &self.repeated_count.to_le_bytes());
        put(&mut out, 128, &self.disordered_count.to_le_bytes());
        let crc = crc32c::crc32c(&out[..156]);
        put(&mut out, 156, &crc.to_le_bytes());
        out
    }

    /// From the first bytes of a file; every field is checked for itself, not against the file's size.
    pub(super) fn from_bytes(bytes: &[u8; HEADER_BYTES]) -> Result<Self, Refusal> {
        if &bytes[..8] != MAGIC {
            return refuse("a tick file that begins with \"TBTICKS\\x1a\"", bytes[..8].escape_ascii());
        }
        if u16_at(bytes, 8) != VERSION {
            return refuse("tick file version 1", u16_at(bytes, 8));
        }
        let crc = crc32c::crc32c(&bytes[..156]);
        if u32_at(bytes, 156) != crc {
            return refuse(format!("header checksum {crc:#010x}"), format!("{:#010x}", u32_at(bytes, 156)));
        }
        let time_base = match bytes[13] {
            0 => TimeBase::Utc,
            1 => TimeBase::Server,
            other => return refuse("time base 0 or 1", other),
        };
        let mut symbol = [0; 32];
        symbol.copy_from_slice(&bytes[16..48]);
        let header = TbtHeader {
            symbol: FixedText::from_bytes(symbol).map_err(|e| ("a symbol".to_owned(), e.to_string()))?,
            digits: bytes[12],
            tick_size: u64_at(bytes, 48) as i64,
            time_base,
            block_ticks_max: u32_at(bytes, 56),
            block_count: u32_at(bytes, 60),
            tick_count: u64_at(bytes, 64),
            ts_first_ns: u64_at(bytes, 72) as i64,
            ts_last_ns: u64_at(bytes, 80) as i64,
            index_offset_bytes: u64_at(bytes, 88),
            file_bytes: u64_at(bytes, 96),
            crossed_count: u64_at(bytes, 104),
            locked_count: u64_at(bytes, 112),
            repeated_count: u64_at(bytes, 120),
            disordered_count: u64_at(bytes, 128),
        };
        header.checked()
    }

    fn checked(self) -> Result<Self, Refusal> {
        if self.tick_count == UNFINISHED {
            return refuse("a finished tick file", "one whose writer was stopped before the end");
        }
        if self.digits > DIGITS_MAX {
            return refuse(format!("0 to {DIGITS_MAX} digits"), self.digits);
        }
        if self.tick_size < 1 {
            return refuse("a tick size of at least 1", self.tick_size);
        }
        if !(1..=BLOCK_TICKS_MAX).contains(&self.block_ticks_max) {
            return refuse(format!("1 to {BLOCK_TICKS_MAX} ticks in a block"), self.block_ticks_max);
        }
        Ok(self)
    }
}

/// What stands before a block's payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BlockHeader {
    pub(super) number: u32,
    pub(super) tick_count: u32,
    pub(super) column_bytes: u32,
    pub(super) payload_bytes: u32,
    pub(super) present: u8,
    pub(super) unit_exponent: u8,
    pub(super) ts_first_ns: i64,
}

impl BlockHeader {
    pub(super) fn to_bytes(self, payload: &[u8]) -> [u8; BLOCK_HEADER_BYTES] {
        let mut out = [0; BLOCK_HEADER_BYTES];
        put(&mut out, 0, BLOCK_MAGIC);
        put(&mut out, 4, &self.number.to_le_bytes());
        put(&mut out, 8, &self.tick_count.to_le_bytes());
        put(&mut out, 12, &self.column_bytes.to_le_bytes());
        put(&mut out, 16, &self.payload_bytes.to_le_bytes());
        put(&mut out, 20, &[self.present, self.unit_exponent]);
        put(&mut out, 24, &self.ts_first_ns.to_le_bytes());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&out[..36]), payload);
        put(&mut out, 36, &crc.to_le_bytes());
        out
    }

    /// Checks everything but the checksum, which needs the payload: [`BlockHeader::check_payload`].
    pub(super) fn from_bytes(bytes: &[u8; BLOCK_HEADER_BYTES], ticks_max: u32) -> Result<Self, Refusal> {
        if &bytes[..4] != BLOCK_MAGIC {
            return refuse("block magic \"TBLK\"", bytes[..4].escape_ascii());
        }
        let header = BlockHeader {
            number: u32_at(bytes, 4),
            tick_count: u32_at(bytes, 8),
            column_bytes: u32_at(bytes, 12),
            payload_bytes: u32_at(bytes, 16),
            present: bytes[20],
            unit_exponent: bytes[21],
            ts_first_ns: u64_at(bytes, 24) as i64,
        };
        if header.tick_count == 0 || header.tick_count > ticks_max {
            return refuse(format!("1 to {ticks_max} ticks"), header.tick_count);
        }
        let bytes_max = column_bytes_max(header.tick_count);
        if header.column_bytes as usize > bytes_max {
            return refuse(format!("at most {bytes_max} bytes of columns"), header.column_bytes);
        }
        if header.present > 0x7f || ![0, 3, 6, 9].contains(&header.unit_exponent) {
            let got = format!("columns {:#04x}, unit 10^{}", header.present, header.unit_exponent);
            return refuse("columns 0x00 to 0x7f and a unit of 10^0, 3, 6 or 9 ns", got);
        }
        Ok(header)
    }

    pub(super) fn check_payload(bytes: &[u8; BLOCK_HEADER_BYTES], payload: &[u8]) -> Result<(), Refusal> {
        let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[..36]), payload);
        match u32_at(bytes, 36) == crc {
            true => Ok(()),
            false => refuse(format!("block checksum {crc:#010x}"), format!("{:#010x}", u32_at(bytes, 36))),
        }
    }
}

/// The most that the columns of so many ticks can take.
pub(super) fn column_bytes_max(tick_count: u32) -> usize {
    COLUMNS_MAX * (4 + 10 * tick_count as usize)
}

/// Where a block lies and which times it holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct IndexEntry {
    pub(super) offset_bytes: u64,
    pub(super) ts_min_ns: i64,
    pub(super) ts_max_ns: i64,
    pub(super) tick_count: u32,
}

impl IndexEntry {
    pub(super) fn to_bytes(self) -> [u8; INDEX_ENTRY_BYTES] {
        let mut out = [0; INDEX_ENTRY_BYTES];
        put(&mut out, 0, &self.offset_bytes.to_le_bytes());
        put(&mut out, 8, &self.ts_min_ns.to_le_bytes());
        put(&mut out, 16, &self.ts_max_ns.to_le_bytes());
        put(&mut out, 24, &self.tick_count.to_le_bytes());
        out
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        IndexEntry {
            offset_bytes: u64_at(bytes, 0),
            ts_min_ns: u64_at(bytes, 8) as i64,
            ts_max_ns: u64_at(bytes, 16) as i64,
            tick_count: u32_at(bytes, 24),
        }
    }
}

pub(super) fn footer(index: &[u8]) -> [u8; FOOTER_BYTES] {
    let mut out = [0; FOOTER_BYTES];
    put(&mut out, 0, &crc32c::crc32c(index).to_le_bytes());
    put(&mut out, 8, FOOTER_MAGIC);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&out[..4]), &out[8..]);
    put(&mut out, 4, &crc.to_le_bytes());
    out
}

fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    out[at..at + bytes.len()].copy_from_slice(bytes);
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array(bytes, at))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}
