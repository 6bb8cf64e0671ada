//! The day's loss, from the account's equity and from our own positions between two accounts.
//!
//! What it is not: a report; it exists to stop trading in time.
//!
//! Invariant: a loss that is not known is no permission; the day's starting equity is taken once a day and never raised.

use crate::types::{INSTRUMENTS_MAX, Money};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct LossWatch {
    day: i64,
    start_equity: Option<Money>,
    balance: Money,
    equity: Money,
    realised_since: Money,
    floating: Box<[Money]>,
    floating_total: Money,
}

impl Default for LossWatch {
    fn default() -> Self {
        LossWatch {
            day: i64::MIN,
            start_equity: None,
            balance: Money::ZERO,
            equity: Money::ZERO,
            realised_since: Money::ZERO,
            floating: vec![Money::ZERO; INSTRUMENTS_MAX].into(),
            floating_total: Money::ZERO,
        }
    }
}

impl LossWatch {
    /// Takes the account's word; `day` is the trading day of its time.
    pub(super) fn account(&mut self, balance: Money, equity: Money, day: i64) {
        if day != self.day || self.start_equity.is_none() {
            (self.day, self.start_equity) = (day, Some(equity));
        }
        (self.balance, self.equity) = (balance, equity);
        self.realised_since = Money::ZERO;
    }

    /// A fill realised something that the account has not told yet.
    pub(super) fn realise(&mut self, amount: Money) {
        self.realised_since = self.realised_since.plus(amount);
    }

    /// A position's floating profit changed.
    #[inline]
    pub(super) fn float(&mut self, index: usize, amount: Money) {
        let before = std::mem::replace(&mut self.floating[index], amount);
        self.floating_total = self.floating_total.plus(amount).minus(before);
    }

    /// Loss of the day as the account says it; `None` before the first account.
    pub(super) fn loss_by_account(&self) -> Option<Money> {
        Some(self.start_equity?.minus(self.equity))
    }

    /// Loss of the day by our own reckoning: balance, what was realised since, what floats.
    #[inline]
    pub(super) fn loss_by_positions(&self) -> Option<Money> {
        Some(self.start_equity?.minus(self.balance.plus(self.realised_since).plus(self.floating_total)))
    }

    /// Floating profit by our own reckoning.
    pub(super) fn floating(&self) -> Money {
        self.floating_total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_starts_once_and_both_reckonings_count() {
        let mut watch = LossWatch::default();
        assert_eq!(watch.loss_by_account(), None);
        watch.account(Money(1_000), Money(900), 1);
        watch.account(Money(1_000), Money(950), 1);
        assert_eq!(watch.loss_by_account(), Some(Money(-50)));
        watch.float(3, Money(-300));
        watch.realise(Money(-20));
        assert_eq!(watch.loss_by_positions(), Some(Money(220)));
        watch.account(Money(980), Money(680), 2);
        assert_eq!((watch.loss_by_account(), watch.floating()), (Some(Money(0)), Money(-300)));
    }
}
