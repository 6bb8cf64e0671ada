//! What a strategy's closed trades came to, counted from deals.
//!
//! What it is not: profit and loss of the account; it holds nothing of what floats.
//!
//! Invariant: a trade is everything from flat to flat, or to the other side, costs included, by step of what was closed: the
//! size of a trade changes nothing. Taking volume off without a deal ends a trade uncounted.

use crate::types::{Money, StateError, StateSink, StateSource};

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TradeRecord {
    trades: u32,
    wins: u32,
    /// Sums over trades of what a step won or lost, millionths; both not negative.
    won: i64,
    lost: i64,
    /// Realised by the trade under way, costs included.
    open_realised: i64,
    /// Steps of it that are closed.
    open_closed: i64,
}

impl TradeRecord {
    /// A fill took the net position from `before` to `after` steps and realised this, costs included.
    pub fn fill(&mut self, before: i64, after: i64, realised: Money) {
        if before == 0 {
            (self.open_realised, self.open_closed) = (0, 0);
        }
        self.open_realised = self.open_realised.saturating_add(realised.0);
        let is_over = before != 0 && after.signum() != before.signum();
        let closed = if is_over { before.abs() } else { (before.abs() - after.abs()).max(0) };
        self.open_closed = self.open_closed.saturating_add(closed);
        if is_over {
            self.close();
        }
    }

    fn close(&mut self) {
        let by_step = self.open_realised / self.open_closed.max(1);
        self.trades = self.trades.saturating_add(1);
        if by_step > 0 {
            self.wins = self.wins.saturating_add(1);
            self.won = self.won.saturating_add(by_step);
        } else {
            self.lost = self.lost.saturating_add(by_step.saturating_neg());
        }
        (self.open_realised, self.open_closed) = (0, 0);
    }

    /// Tells its words.
    pub fn save(&self, sink: &mut impl StateSink) {
        let TradeRecord { trades, wins, won, lost, open_realised, open_closed } = self;
        sink.word(u64::from(*trades) << 32 | u64::from(*wins));
        [*won, *lost, *open_realised, *open_closed].into_iter().for_each(|number| sink.signed(number));
    }

    /// Back from [`TradeRecord::save`].
    pub fn load(source: &mut StateSource<'_>) -> Result<TradeRecord, StateError> {
        let counts = source.word("a count of trades")?;
        Ok(TradeRecord {
            trades: (counts >> 32) as u32,
            wins: counts as u32,
            won: source.signed("what trades won")?,
            lost: source.signed("what trades lost")?,
            open_realised: source.signed("what a trade realised")?,
            open_closed: source.signed("what a trade closed")?,
        })
    }

    /// Trades counted.
    pub fn trades(&self) -> u32 {
        self.trades
    }

    /// The full Kelly fraction of the record: `p - (1 - p) / b`; not above zero without a winner, and 1 without a loss.
    pub fn kelly_fraction(&self) -> f64 {
        if self.wins == 0 {
            return -1.0;
        }
        let share = f64::from(self.wins) / f64::from(self.trades);
        let losers = f64::from(self.trades - self.wins);
        // No loser, or none that lost: there is nothing to weigh against.
        if self.lost == 0 {
            return share;
        }
        let ratio = (self.won as f64 / f64::from(self.wins)) / (self.lost as f64 / losers);
        share - (1.0 - share) / ratio
    }

    /// Begins anew; the trade under way goes on.
    pub fn forget(&mut self) {
        *self = TradeRecord {
            open_realised: self.open_realised,
            open_closed: self.open_closed,
            ..TradeRecord::default()
        };
    }
}
