//! The day's loss and the fall from the highest equity, by the account's word and by our own positions between two accounts.
//!
//! What it is not: a report; it exists to stop trading in time.
//!
//! Invariant: a loss that is not known is no permission; the day's starting equity is taken once a day and never raised; the
//! highest equity falls only when the operator re-arms after its limit was reached. All of it follows from the account's
//! records and the operator's, so a restart knows it from the journal.

mod state;

use crate::risk::{Limits, Reason, Refusal};
use crate::types::{INSTRUMENTS_MAX, Money};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct LossWatch {
    day: i64,
    start_equity: Option<Money>,
    highest_equity: Money,
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
            highest_equity: Money(i64::MIN),
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
        self.highest_equity = self.highest_equity.max(equity);
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

    /// The first limit that is reached as the account says it; that the loss is not known before the first account.
    pub(super) fn reached_by_account(&self, limits: &Limits) -> Option<Refusal> {
        if self.start_equity.is_none() {
            return Some(Refusal { reason: Reason::LossUnknown, limit: limits.daily_loss_max.0, got: 0 });
        }
        self.reached(self.equity, limits)
    }

    /// The first limit that is reached by our own reckoning: balance, what was realised since, what floats.
    #[inline]
    pub(super) fn reached_by_positions(&self, limits: &Limits) -> Option<Refusal> {
        self.reached(self.balance.plus(self.realised_since).plus(self.floating_total), limits)
    }

    #[inline]
    fn reached(&self, equity: Money, limits: &Limits) -> Option<Refusal> {
        let daily = self.start_equity?.minus(equity);
        if daily >= limits.daily_loss_max {
            return Some(Refusal { reason: Reason::LossDaily, limit: limits.daily_loss_max.0, got: daily.0 });
        }
        let (limit, fall) = (limits.trailing_loss_max, self.highest_equity.minus(equity));
        (fall >= limit).then_some(Refusal { reason: Reason::LossTrailing, limit: limit.0, got: fall.0 })
    }

    /// The operator re-arms: a trailing loss that was reached starts anew from the equity there is. The day's does not.
    pub(super) fn rearm(&mut self, limits: &Limits) {
        if self.highest_equity.minus(self.equity) >= limits.trailing_loss_max {
            self.highest_equity = self.equity;
        }
    }

    /// The trading day of the account's last word; `None` before the first.
    pub(super) fn day(&self) -> Option<i64> {
        self.start_equity.map(|_| self.day)
    }

    /// Of one instrument's position.
    pub(super) fn floating_of(&self, index: usize) -> Money {
        self.floating[index]
    }

    /// The lower of the account's equity and our own reckoning, and the highest; `None` before the account's first word.
    pub(super) fn equities(&self) -> Option<(Money, Money)> {
        self.start_equity?;
        let reckoned = self.balance.plus(self.realised_since).plus(self.floating_total);
        Some((self.equity.min(reckoned), self.highest_equity))
    }

    /// Floating profit by our own reckoning.
    pub(super) fn floating(&self) -> Money {
        self.floating_total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        let mut limits = crate::engine::tests::setup().limits;
        (limits.daily_loss_max, limits.trailing_loss_max) = (Money(200), Money(500));
        limits
    }

    fn told(refusal: Option<Refusal>) -> Option<(Reason, i64)> {
        refusal.map(|refusal| (refusal.reason, refusal.got))
    }

    #[test]
    fn the_day_starts_once_and_both_reckonings_count() {
        let mut watch = LossWatch::default();
        assert_eq!(told(watch.reached_by_account(&limits())), Some((Reason::LossUnknown, 0)));
        watch.account(Money(1_000), Money(900), 1);
        watch.account(Money(1_000), Money(950), 1);
        assert_eq!(watch.reached_by_account(&limits()), None);
        watch.float(3, Money(-279));
        watch.realise(Money(-20));
        assert_eq!(watch.reached_by_positions(&limits()), None);
        watch.realise(Money(-1));
        assert_eq!(told(watch.reached_by_positions(&limits())), Some((Reason::LossDaily, 200)));
        watch.account(Money(980), Money(680), 2);
        assert_eq!((watch.reached_by_account(&limits()), watch.floating()), (None, Money(-279)));
    }

    #[test]
    fn the_highest_equity_outlasts_days_and_falls_only_when_its_limit_was_reached_and_the_operator_rearms() {
        let mut watch = LossWatch::default();
        for (day, equity) in [1_000, 1_400, 1_300, 1_100, 901].into_iter().enumerate() {
            watch.account(Money(equity), Money(equity), day as i64);
            watch.rearm(&limits());
            assert_eq!(watch.reached_by_account(&limits()), None, "{equity}");
        }
        watch.account(Money(900), Money(900), 5);
        assert_eq!(told(watch.reached_by_account(&limits())), Some((Reason::LossTrailing, 500)));
        watch.rearm(&limits());
        assert_eq!(watch.reached_by_account(&limits()), None);
        watch.account(Money(400), Money(400), 6);
        assert_eq!(told(watch.reached_by_account(&limits())), Some((Reason::LossTrailing, 500)));
    }
}
