//! Ledgers as words.
//!
//! What it is not: the deals that they sum; the journal has those.
//!
//! Invariant: ledgers that were saved and loaded are those that were saved.

use super::{Amounts, Ledger, Ledgers};
use crate::types::{INSTRUMENTS_MAX, Money, StateError, StateSink, StateSource};

/// Words of one ledger.
const LEDGER_WORDS: usize = 6;

impl Ledgers {
    /// Tells the words of the first `instruments`.
    pub fn save(&self, instruments: usize, sink: &mut impl StateSink) {
        let of = &self.of[..instruments.min(INSTRUMENTS_MAX)];
        sink.word(of.len() as u64);
        for Ledger { amounts, deal_count, qty } in of.iter().flatten() {
            for money in [amounts.profit, amounts.commission, amounts.swap, amounts.fee] {
                sink.signed(money.0);
            }
            sink.word(*deal_count);
            sink.signed(*qty);
        }
    }

    /// Takes the words of [`Ledgers::save`].
    pub fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        *self = Ledgers::default();
        for index in 0..source.count("ledgers", INSTRUMENTS_MAX, 2 * LEDGER_WORDS)? {
            for ledger in &mut self.of[index] {
                let mut money = || source.signed("an amount").map(Money);
                let amounts =
                    Amounts { profit: money()?, commission: money()?, swap: money()?, fee: money()? };
                let deal_count = source.word("a count of deals")?;
                *ledger = Ledger { amounts, deal_count, qty: source.signed("a traded volume")? };
            }
        }
        Ok(())
    }
}
