//! Our own tick file, `.tbt`, version 1: blocks of columns, compressed, checksummed, with an index at the end.
//!
//! What it is not: a record format for rings or the journal; it is for files at rest.
//!
//! Invariant: what was written is read back bit for bit, or refused; every byte of a file is under a CRC-32C, and no
//! length or count is believed before it is checked against the file's size and the limits below.
//!
//! All integers are little-endian. A file is: header, blocks, index, footer, without gaps.
//!
//! Header, 160 bytes (written last; `tick_count` is `u64::MAX` until the writer finishes):
//!
//! | at | type | what |
//! |---|---|---|
//! | 0 | 8 bytes | magic `TBTICKS\x1a` |
//! | 8 | u16 | version, 1 |
//! | 10 | u16 | header bytes, 160 |
//! | 12 | u8 | digits: a price is mantissa × 10^-digits; 0 to 12 |
//! | 13 | u8 | time base: 0 UTC, 1 server wall time coded as an epoch |
//! | 14 | u16 | 0 |
//! | 16 | 32 bytes | symbol, printable ASCII, zero-padded |
//! | 48 | i64 | tick size as a mantissa at `digits`, at least 1 |
//! | 56 | u32 | most ticks in a block, 1 to 2^20 |
//! | 60 | u32 | block count |
//! | 64 | u64 | tick count |
//! | 72 | i64 | time of the first tick, ns (0 without ticks) |
//! | 80 | i64 | time of the last tick in file order, ns (0 without ticks) |
//! | 88 | u64 | offset of the index |
//! | 96 | u64 | bytes of the whole file |
//! | 104 | u64 | crossed ticks |
//! | 112 | u64 | locked ticks |
//! | 120 | u64 | repeated ticks |
//! | 128 | u64 | disordered ticks |
//! | 136 | 20 bytes | 0 |
//! | 156 | u32 | CRC-32C of bytes 0 to 155 |
//!
//! Block, 40 bytes and a payload; each block can be decoded alone:
//!
//! | at | type | what |
//! |---|---|---|
//! | 0 | 4 bytes | magic `TBLK` |
//! | 4 | u32 | block number, from 0 |
//! | 8 | u32 | tick count, 1 to the header's most |
//! | 12 | u32 | bytes of the columns |
//! | 16 | u32 | bytes of the payload: the columns as one zstd frame |
//! | 20 | u8 | columns present: bit 0 bid, 1 ask, 2 last, 3 volume, 4 bid volume, 5 ask volume, 6 flags |
//! | 21 | u8 | time unit of the deltas: 10^n ns; n = 0, 3, 6 or 9, the largest that divides all of them |
//! | 22 | u16 | 0 |
//! | 24 | i64 | time of the first tick, ns |
//! | 32 | u32 | 0 |
//! | 36 | u32 | CRC-32C of bytes 0 to 35 and the payload |
//!
//! Columns: time, then those present in the order of their bits; each a u32 byte count and that many bytes of LEB128
//! varints, one a tick. Absent columns are: no price, volume +0.0, flags 0.
//!
//! | column | varint |
//! |---|---|
//! | time | zigzag((ts - previous ts) / unit); the first is 0 |
//! | bid, last | zigzag(mantissa - previous mantissa); 0 before the first |
//! | ask | zigzag(spread - previous spread), spread = ask - bid; 0 before the first |
//! | volumes | byte-swapped (f64 bits xor previous bits); 0 before the first |
//! | flags | flags xor previous flags; 0 before the first |
//!
//! Differences wrap at 2^64, so that "no price" (-2^63) needs no special case.
//!
//! Index entry, 32 bytes a block: u64 offset of the block, i64 least time in it, i64 greatest time in it, u32 tick
//! count, u32 0. Footer, 16 bytes: u32 CRC-32C of the index, u32 CRC-32C of the footer's other 12 bytes, magic
//! `TBTEND\r\n`.

mod block;
mod layout;
mod reader;
mod writer;

pub use layout::{BLOCK_TICKS_DEFAULT, BLOCK_TICKS_MAX, HEADER_BYTES, TbtHeader};
pub use reader::TbtReader;
pub use writer::{TbtWriter, TbtWriterOptions, TbtWritten};
