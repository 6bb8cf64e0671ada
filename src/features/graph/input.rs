//! From a tick to the whole numbers that streams keep.
//!
//! What it is not: a check of the market; crossed quotes are quotes.
//!
//! Invariant: a raw value is at most 2^46 from zero, so that over 2^16 samples a sum stays below 2^62 and n times the
//! squares below 2^124; what would be larger, or is not there, is no sample.

use crate::features::spec::{Input, Kind};
use crate::features::tick::{FLAG_LAST, FLAG_VOLUME, FeatureTick};
use crate::types::Price;

/// Prices further from zero are taken as absent: 2^45 ticks, in half ticks 2^46.
const PRICE_TICKS_MAX: u64 = 1 << 45;
/// Prices of which a microprice is made: 2^-10 of a tick has room for them.
const MICROPRICE_TICKS_MAX: u64 = 1 << 35;
/// Fraction bits of a microprice.
const MICROPRICE_BITS: u32 = 10;
/// Largest volume or size, lots.
const LOTS_MAX: f64 = 1e9;
/// Raw volumes of a stream are 1e-5 lots: 1e-8 divided by this.
const VOLUME_STEP_E8: i64 = 1_000;
/// Largest raw value.
const RAW_MAX: u64 = 1 << 46;

/// What a stream samples: a number of the tick, or what the whole tick's nodes ask to be there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// A declared input.
    Input(Input),
    /// Bid, ask and both sizes.
    Book,
    /// The time alone.
    Time,
}

impl Source {
    /// Of a feature that stands on its own.
    pub(super) fn of(kind: Kind, input: Input) -> Source {
        if kind.needs_sizes() {
            Source::Book
        } else if kind.is_of_whole_tick() {
            Source::Time
        } else {
            Source::Input(input)
        }
    }

    /// Input units per raw unit.
    pub(super) fn unit(self) -> f64 {
        match self {
            Source::Input(input) => unit(input),
            Source::Book | Source::Time => 1.0,
        }
    }

    /// The raw value of a tick; `None` when something it needs is absent or impossible.
    ///
    /// Not inlined, so that no tick works out what only other sources need.
    #[inline(never)]
    pub(super) fn raw(self, tick: &FeatureTick, volume_e8: i64) -> Option<i64> {
        match self {
            Source::Input(input) => raw_input(input, tick, volume_e8),
            Source::Book => book(tick),
            Source::Time => Some(0),
        }
    }
}

/// Nothing but presence.
fn book(tick: &FeatureTick) -> Option<i64> {
    let sizes = size_e8(tick.bid_size).is_some() && size_e8(tick.ask_size).is_some();
    (sane(tick.bid).is_some() && sane(tick.ask).is_some() && sizes).then_some(0)
}

/// Input units per raw unit.
pub(super) fn unit(input: Input) -> f64 {
    match input {
        Input::Mid => 0.5,
        Input::Microprice => 1.0 / (1u64 << MICROPRICE_BITS) as f64,
        Input::Volume => 1e-5,
        _ => 1.0,
    }
}

/// The raw value of one tick.
#[inline]
pub(super) fn raw_input(input: Input, tick: &FeatureTick, volume_e8: i64) -> Option<i64> {
    match input {
        Input::Bid => sane(tick.bid),
        Input::Ask => sane(tick.ask),
        Input::Last => sane(tick.last),
        Input::Mid => Some(sane(tick.bid)? + sane(tick.ask)?),
        Input::Spread => Some(sane(tick.ask)? - sane(tick.bid)?),
        Input::Microprice => microprice(tick),
        Input::Volume => (volume_e8 > 0).then(|| volume_raw(volume_e8))?,
        Input::Ticks => Some(1),
    }
}

/// The raw value of a bar's volume.
pub(super) fn volume_raw(volume_e8: i64) -> Option<i64> {
    let raw = (volume_e8 + VOLUME_STEP_E8 / 2) / VOLUME_STEP_E8;
    (raw.unsigned_abs() <= RAW_MAX).then_some(raw)
}

fn microprice(tick: &FeatureTick) -> Option<i64> {
    let near = |price: Price| (price.0.unsigned_abs() <= MICROPRICE_TICKS_MAX).then_some(price.0);
    let (bid, ask) = (near(tick.bid)?, near(tick.ask)?);
    let (bid_size, ask_size) = (size_e8(tick.bid_size)?, size_e8(tick.ask_size)?);
    if bid_size + ask_size == 0 {
        return None;
    }
    let share = bid_size as f64 / (bid_size + ask_size) as f64;
    let above_bid = ((ask - bid) as f64 * share * (1u64 << MICROPRICE_BITS) as f64).round() as i64;
    Some((bid << MICROPRICE_BITS) + above_bid)
}

#[inline]
pub(super) fn sane(price: Price) -> Option<i64> {
    (price.0.unsigned_abs() <= PRICE_TICKS_MAX).then_some(price.0)
}

/// A size in 1e-8 lots; `None` when there is none.
#[inline]
pub(in crate::features) fn size_e8(lots: f64) -> Option<i64> {
    (0.0..=LOTS_MAX).contains(&lots).then(|| (lots * 1e8).round() as i64)
}

/// Volume traded with this tick, in 1e-8 lots; 0 without a trade.
#[inline]
pub(super) fn traded_e8(tick: &FeatureTick) -> i64 {
    if tick.flags & (FLAG_LAST | FLAG_VOLUME) == 0 {
        return 0;
    }
    size_e8(tick.volume).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_prices_are_no_sample() {
        let tick = FeatureTick::quote(Price::NONE, Price(5));
        for input in [Input::Bid, Input::Mid, Input::Spread, Input::Microprice, Input::Last, Input::Volume] {
            assert_eq!(raw_input(input, &tick, 0), None, "{input:?}");
        }
        assert_eq!(raw_input(Input::Ask, &tick, 0), Some(5));
        let far = FeatureTick::quote(Price(1 << 45), Price((1 << 45) + 1));
        assert_eq!(raw_input(Input::Bid, &far, 0), Some(1 << 45));
        assert_eq!(raw_input(Input::Ask, &far, 0), None);
        assert_eq!(sane(Price(i64::MIN + 1)), None);
    }

    #[test]
    fn a_microprice_leans_to_the_side_with_less() {
        let tick = FeatureTick::quote(Price(100), Price(104));
        assert_eq!(microprice(&tick), None, "no sizes");
        assert_eq!(microprice(&tick.with_sizes(3.0, 1.0)), Some(103 << 10));
        assert_eq!(microprice(&tick.with_sizes(0.0, 2.5)), Some(100 << 10));
        assert_eq!(microprice(&tick.with_sizes(0.0, 0.0)), None);
        assert_eq!(microprice(&tick.with_sizes(f64::INFINITY, 1.0)), None);
    }

    #[test]
    fn old_volume_does_not_count_twice() {
        let trade = FeatureTick::NONE.with_trade(Price(7), 0.07);
        assert_eq!(traded_e8(&trade), 7_000_000);
        assert_eq!(traded_e8(&FeatureTick { flags: 6, ..trade }), 0, "only bid and ask are new");
        assert_eq!(traded_e8(&FeatureTick { volume: f64::NAN, ..trade }), 0);
        assert_eq!(traded_e8(&FeatureTick { volume: -1.0, ..trade }), 0);
        assert_eq!(raw_input(Input::Volume, &trade, traded_e8(&trade)), Some(7_000));
    }
}
