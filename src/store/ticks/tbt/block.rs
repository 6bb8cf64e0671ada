//! The columns of one block: ticks to varints and back.
//!
//! What it is not: compression or checksums; those are around it.
//!
//! Invariant: `decode(encode(ticks)) == ticks` bit for bit; a decoder never reads past a column, and refuses a column
//! with a byte too many or too few.

use super::super::tick::{FileTick, NO_PRICE};
use super::layout::{Refusal, u32_at};
use crate::types::TimeNs;

const UNIT_EXPONENTS: [u8; 4] = [9, 6, 3, 0];
const BID: u8 = 1;
const ASK: u8 = 2;
const LAST: u8 = 4;
const VOLUME: u8 = 8;
const BID_VOLUME: u8 = 16;
const ASK_VOLUME: u8 = 32;
const FLAGS: u8 = 64;

/// Which columns hold anything, and the unit of the time deltas.
pub(super) struct Shape {
    pub(super) present: u8,
    pub(super) unit_exponent: u8,
}

impl Shape {
    pub(super) fn of(ticks: &[FileTick]) -> Self {
        let mut present = 0;
        for tick in ticks {
            present |= if tick.bid == NO_PRICE { 0 } else { BID };
            present |= if tick.ask == NO_PRICE { 0 } else { ASK };
            present |= if tick.last == NO_PRICE { 0 } else { LAST };
            present |= if tick.volume.to_bits() == 0 { 0 } else { VOLUME };
            present |= if tick.bid_volume.to_bits() == 0 { 0 } else { BID_VOLUME };
            present |= if tick.ask_volume.to_bits() == 0 { 0 } else { ASK_VOLUME };
            present |= if tick.flags == 0 { 0 } else { FLAGS };
        }
        let fits = |exponent: &u8| {
            let unit = 10_i64.pow(u32::from(*exponent));
            ticks.windows(2).all(|pair| pair[1].ts_venue.0.wrapping_sub(pair[0].ts_venue.0) % unit == 0)
        };
        Shape { present, unit_exponent: UNIT_EXPONENTS.into_iter().find(fits).unwrap_or(0) }
    }
}

/// Appends the columns of `ticks` to `out`.
pub(super) fn encode(ticks: &[FileTick], shape: &Shape, out: &mut Vec<u8>) {
    let unit = 10_i64.pow(u32::from(shape.unit_exponent));
    let mut previous_ts = ticks.first().map_or(0, |tick| tick.ts_venue.0);
    put_column(out, ticks, |tick| {
        let delta = tick.ts_venue.0.wrapping_sub(previous_ts);
        previous_ts = tick.ts_venue.0;
        zigzag(delta / unit)
    });
    for bit in 0..7 {
        let mut previous = 0;
        match shape.present & (1 << bit) {
            0 => {}
            FLAGS => put_column(out, ticks, |tick| {
                let changed = tick.flags ^ previous as u32;
                previous = i64::from(tick.flags);
                u64::from(changed)
            }),
            column @ (VOLUME | BID_VOLUME | ASK_VOLUME) => put_column(out, ticks, |tick| {
                let bits = volume(tick, column).to_bits() as i64;
                let changed = (bits ^ previous) as u64;
                previous = bits;
                changed.swap_bytes()
            }),
            column => put_column(out, ticks, |tick| {
                let value = price(tick, column);
                let delta = value.wrapping_sub(previous);
                previous = value;
                zigzag(delta)
            }),
        }
    }
}

fn price(tick: &FileTick, column: u8) -> i64 {
    match column {
        BID => tick.bid,
        ASK => tick.ask.wrapping_sub(tick.bid),
        _ => tick.last,
    }
}

fn volume(tick: &FileTick, column: u8) -> f64 {
    match column {
        VOLUME => tick.volume,
        BID_VOLUME => tick.bid_volume,
        _ => tick.ask_volume,
    }
}

fn put_column(out: &mut Vec<u8>, ticks: &[FileTick], mut value: impl FnMut(&FileTick) -> u64) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    for tick in ticks {
        let mut rest = value(tick);
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }
    let bytes = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&bytes.to_le_bytes());
}

/// Replaces `ticks` by the `tick_count` ticks of `columns`.
pub(super) fn decode(
    columns: &[u8],
    shape: &Shape,
    ts_first_ns: i64,
    tick_count: usize,
    ticks: &mut Vec<FileTick>,
) -> Result<(), Refusal> {
    ticks.clear();
    ticks.resize(tick_count, FileTick::EMPTY);
    let unit = 10_i64.pow(u32::from(shape.unit_exponent));
    let mut rest = columns;
    let mut ts = ts_first_ns;
    each(take_column(&mut rest)?, ticks, |tick, value| {
        ts = ts.wrapping_add(unzigzag(value).wrapping_mul(unit));
        tick.ts_venue = TimeNs(ts);
    })?;
    for bit in 0..7 {
        let column = shape.present & (1 << bit);
        if column != 0 {
            decode_column(column, take_column(&mut rest)?, ticks)?;
        }
    }
    match rest.is_empty() {
        true => Ok(()),
        false => Err(("no bytes after the last column".to_owned(), format!("{} bytes", rest.len()))),
    }
}

fn decode_column(column: u8, bytes: &[u8], ticks: &mut [FileTick]) -> Result<(), Refusal> {
    let mut previous = 0_i64;
    let mut delta = move |value: u64| {
        previous = previous.wrapping_add(unzigzag(value));
        previous
    };
    let mut bits = 0_u64;
    let mut changed = move |value: u64| {
        bits ^= value.swap_bytes();
        f64::from_bits(bits)
    };
    let mut flags = 0_u32;
    match column {
        BID => each(bytes, ticks, |tick, value| tick.bid = delta(value)),
        ASK => each(bytes, ticks, |tick, value| tick.ask = tick.bid.wrapping_add(delta(value))),
        LAST => each(bytes, ticks, |tick, value| tick.last = delta(value)),
        VOLUME => each(bytes, ticks, |tick, value| tick.volume = changed(value)),
        BID_VOLUME => each(bytes, ticks, |tick, value| tick.bid_volume = changed(value)),
        ASK_VOLUME => each(bytes, ticks, |tick, value| tick.ask_volume = changed(value)),
        _ => each(bytes, ticks, |tick, value| {
            flags ^= value as u32;
            tick.flags = flags;
        }),
    }
}

fn take_column<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Refusal> {
    let bytes = if rest.len() < 4 { usize::MAX } else { u32_at(rest, 0) as usize };
    if bytes > rest.len().saturating_sub(4) {
        return Err(("a whole column".to_owned(), format!("the last {} bytes", rest.len())));
    }
    let (column, after) = rest[4..].split_at(bytes);
    *rest = after;
    Ok(column)
}

/// Gives `put` one varint for every tick; the column must hold exactly as many.
fn each(
    column: &[u8],
    ticks: &mut [FileTick],
    mut put: impl FnMut(&mut FileTick, u64),
) -> Result<(), Refusal> {
    let mut at = 0;
    for tick in ticks.iter_mut() {
        let Some(&first) = column.get(at) else {
            return Err(("one number a tick".to_owned(), "a column that ends before".to_owned()));
        };
        at += 1;
        let mut value = u64::from(first);
        if first >= 0x80 {
            value = long_varint(first, column, &mut at)?;
        }
        put(tick, value);
    }
    match at == column.len() {
        true => Ok(()),
        false => Err(("one number a tick".to_owned(), format!("{} bytes more", column.len() - at))),
    }
}

fn long_varint(first: u8, column: &[u8], at: &mut usize) -> Result<u64, Refusal> {
    let mut value = u64::from(first & 0x7f);
    for shift in (7..64).step_by(7) {
        let Some(&byte) = column.get(*at) else { break };
        *at += 1;
        if shift == 63 && byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(("a number of at most 64 bits".to_owned(), "a longer or cut one".to_owned()))
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
