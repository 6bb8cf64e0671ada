//! One tick of a tick file, whatever the format it came from.
//!
//! What it is not: a market record of a hot lane; `record` has those, in ticks of an instrument.
//!
//! Invariant: prices are exact: whole units of ten to the power of minus the file's digits, never rounded.

use crate::types::TimeNs;

/// "This side has no price": an empty book side, or a LAST that was never quoted.
pub const NO_PRICE: i64 = i64::MIN;

/// Most decimal places that a file's prices may have.
pub const DIGITS_MAX: u8 = 12;

/// `TICK_FLAG_BID | TICK_FLAG_ASK`: what sources that give both sides without saying which one changed are stamped with.
pub const FLAGS_BID_ASK: u32 = 2 | 4;

/// One tick. Prices are mantissas: the price is `mantissa * 10^-digits`, digits being the file's ([`super::SourceInfo`]).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FileTick {
    /// When the venue stamped it; nanoseconds since 1970, in the file's [`TimeBase`].
    pub ts_venue: TimeNs,
    /// Bid mantissa, or [`NO_PRICE`].
    pub bid: i64,
    /// Ask mantissa, or [`NO_PRICE`].
    pub ask: i64,
    /// Mantissa of the last deal's price, or [`NO_PRICE`].
    pub last: i64,
    /// Volume of the last deal in the source's unit (MT5: lots or contracts); 0 when there is none.
    pub volume: f64,
    /// Volume at the bid in the source's unit (Dukascopy: millions of the base currency); 0 when not given.
    pub bid_volume: f64,
    /// Volume at the ask, as `bid_volume`.
    pub ask_volume: f64,
    /// MT5's `TICK_FLAG_*` bits as they came: BID 2, ASK 4, LAST 8, VOLUME 16, BUY 32, SELL 64, and undocumented ones.
    pub flags: u32,
}

impl FileTick {
    /// A tick without any price.
    pub const EMPTY: FileTick = FileTick {
        ts_venue: TimeNs(0),
        bid: NO_PRICE,
        ask: NO_PRICE,
        last: NO_PRICE,
        volume: 0.0,
        bid_volume: 0.0,
        ask_volume: 0.0,
        flags: 0,
    };

    /// A quote without sizes, flagged as BID and ASK.
    pub fn quote(ts_venue: TimeNs, bid: i64, ask: i64) -> Self {
        FileTick { ts_venue, bid, ask, flags: FLAGS_BID_ASK, ..FileTick::EMPTY }
    }

    /// Whether every bit is equal, the volumes' too.
    pub fn same_bits(&self, other: &FileTick) -> bool {
        let volumes = |tick: &FileTick| [tick.volume, tick.bid_volume, tick.ask_volume].map(f64::to_bits);
        (self.ts_venue, self.bid, self.ask, self.last, self.flags)
            == (other.ts_venue, other.bid, other.ask, other.last, other.flags)
            && volumes(self) == volumes(other)
    }

    /// The bid as the double that MT5 would show: the nearest one to the exact decimal. `None` without a bid.
    pub fn bid_price(&self, digits: u8) -> Option<f64> {
        price(self.bid, digits)
    }

    /// The ask, as [`FileTick::bid_price`].
    pub fn ask_price(&self, digits: u8) -> Option<f64> {
        price(self.ask, digits)
    }

    /// The last deal's price, as [`FileTick::bid_price`].
    pub fn last_price(&self, digits: u8) -> Option<f64> {
        price(self.last, digits)
    }
}

/// One division of two exact numbers is correctly rounded, so this is the nearest double (for mantissas below 2^53).
fn price(mantissa: i64, digits: u8) -> Option<f64> {
    (mantissa != NO_PRICE).then(|| mantissa as f64 / 10f64.powi(i32::from(digits)))
}

/// What a file's times count from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum TimeBase {
    /// Nanoseconds since 1970-01-01 00:00 UTC.
    Utc = 0,
    /// The broker's server wall time coded as if it were UTC: MT5's habit. The offset is not in the file.
    Server = 1,
}

impl TimeBase {
    /// Its name in summaries.
    pub fn name(self) -> &'static str {
        match self {
            TimeBase::Utc => "utc",
            TimeBase::Server => "server",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_the_double_that_the_text_parses_to() {
        for mantissa in [138_694_i64, 1, 99_999, 131_072_333, -5] {
            let text = format!(
                "{}{}.{:05}",
                if mantissa < 0 { "-" } else { "" },
                mantissa.abs() / 100_000,
                mantissa.abs() % 100_000
            );
            let expected: f64 = text.parse().unwrap();
            assert_eq!(price(mantissa, 5).unwrap().to_bits(), expected.to_bits(), "{text}");
        }
        assert_eq!(FileTick::EMPTY.bid_price(5), None);
    }

    #[test]
    fn same_bits_sees_the_sign_of_zero() {
        let minus = FileTick { volume: -0.0, ..FileTick::EMPTY };
        assert!(minus == FileTick::EMPTY && !minus.same_bits(&FileTick::EMPTY));
    }
}
