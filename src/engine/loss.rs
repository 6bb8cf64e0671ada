//! The day's loss and the fall from the highest equity, by the account's word and by our own positions between two accounts.
//!
//! What it is not: a report; it exists to stop trading in time.
//!
//! Invariant: a loss that is not known is no permission; the day's starting equity is taken once a day and never raised; the
//! highest equity falls only when the operator re-arms after its limit was reached. All of it follows from the account's
//! records and the operator's, so a restart knows it from the journal. What came to the account or went is no profit and no loss,
//! where flows are told apart: start and highest are kept without them.

mod accounts;
mod flows;
mod levels;
mod state;

pub(super) use flows::Entry;

use crate::risk::{Limits, LossPlan, Reason, Refusal};
use crate::types::{INSTRUMENTS_MAX, Money, TimeNs, VenueId};
use accounts::Accounts;
use flows::Flows;
use levels::Levels;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct LossWatch {
    day: i64,
    start_equity: Option<Money>,
    highest_equity: Money,
    balance: Money,
    equity: Money,
    accounts: Accounts,
    floating: Box<[Money]>,
    floating_total: Money,
    flows: Flows,
    levels: Levels,
}

/// What the account says, with the trading day of its time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AccountWord {
    pub venue: VenueId,
    pub balance: Money,
    pub equity: Money,
    pub credit: Money,
    pub day: i64,
    /// The venue was compared with us at least once.
    pub is_begun: bool,
}

impl Default for LossWatch {
    fn default() -> Self {
        LossWatch {
            day: i64::MIN,
            start_equity: None,
            highest_equity: Money(i64::MIN),
            balance: Money::ZERO,
            equity: Money::ZERO,
            accounts: Accounts::new(1),
            floating: vec![Money::ZERO; INSTRUMENTS_MAX].into(),
            floating_total: Money::ZERO,
            flows: Flows::default(),
            levels: Levels::default(),
        }
    }
}

impl LossWatch {
    pub(super) fn new(plan: LossPlan, venue_count: usize) -> Self {
        let accounts = Accounts::new(venue_count);
        LossWatch {
            accounts,
            flows: Flows::new(plan.flows),
            levels: Levels::new(plan),
            ..LossWatch::default()
        }
    }

    /// Takes an account's word: what is lost, all accounts lose together.
    pub(super) fn account(&mut self, word: &AccountWord, now: TimeNs) {
        let Some(word) = self.accounts.take(word) else { return };
        self.flows.account(word.balance, word.credit, word.is_begun, now);
        let earned = word.equity.minus(self.flows.total());
        if word.day > self.day || self.start_equity.is_none() {
            (self.day, self.start_equity) = (word.day, Some(earned));
        }
        (self.balance, self.equity) = (word.balance.plus(word.credit), word.equity);
        self.highest_equity = self.highest_equity.max(earned);
    }

    /// A deal of the venue, ours or not, that was not counted before.
    pub(super) fn deal(&mut self, entry: Entry, amount: Money, now: TimeNs) {
        self.flows.deal(entry, amount, now);
    }

    /// Whether what came and went is told apart.
    pub(super) fn tells_flows(&self) -> bool {
        self.flows.is_on()
    }

    /// What closes openings while it is not known whether the balance fell by a loss.
    pub(super) fn closed_by_flow(&self) -> Option<Refusal> {
        self.flows.closes()
    }

    /// A fill realised something that the account has not told yet.
    pub(super) fn realise(&mut self, venue: VenueId, amount: Money) {
        self.accounts.realise(venue, amount);
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
        self.reached(self.balance.plus(self.accounts.realised()).plus(self.floating_total), limits)
    }

    #[inline]
    fn reached(&self, equity: Money, limits: &Limits) -> Option<Refusal> {
        let earned = equity.minus(self.flows.total());
        let daily = self.start_equity?.minus(earned);
        if daily >= limits.daily_loss_max {
            return Some(Refusal { reason: Reason::LossDaily, limit: limits.daily_loss_max.0, got: daily.0 });
        }
        let (limit, fall) = (limits.trailing_loss_max, self.highest_equity.minus(earned));
        (fall >= limit).then_some(Refusal { reason: Reason::LossTrailing, limit: limit.0, got: fall.0 })
    }

    /// The operator re-arms: a trailing loss that was reached starts anew from the equity there is. The day's does not.
    pub(super) fn rearm(&mut self, limits: &Limits) {
        let earned = self.equity.minus(self.flows.total());
        if self.highest_equity.minus(earned) >= limits.trailing_loss_max {
            self.highest_equity = earned;
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
        let reckoned = self.balance.plus(self.accounts.realised()).plus(self.floating_total);
        Some((self.equity.min(reckoned), self.highest_equity.plus(self.flows.total())))
    }

    /// A venue's part of them, by its account's part of the equity.
    pub(super) fn equities_of(&self, venue: VenueId) -> Option<(Money, Money)> {
        let share = |amount| self.accounts.share(venue, amount, self.equity);
        self.equities().map(|(equity, highest)| (share(equity), share(highest)))
    }

    /// Floating profit by our own reckoning.
    pub(super) fn floating(&self) -> Money {
        self.floating_total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn limits() -> Limits {
        let mut limits = crate::engine::tests::setup().limits;
        (limits.daily_loss_max, limits.trailing_loss_max) = (Money(200), Money(500));
        limits
    }

    fn word(balance: i64, equity: i64, day: i64) -> AccountWord {
        AccountWord { balance: Money(balance), equity: Money(equity), day, ..AccountWord::default() }
    }

    fn told(refusal: Option<Refusal>) -> Option<(Reason, i64)> {
        refusal.map(|refusal| (refusal.reason, refusal.got))
    }

    #[test]
    fn the_day_starts_once_and_both_reckonings_count() {
        let mut watch = LossWatch::default();
        assert_eq!(told(watch.reached_by_account(&limits())), Some((Reason::LossUnknown, 0)));
        watch.account(&word(1_000, 900, 1), TimeNs(0));
        watch.account(&word(1_000, 950, 1), TimeNs(0));
        assert_eq!(watch.reached_by_account(&limits()), None);
        watch.float(3, Money(-279));
        watch.realise(VenueId(0), Money(-20));
        assert_eq!(watch.reached_by_positions(&limits()), None);
        watch.realise(VenueId(0), Money(-1));
        assert_eq!(told(watch.reached_by_positions(&limits())), Some((Reason::LossDaily, 200)));
        watch.account(&word(980, 680, 2), TimeNs(0));
        assert_eq!((watch.reached_by_account(&limits()), watch.floating()), (None, Money(-279)));
    }

    #[test]
    fn a_day_that_goes_back_forgives_nothing() {
        let mut watch = LossWatch::default();
        for (equity, day) in [(1_000, 2), (850, 1), (800, 2)] {
            watch.account(&word(1_000, equity, day), TimeNs(0));
        }
        assert_eq!(told(watch.reached_by_account(&limits())), Some((Reason::LossDaily, 200)));
    }

    #[test]
    fn the_highest_equity_outlasts_days_and_falls_only_when_its_limit_was_reached_and_the_operator_rearms() {
        let mut watch = LossWatch::default();
        for (day, equity) in [1_000, 1_400, 1_300, 1_100, 901].into_iter().enumerate() {
            watch.account(&word(equity, equity, day as i64), TimeNs(0));
            watch.rearm(&limits());
            assert_eq!(watch.reached_by_account(&limits()), None, "{equity}");
        }
        watch.account(&word(900, 900, 5), TimeNs(0));
        assert_eq!(told(watch.reached_by_account(&limits())), Some((Reason::LossTrailing, 500)));
        watch.rearm(&limits());
        assert_eq!(watch.reached_by_account(&limits()), None);
        watch.account(&word(400, 400, 6), TimeNs(0));
        assert_eq!(told(watch.reached_by_account(&limits())), Some((Reason::LossTrailing, 500)));
    }
}
