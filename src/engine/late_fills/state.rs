//! Closes that wait for their fill, as words.
//!
//! What it is not: the deals; the order book knows which of those were told.
//!
//! Invariant: what was saved and loaded settles what the one that was saved would.

use super::{EXCESSES_MAX, Excess, LateFills};
use crate::order::Amounts;
use crate::types::{InstrumentId, Money, Side, StateError, StateSink, StateSource};

/// Words of one close.
const EXCESS_WORDS: usize = 10;

impl LateFills {
    /// Tells its words.
    pub(in crate::engine) fn save(&self, sink: &mut impl StateSink) {
        sink.word(self.excesses.len() as u64);
        for excess in &self.excesses {
            let Excess { instrument, position, side, qty, price, made, amounts } = excess;
            sink.word(u64::from(instrument.0) << 1 | side.index() as u64);
            sink.word(*position);
            [*qty, *price, made.0].into_iter().for_each(|number| sink.signed(number));
            sink.word(made.1);
            for money in [amounts.profit, amounts.commission, amounts.swap, amounts.fee] {
                sink.signed(money.0);
            }
        }
    }

    /// Takes the words of [`LateFills::save`].
    pub(in crate::engine) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        self.excesses.clear();
        for _ in 0..source.count("closes without a fill", EXCESSES_MAX, EXCESS_WORDS)? {
            let head = source.at_most("a close's instrument", u64::from(u16::MAX) << 1 | 1)?;
            let position = source.word("a closed position")?;
            let (qty, price) = (source.signed("a closed volume")?, source.signed("a close's price")?);
            let made = (source.signed("a close's time")?, source.word("a close's deal")?);
            let mut money = || source.signed("an amount").map(Money);
            let amounts = Amounts { profit: money()?, commission: money()?, swap: money()?, fee: money()? };
            let (instrument, side) = (InstrumentId((head >> 1) as u16), Side::BOTH[(head & 1) as usize]);
            self.excesses.push(Excess { instrument, position, side, qty, price, made, amounts });
        }
        Ok(())
    }
}
