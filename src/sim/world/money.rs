//! What all deals of an instrument earned and cost, here and at its broker.
//!
//! What it is not: the account's balance, which deposits and interest change as well.
//!
//! Invariant: a rule counts the broker's own deals; whose they are is no matter, for a ledger that is another's is a ledger.

use super::World;
use super::venues::{symbol_of, venue_of};
use crate::order::Owner;
use crate::types::Money;

impl World {
    /// When all must agree: the ledgers of an instrument are its broker's deals, to the last millionth. What others traded before the
    /// first look, and what a power cut made forgotten, is in none.
    pub(super) fn check_money(&mut self) {
        if self.left_watch.is_power_cut_seen || self.watch.is_foreign_seen {
            return;
        }
        for instrument in self.instruments() {
            let account = &self.terminal(venue_of(instrument)).broker.account;
            let deals = account.deals.iter().filter(|deal| deal.symbol == symbol_of(instrument));
            let amounts = deals.flat_map(|deal| [deal.profit, deal.commission, deal.swap]);
            let theirs = amounts.fold(Money::ZERO, Money::plus);
            let ledgers =
                [Owner::Us, Owner::Others].map(|owner| self.appliance.engine.ledger(instrument, owner));
            let ours = ledgers.iter().fold(Money::ZERO, |sum, ledger| sum.plus(ledger.amounts.total()));
            if ours != theirs {
                self.violate("money", || {
                    format!(
                        "expected deals of {} as the broker has them, got {}",
                        theirs.as_f64(),
                        ours.as_f64()
                    )
                });
            }
        }
    }
}
