//! What comes into the graph: a tick, or a closed bar of the terminal's own history.
//!
//! What it is not: a record of the wire or the journal; whoever calls the graph fills these from what it has.
//!
//! Invariant: what is absent says so ([`Price::NONE`], NaN); nothing here is guessed from something else.

use super::spec::Input;
use crate::types::{Price, TimeNs};

/// MT5's `TICK_FLAG_LAST`: the last price is new with this tick.
pub const FLAG_LAST: u32 = 8;
/// MT5's `TICK_FLAG_VOLUME`: the volume of the last trade is new with this tick.
pub const FLAG_VOLUME: u32 = 16;

/// One tick of one instrument.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FeatureTick {
    /// Best bid in ticks, or [`Price::NONE`].
    pub bid: Price,
    /// Best ask in ticks, or [`Price::NONE`].
    pub ask: Price,
    /// Last trade in ticks, or [`Price::NONE`].
    pub last: Price,
    /// Volume of the last trade in lots or contracts; counts only when `flags` say that it is new. NaN or 0 for none.
    pub volume: f64,
    /// Volume at the best bid in lots or contracts; NaN where the venue does not tell, as MT5's ticks do not.
    pub bid_size: f64,
    /// Volume at the best ask; NaN where the venue does not tell.
    pub ask_size: f64,
    /// MT5's `TICK_FLAG_*`. [`FLAG_LAST`] or [`FLAG_VOLUME`] mean that there was a trade; MT5 repeats the last trade's
    /// price and volume in every tick, so without them `volume` is old news.
    pub flags: u32,
}

impl FeatureTick {
    /// Nothing at all.
    pub const NONE: FeatureTick = FeatureTick {
        bid: Price::NONE,
        ask: Price::NONE,
        last: Price::NONE,
        volume: f64::NAN,
        bid_size: f64::NAN,
        ask_size: f64::NAN,
        flags: 0,
    };

    /// Bid and ask without sizes.
    pub const fn quote(bid: Price, ask: Price) -> Self {
        FeatureTick { bid, ask, ..Self::NONE }
    }

    /// The last price alone, without volume.
    pub const fn last(last: Price) -> Self {
        FeatureTick { last, ..Self::NONE }
    }

    /// This tick with sizes at the best prices.
    pub const fn with_sizes(self, bid_size: f64, ask_size: f64) -> Self {
        FeatureTick { bid_size, ask_size, ..self }
    }

    /// This tick with a trade of `volume` at `last`.
    pub const fn with_trade(self, last: Price, volume: f64) -> Self {
        FeatureTick { last, volume, flags: self.flags | FLAG_LAST | FLAG_VOLUME, ..self }
    }
}

/// One closed time bar as the terminal's history has it (`MqlRates`).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bar {
    /// From which price it was built: [`Input::Bid`], or [`Input::Last`] where the chart is (`SYMBOL_CHART_MODE`).
    pub input: Input,
    /// First nanosecond of the bar, UTC.
    pub ts_open: TimeNs,
    /// First price, in ticks.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Traded volume (`real_volume`) in lots or contracts; 0 or NaN where the venue has none.
    pub volume: f64,
    /// Ticks in it (`tick_volume`).
    pub ticks: u64,
}
