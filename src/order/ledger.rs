//! What positions earned and cost, from deals alone.
//!
//! What it is not: what floats, or the account's balance: deposits and interest are no deals of a position.
//!
//! Invariant: the sum of all ledgers of an instrument, ours and others', is the sum of its deals, to the last millionth.

mod state;

use crate::types::{INSTRUMENTS_MAX, InstrumentId, Money};

/// Amounts of one deal, or of all of them, in account currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Amounts {
    /// Realised by the price alone.
    pub profit: Money,
    /// Commission, negative when paid.
    pub commission: Money,
    /// Swap.
    pub swap: Money,
    /// Fee, negative when paid.
    pub fee: Money,
}

impl Amounts {
    /// All together.
    pub fn total(&self) -> Money {
        self.profit.plus(self.commission).plus(self.swap).plus(self.fee)
    }

    /// The part of `part` steps of a deal of `whole`, rounded towards zero.
    pub fn share(&self, part: i64, whole: i64) -> Amounts {
        let of = |money: Money| {
            let share = i128::from(money.0) * i128::from(part) / i128::from(whole.max(1));
            Money(i64::try_from(share).unwrap_or(money.0))
        };
        Amounts {
            profit: of(self.profit),
            commission: of(self.commission),
            swap: of(self.swap),
            fee: of(self.fee),
        }
    }

    /// What is left of a deal when a part of it is another's.
    pub fn less(&self, part: &Amounts) -> Amounts {
        Amounts {
            profit: self.profit.minus(part.profit),
            commission: self.commission.minus(part.commission),
            swap: self.swap.minus(part.swap),
            fee: self.fee.minus(part.fee),
        }
    }

    fn add(&mut self, amounts: &Amounts) {
        self.profit = self.profit.plus(amounts.profit);
        self.commission = self.commission.plus(amounts.commission);
        self.swap = self.swap.plus(amounts.swap);
        self.fee = self.fee.plus(amounts.fee);
    }
}

/// Deals of one owner in one instrument.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ledger {
    /// Summed amounts.
    pub amounts: Amounts,
    /// Deals, parts of one counted as one.
    pub deal_count: u64,
    /// Traded, steps.
    pub qty: i64,
}

impl Ledger {
    /// Counts a deal.
    fn count(&mut self, qty: i64, amounts: &Amounts) {
        self.amounts.add(amounts);
        self.deal_count += 1;
        self.qty = self.qty.saturating_add(qty);
    }
}

/// Whose deal it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// Of our orders, of stops of our positions, or adopted.
    Us = 0,
    /// A hand, or another program.
    Others = 1,
}

/// By instrument and owner; at most one strategy trades an instrument, so ours are the strategy's.
#[derive(Clone, Debug)]
pub struct Ledgers {
    of: Box<[[Ledger; 2]]>,
}

impl Default for Ledgers {
    fn default() -> Self {
        Ledgers { of: vec![[Ledger::default(); 2]; INSTRUMENTS_MAX].into() }
    }
}

impl Ledgers {
    /// Counts a deal, or the part of one that is this owner's.
    pub fn count(&mut self, instrument: InstrumentId, owner: Owner, qty: i64, amounts: &Amounts) {
        if let Some(index) = instrument.index() {
            self.of[index][owner as usize].count(qty, amounts);
        }
    }

    /// A part of what was counted as others' turns out to be ours.
    pub fn hand_over(&mut self, instrument: InstrumentId, qty: i64, amounts: &Amounts) {
        if let Some(index) = instrument.index() {
            let [us, others] = &mut self.of[index];
            others.amounts = others.amounts.less(amounts);
            others.qty = others.qty.saturating_sub(qty);
            us.count(qty, amounts);
        }
    }

    /// An owner's ledger of an instrument.
    pub fn of(&self, instrument: InstrumentId, owner: Owner) -> Ledger {
        instrument.index().map_or(Ledger::default(), |index| self.of[index][owner as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn two_parts_are_the_whole(profit in any::<i32>(), commission in any::<i32>(), whole in 1i64..1_000, part in 0i64..1_000) {
            let amounts = Amounts {
                profit: Money(profit.into()),
                commission: Money(commission.into()),
                ..Amounts::default()
            };
            let ours = amounts.share(part.min(whole), whole);
            let theirs = amounts.less(&ours);
            let mut ledgers = Ledgers::default();
            ledgers.count(InstrumentId(3), Owner::Us, part, &ours);
            ledgers.count(InstrumentId(3), Owner::Others, whole - part, &theirs);
            let total = |owner| ledgers.of(InstrumentId(3), owner).amounts.total();
            prop_assert_eq!(total(Owner::Us).plus(total(Owner::Others)), amounts.total());
            prop_assert!(ours.profit.0.abs() <= amounts.profit.0.abs());
            prop_assert_eq!(ledgers.of(InstrumentId(2), Owner::Us), Ledger::default());
            let before = ledgers.of(InstrumentId(3), Owner::Us).qty;
            ledgers.hand_over(InstrumentId(3), 1, &theirs.share(1, 3));
            let total = |owner| ledgers.of(InstrumentId(3), owner).amounts.total();
            prop_assert_eq!(total(Owner::Us).plus(total(Owner::Others)), amounts.total());
            prop_assert_eq!(ledgers.of(InstrumentId(3), Owner::Us).qty, before + 1);
        }
    }
}
