//! What a model would have done: its rule's wishes traded on paper, at the quotes of the moment.
//!
//! What it is not: an order, or a backtest: there is no slippage, no queue and no commission here, only the spread.
//!
//! Invariant: a position is opened at the side that an order would hit and valued at the side that would close it; profit is a
//! whole number of ticks.

use super::{Context, Rule, Signal, State};
use crate::types::{Price, Quote, Side, TimeNs};

/// What was counted on paper.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PaperCounts {
    /// Times its model was asked.
    pub scores: u64,
    /// Positions opened.
    pub entries: u64,
    /// Positions closed.
    pub exits: u64,
    /// Of them, with a profit.
    pub wins: u64,
    /// Profit of closed positions, ticks for one unit of volume.
    pub closed_ticks: i64,
    /// Profit of the open one.
    pub open_ticks: i64,
    /// Scores on the other side of the middle than the live one.
    pub disagreements: u64,
    /// Sum of the distances to the live score, millionths.
    pub distance_e6: u64,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Paper {
    rule: Rule,
    side: Option<Side>,
    entry: Price,
    counts: PaperCounts,
}

impl Paper {
    /// Flat, with nothing counted.
    pub fn new(rule: Rule) -> Self {
        Paper { rule, side: None, entry: Price::NONE, counts: PaperCounts::default() }
    }

    /// Takes a score of the watched model beside the live one.
    pub fn on_score(
        &mut self,
        score: f64,
        live: f64,
        middle: f64,
        quote: &Quote,
        now: TimeNs,
        context: &Context,
    ) {
        let counts = &mut self.counts;
        counts.scores += 1;
        counts.disagreements += u64::from((score > middle) != (live > middle));
        let distance = (score - live).abs() * 1e6;
        if distance.is_finite() {
            counts.distance_e6 = counts.distance_e6.saturating_add(distance as u64);
        }
        let state = State { position: self.side.map_or(0, Side::sign), quote: *quote, now };
        match self.rule.decide_in(score, &state, context) {
            Signal::Enter(side) => {
                self.side = Some(side);
                self.entry = if side == Side::Buy { quote.ask } else { quote.bid };
                self.counts.entries += 1;
            }
            Signal::Exit if quote.is_two_sided() => {
                self.counts.closed_ticks = self.counts.closed_ticks.saturating_add(self.value(quote));
                self.counts.wins += u64::from(self.value(quote) > 0);
                self.counts.exits += 1;
                self.side = None;
            }
            Signal::Exit | Signal::None => {}
        }
        if quote.is_two_sided() {
            self.counts.open_ticks = self.value(quote);
        }
    }

    /// Profit of the open position, ticks.
    fn value(&self, quote: &Quote) -> i64 {
        match self.side {
            None => 0,
            Some(Side::Buy) => quote.bid.0.saturating_sub(self.entry.0),
            Some(Side::Sell) => self.entry.0.saturating_sub(quote.ask.0),
        }
    }

    /// Sign of the position on paper.
    pub fn position(&self) -> i64 {
        self.side.map_or(0, Side::sign)
    }

    /// What was counted.
    pub fn counts(&self) -> &PaperCounts {
        &self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Thresholds;

    fn quote(bid: i64, ask: i64, now: i64) -> Quote {
        Quote {
            bid: Price(bid),
            ask: Price(ask),
            last: Price::NONE,
            ts_venue: TimeNs(now),
            ts_recv: TimeNs(now),
        }
    }

    #[test]
    fn a_round_trip_pays_the_spread() {
        let thresholds = Thresholds {
            enter_long_above: 0.6,
            enter_short_below: 0.4,
            exit_long_below: 0.5,
            exit_short_above: 0.5,
            cooldown_ns: 0,
            spread_max_ticks: 10,
            quote_age_max_ns: 100,
        };
        let mut paper = Paper::new(Rule::new(thresholds).unwrap());
        let mut score = |score, bid, ask, now| {
            paper.on_score(score, 0.5, 0.5, &quote(bid, ask, now), TimeNs(now), &Context::UNKNOWN);
            (paper.position(), *paper.counts())
        };
        let (position, counts) = score(0.7, 100, 103, 1);
        assert_eq!((position, counts.entries, counts.open_ticks), (1, 1, -3));
        assert_eq!(score(0.6, 110, 113, 2).1.open_ticks, 7);
        let (position, counts) = score(0.5, 110, 113, 3);
        assert_eq!((position, counts.closed_ticks, counts.open_ticks, counts.wins), (0, 7, 0, 1));
        let (position, _) = score(0.1, 110, 113, 4);
        assert_eq!(position, -1);
        let (position, counts) = score(0.9, 112, 115, 5);
        assert_eq!(
            (position, counts.closed_ticks, counts.exits, counts.wins),
            (0, 2, 2, 1),
            "the other side closes first"
        );
        assert_eq!(counts.disagreements, 3);
        assert_eq!(score(f64::NAN, 112, 115, 6).1.scores, 6);
    }
}
