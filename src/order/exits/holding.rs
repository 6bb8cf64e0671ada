//! One position as the exits see it.
//!
//! What it is not: the position's account (`position.rs` counts volumes and money); this is what the rules look at.
//!
//! Invariant: every field follows from fills, quotes and reports. "Favour" turns prices so that more is better for the position
//! whatever its side: the rules are written once.

use crate::types::{InstrumentId, Price, Side, TimeNs};

/// Stop loss and take profit, [`Price::NONE`] where none stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stops {
    /// Stop loss.
    pub stop: Price,
    /// Take profit.
    pub take: Price,
}

impl Stops {
    /// Neither.
    pub const NONE: Stops = Stops { stop: Price::NONE, take: Price::NONE };
}

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holding {
    /// Of which symbol.
    pub instrument: InstrumentId,
    /// The venue's identifier on a hedging account, zero on a netting one, where a symbol has one position.
    pub ticket: u64,
    /// Which way.
    pub side: Side,
    /// What is left, steps.
    pub qty: i64,
    /// What was filled into it, steps.
    pub opened: i64,
    /// Sum of price times volume of what is left, ticks times steps.
    pub open_value: i64,
    /// The order that opened it or added last; zero when it was none of ours.
    pub entry_id: u64,
    /// The first fill, engine time.
    pub since: TimeNs,
    /// The best price at which it could have been left since; [`Price::NONE`] before the first quote.
    pub best: Price,
    /// What stands at the venue; `None` before anybody told.
    pub stops: Option<Stops>,
    /// The tightest stop that was ever told to stand; [`Price::NONE`] before.
    pub tightest: Price,
    /// Since when no stop is known to stand; [`TimeNs::NEVER`] while one does.
    pub bare_since: TimeNs,
    /// The venue refused a stop since then.
    pub is_stop_refused: bool,
    /// When an order that was to close some of it was last refused.
    pub leave_refused: TimeNs,
    /// When a move of the stop was last asked for.
    pub last_move: TimeNs,
}

impl Holding {
    /// Turned so that more is better.
    #[inline]
    pub(super) fn favour(&self, price: Price) -> i64 {
        price.0.saturating_mul(self.side.sign())
    }

    /// Back from [`Holding::favour`].
    #[inline]
    pub(super) fn price(&self, favour: i64) -> Price {
        Price(favour.saturating_mul(self.side.sign()))
    }

    /// The average entry in favour, rounded against the position: nothing counts as gained that is not.
    #[inline]
    pub(super) fn entry_favour(&self) -> i64 {
        let value = i128::from(self.open_value) * i128::from(self.side.sign());
        let qty = i128::from(self.qty.max(1));
        (value.div_euclid(qty) + i128::from(value.rem_euclid(qty) != 0)) as i64
    }

    /// How far it was in gain at best, ticks; `None` before the first quote.
    #[inline]
    pub(super) fn advance_ticks(&self) -> Option<i64> {
        self.best.is_some().then(|| self.favour(self.best).saturating_sub(self.entry_favour()))
    }

    /// Looks at a price at which it could be left.
    #[inline]
    pub(super) fn see(&mut self, price: Price) {
        if !self.best.is_some() || self.favour(price) > self.favour(self.best) {
            self.best = price;
        }
    }

    /// Is told what stands at the venue.
    pub(super) fn learn_stops(&mut self, stops: Stops, now: TimeNs) {
        self.stops = Some(stops);
        if !stops.stop.is_some() {
            if self.bare_since == TimeNs::NEVER {
                self.bare_since = now;
            }
            return;
        }
        (self.bare_since, self.is_stop_refused) = (TimeNs::NEVER, false);
        if !self.tightest.is_some() || self.favour(stops.stop) > self.favour(self.tightest) {
            self.tightest = stops.stop;
        }
    }
}
