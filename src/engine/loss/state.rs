//! The loss watch as words.
//!
//! What it is not: its limits; the setup has those.
//!
//! Invariant: every field is told, so that a day's loss outlasts every start.

use super::LossWatch;
use super::accounts::Accounts;
use super::flows::Flows;
use super::levels::Levels;
use crate::types::{INSTRUMENTS_MAX, Money, StateError, StateSink, StateSource};

impl LossWatch {
    /// Tells its words, of the first `instruments`.
    pub(in crate::engine) fn save(&self, instruments: usize, sink: &mut impl StateSink) {
        let LossWatch {
            day,
            start_equity,
            highest_equity,
            balance,
            equity,
            accounts,
            floating,
            floating_total,
            flows,
            levels,
        } = self;
        sink.signed(*day);
        sink.word(u64::from(start_equity.is_some()));
        let amounts = [start_equity.unwrap_or_default(), *highest_equity, *balance, *equity];
        amounts.iter().chain([floating_total]).for_each(|amount| sink.signed(amount.0));
        sink.word(instruments as u64);
        floating.iter().take(instruments).for_each(|amount| sink.signed(amount.0));
        accounts.save(sink);
        flows.save(sink);
        levels.save(sink);
    }

    /// Takes the words of [`LossWatch::save`].
    pub(in crate::engine) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        let plan = self.levels.plan();
        *self = LossWatch::new(plan, self.accounts.count());
        self.day = source.signed("a day")?;
        let has_start = source.flag("a day's start")?;
        let start = Money(source.signed("a day's equity")?);
        self.start_equity = has_start.then_some(start);
        for amount in
            [&mut self.highest_equity, &mut self.balance, &mut self.equity, &mut self.floating_total]
        {
            *amount = Money(source.signed("an amount")?);
        }
        for index in 0..source.count("floating profits", INSTRUMENTS_MAX, 1)? {
            self.floating[index] = Money(source.signed("a floating profit")?);
        }
        self.accounts = Accounts::load(source, self.accounts.count())?;
        self.flows = Flows::load(source, plan.flows)?;
        self.levels = Levels::load(source, plan)?;
        Ok(())
    }
}
