//! The loss watch as words.
//!
//! What it is not: its limits; the setup has those.
//!
//! Invariant: every field is told, so that a day's loss outlasts every start.

use super::LossWatch;
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
            realised_since,
            floating,
            floating_total,
            flows,
            levels,
        } = self;
        sink.signed(*day);
        sink.word(u64::from(start_equity.is_some()));
        let amounts = [start_equity.unwrap_or_default(), *highest_equity, *balance, *equity, *realised_since];
        amounts.iter().chain([floating_total]).for_each(|amount| sink.signed(amount.0));
        sink.word(instruments as u64);
        floating.iter().take(instruments).for_each(|amount| sink.signed(amount.0));
        flows.save(sink);
        levels.save(sink);
    }

    /// Takes the words of [`LossWatch::save`].
    pub(in crate::engine) fn load(&mut self, source: &mut StateSource<'_>) -> Result<(), StateError> {
        let plan = self.levels.plan();
        *self = LossWatch::new(plan);
        self.day = source.signed("a day")?;
        let has_start = source.flag("a day's start")?;
        let start = Money(source.signed("a day's equity")?);
        self.start_equity = has_start.then_some(start);
        for amount in [
            &mut self.highest_equity,
            &mut self.balance,
            &mut self.equity,
            &mut self.realised_since,
            &mut self.floating_total,
        ] {
            *amount = Money(source.signed("an amount")?);
        }
        for index in 0..source.count("floating profits", INSTRUMENTS_MAX, 1)? {
            self.floating[index] = Money(source.signed("a floating profit")?);
        }
        self.flows = Flows::load(source, plan.flows)?;
        self.levels = Levels::load(source, plan)?;
        Ok(())
    }
}
