//! Money that came to the account or went, told from profit and loss.
//!
//! What it is not: a judge of losses; the watch takes what is found here off the equity.
//!
//! Invariant: everything is counted from the account's words and the deals, in their order. What came is believed at once, because
//! then less of a loss is hidden. What went is believed when a deal of the venue says so; until then nothing opens, and after
//! [`PATIENCE_NS`] it is what the policy says. Nothing is counted before the first comparison with the venue: deals from before are
//! in the balance already.

use crate::risk::{FlowPolicy, Reason, Refusal};
use crate::types::{Money, NS_PER_S, StateError, StateSink, StateSource, TimeNs};

/// A change that no deal explains is looked at for so long. Deals and the account's words come by two ways, and a deal that was
/// lost is in the next snapshot.
const PATIENCE_NS: i64 = 5 * NS_PER_S;
/// A deal that comes so long after it was decided without it still explains what was decided.
const LATE_NS: i64 = 60 * NS_PER_S;

/// What a deal of the venue is to the balance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::engine) enum Entry {
    /// Profit, loss or costs.
    Result,
    /// Money that came or went.
    Flow,
    /// Told by the account's own word.
    Credit,
}

impl Entry {
    /// By MT5's deal type (`facts`: DEAL_TYPE).
    pub(in crate::engine) fn of(deal_type: u8) -> Entry {
        match deal_type {
            // Balance, correction, bonus.
            2 | 5 | 6 => Entry::Flow,
            3 => Entry::Credit,
            // Trades, charges, commissions, interest, dividends, taxes.
            _ => Entry::Result,
        }
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Flows {
    policy: FlowPolicy,
    /// Balance and credit that the count began at.
    base: Option<(Money, Money)>,
    /// Results since.
    results: Money,
    /// Flows that a deal told and no balance showed yet.
    told: Money,
    /// Falls that nothing explained in time, as a positive amount: they are losses.
    losses: Money,
    /// Changes that are settled.
    settled: Money,
    /// What was decided without a deal and may still be explained: falls and rises, and when the last was.
    doubtful: [Money; 2],
    ts_doubtful: TimeNs,
    /// The part of an unexplained change that stood since [`Flows::since`].
    steady: Money,
    since: TimeNs,
    /// Unexplained by the newest word.
    open: Money,
    credit: Money,
}

impl Flows {
    pub(in crate::engine) fn new(policy: FlowPolicy) -> Self {
        Flows { policy, ..Flows::default() }
    }

    pub(in crate::engine) fn is_on(&self) -> bool {
        self.policy != FlowPolicy::Off
    }

    /// All that came and went since the count began.
    pub(in crate::engine) fn total(&self) -> Money {
        self.settled.plus(self.open).plus(self.credit)
    }

    /// The account's word; `is_begun` from the first comparison with the venue on.
    pub(in crate::engine) fn account(&mut self, balance: Money, credit: Money, is_begun: bool, now: TimeNs) {
        if self.policy == FlowPolicy::Off {
            return;
        }
        let Some((base, credit_base)) = self.base.filter(|_| is_begun) else {
            *self = Flows { base: Some((balance, credit)), ..Flows::new(self.policy) };
            return;
        };
        self.credit = credit.minus(credit_base);
        let unexplained = balance.minus(base).minus(self.results).plus(self.losses);
        self.open = unexplained.minus(self.settled);
        let told = common(self.open, self.told);
        self.told = self.told.minus(told);
        self.settle(told);
        if self.open.0.signum() != self.steady.0.signum() {
            (self.steady, self.since) = (self.open, now);
        } else if self.open.0.abs() < self.steady.0.abs() {
            self.steady = self.open;
        }
        if self.steady != Money::ZERO && now.since(self.since) >= PATIENCE_NS {
            self.decide(now);
        }
    }

    /// Nothing explained it in time.
    fn decide(&mut self, now: TimeNs) {
        let steady = self.steady;
        if self.is_loss(steady) {
            (self.losses, self.open) = (self.losses.minus(steady), self.open.minus(steady));
        } else {
            self.settle(steady);
        }
        if now.since(self.ts_doubtful) > LATE_NS {
            self.doubtful = [Money::ZERO; 2];
        }
        let doubtful = &mut self.doubtful[usize::from(steady > Money::ZERO)];
        *doubtful = doubtful.plus(steady);
        self.ts_doubtful = now;
        (self.steady, self.since) = (self.open, now);
    }

    fn is_loss(&self, amount: Money) -> bool {
        amount < Money::ZERO && self.policy == FlowPolicy::Deals
    }

    fn settle(&mut self, amount: Money) {
        self.settled = self.settled.plus(amount);
        self.open = self.open.minus(amount);
    }

    /// A deal that was not counted before.
    pub(in crate::engine) fn deal(&mut self, entry: Entry, amount: Money, now: TimeNs) {
        if self.policy == FlowPolicy::Off || self.base.is_none() || entry == Entry::Credit {
            return;
        }
        let late = self.explained_late(amount, now);
        if self.is_loss(late) {
            self.losses = self.losses.plus(late);
        }
        match entry {
            // It was taken for a flow and is none.
            Entry::Result if !self.is_loss(late) => self.settled = self.settled.minus(late),
            Entry::Flow if self.is_loss(late) => self.settled = self.settled.plus(late),
            _ => {}
        }
        match entry {
            Entry::Result => self.results = self.results.plus(amount),
            _ => self.told = self.told.plus(amount).minus(late),
        }
    }

    /// The part of a deal that was decided without it.
    fn explained_late(&mut self, amount: Money, now: TimeNs) -> Money {
        if now.since(self.ts_doubtful) > LATE_NS {
            return Money::ZERO;
        }
        let doubtful = &mut self.doubtful[usize::from(amount > Money::ZERO)];
        let late = common(amount, *doubtful);
        *doubtful = doubtful.minus(late);
        late
    }

    /// Whether a fall of the balance waits for what explains it.
    pub(in crate::engine) fn waits(&self) -> bool {
        self.open < Money::ZERO
    }

    /// What closes openings meanwhile.
    pub(in crate::engine) fn closes(&self) -> Option<Refusal> {
        self.waits().then_some(Refusal { reason: Reason::LossFlow, limit: 0, got: self.open.0 })
    }

    /// Tells its words.
    pub(in crate::engine) fn save(&self, sink: &mut impl StateSink) {
        let Flows { policy: _, base, results, told, losses, settled, doubtful, ts_doubtful, .. } = self;
        let Flows { steady, since, open, credit, .. } = self;
        let (balance, credit_base) = base.unwrap_or_default();
        sink.word(u64::from(base.is_some()));
        let amounts = [&balance, &credit_base, results, told, losses, settled, steady, open, credit];
        amounts.into_iter().chain(doubtful).for_each(|amount| sink.signed(amount.0));
        [*since, *ts_doubtful].into_iter().for_each(|time| sink.time(time));
    }

    /// Takes the words of [`Flows::save`].
    pub(in crate::engine) fn load(
        source: &mut StateSource<'_>,
        policy: FlowPolicy,
    ) -> Result<Self, StateError> {
        let mut flows = Flows::new(policy);
        let has_base = source.flag("a beginning of flows")?;
        let (mut balance, mut credit_base) = (Money::ZERO, Money::ZERO);
        let [fall, rise] = &mut flows.doubtful;
        for amount in [
            &mut balance,
            &mut credit_base,
            &mut flows.results,
            &mut flows.told,
            &mut flows.losses,
            &mut flows.settled,
            &mut flows.steady,
            &mut flows.open,
            &mut flows.credit,
            fall,
            rise,
        ] {
            *amount = Money(source.signed("a flow")?);
        }
        flows.base = has_base.then_some((balance, credit_base));
        flows.since = source.time("a flow's time")?;
        flows.ts_doubtful = source.time("a doubtful flow's time")?;
        Ok(flows)
    }
}

/// What two amounts of one sign have in common.
fn common(one: Money, other: Money) -> Money {
    match (one.0.signum(), other.0.signum()) {
        (1, 1) => one.min(other),
        (-1, -1) => one.max(other),
        _ => Money::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> TimeNs {
        TimeNs(seconds * NS_PER_S)
    }

    fn begun(policy: FlowPolicy) -> Flows {
        let mut flows = Flows::new(policy);
        flows.account(Money(1_000), Money(50), false, at(0));
        flows
    }

    #[test]
    fn a_withdrawal_that_a_deal_tells_is_none_of_the_loss_whichever_comes_first() {
        let mut flows = begun(FlowPolicy::Deals);
        flows.deal(Entry::of(2), Money(-400), at(1));
        assert_eq!(flows.total(), Money(0), "the balance does not show it yet");
        flows.account(Money(600), Money(50), true, at(1));
        assert_eq!((flows.total(), flows.closes()), (Money(-400), None));
        flows.account(Money(500), Money(50), true, at(2));
        assert_eq!(flows.total(), Money(-500), "not judged before it is explained");
        assert_eq!(flows.closes().map(|refusal| refusal.reason), Some(Reason::LossFlow));
        flows.deal(Entry::of(2), Money(-100), at(2));
        flows.account(Money(500), Money(50), true, at(3));
        assert_eq!((flows.total(), flows.closes()), (Money(-500), None));
    }

    #[test]
    fn a_fall_that_nothing_explains_is_a_loss_by_deals_and_a_withdrawal_by_balance() {
        for (policy, total) in [(FlowPolicy::Deals, Money(0)), (FlowPolicy::Balance, Money(-300))] {
            let mut flows = begun(policy);
            for second in 1..=6 {
                assert_eq!(flows.closes().is_some(), second > 1, "{policy:?} {second}");
                flows.account(Money(700), Money(50), true, at(second));
            }
            assert_eq!((flows.total(), flows.closes()), (total, None), "{policy:?}");
        }
    }

    #[test]
    fn what_explains_a_loss_late_takes_it_back() {
        for (entry, total) in [(Entry::Flow, Money(-300)), (Entry::Result, Money(0))] {
            let mut flows = begun(FlowPolicy::Deals);
            for second in 1..=6 {
                flows.account(Money(700), Money(50), true, at(second));
            }
            flows.deal(entry, Money(-300), at(7));
            flows.account(Money(700), Money(50), true, at(7));
            assert_eq!((flows.total(), flows.closes()), (total, None), "{entry:?}");
        }
    }

    #[test]
    fn a_deposit_counts_at_once_and_credit_by_the_accounts_word() {
        let mut flows = begun(FlowPolicy::Deals);
        flows.account(Money(1_500), Money(80), true, at(1));
        assert_eq!((flows.total(), flows.closes()), (Money(530), None));
        flows.account(Money(1_500), Money(0), true, at(2));
        assert_eq!((flows.total(), flows.closes()), (Money(450), None));
    }

    proptest! {
        /// Words that lag behind deals and deals that lag behind words: in the end the flow is what came and went.
        #[test]
        fn however_words_and_deals_are_late_the_end_is_right(
            events in proptest::collection::vec((any::<bool>(), -500i64..500, 0u8..3), 1..40)
        ) {
            let mut flows = begun(FlowPolicy::Deals);
            let (mut balance, mut flow, mut late) = (1_000, 0, Vec::new());
            for (second, (is_flow, amount, how)) in events.into_iter().enumerate() {
                let entry = if is_flow { Entry::Flow } else { Entry::Result };
                flow += if is_flow { amount } else { 0 };
                let before = balance;
                balance += amount;
                let now = at(second as i64);
                match how {
                    0 => flows.deal(entry, Money(amount), now),
                    1 => late.push((entry, amount)),
                    _ => {
                        flows.deal(entry, Money(amount), now);
                        flows.account(Money(before), Money(50), true, now);
                    }
                }
                flows.account(Money(balance), Money(50), true, now);
                for (entry, amount) in late.drain(..late.len().min(usize::from(how))) {
                    flows.deal(entry, Money(amount), now);
                }
            }
            late.into_iter().for_each(|(entry, amount)| flows.deal(entry, Money(amount), at(50)));
            for second in 100..120 {
                flows.account(Money(balance), Money(50), true, at(second));
            }
            prop_assert_eq!((flows.total(), flows.waits()), (Money(flow), false));
        }
    }
}
