//! Deals that trade nothing: deposits and withdrawals, corrections, costs, interest; and what every deal explains of the balance.
//!
//! What it is not: the reckoning (`loss/flows.rs`).
//!
//! Invariant: a deal explains once, however often it is told, and none that a first snapshot tells from before.

use super::external::amounts_of;
use super::loss::{AccountWord, Entry};
use super::{AlertCode, Engine, Outputs};
use crate::order::DealOutcome;
use crate::record::{Account, DealEvent, FLAG_SNAPSHOT, Record};
use crate::types::{Money, NS_PER_S, TimeNs};

impl Engine {
    /// The account's word to the watch over losses; one that cannot be explained makes the venue be asked.
    pub(super) fn watch_account(&mut self, input: &Record, account: &Account) {
        let now = self.now;
        let Some(venue) = self.venues.get_mut(usize::from(input.venue().0)) else { return };
        let server_ns = input.ts().plus_ns(i64::from(venue.server_offset_s) * NS_PER_S).0;
        let word = AccountWord {
            venue: input.venue(),
            balance: Money(account.balance),
            equity: Money(account.equity),
            credit: Money(account.credit),
            day: self.gate.limits().day_of_ns(server_ns),
            is_begun: venue.baseline_taken,
        };
        let waited = self.loss.closed_by_flow().is_some();
        self.loss.account(&word, now);
        if !waited && self.loss.closed_by_flow().is_some() {
            venue.look_again(now);
        }
    }

    /// What a deal that was not counted before is to the balance.
    pub(super) fn explain(&mut self, input: &Record, entry: Entry, amount: Money, made: TimeNs) {
        if input.flags() & FLAG_SNAPSHOT == 0 || !self.is_before_baseline(input.venue(), made) {
            self.loss.deal(entry, amount, self.now);
        }
    }

    /// A deal that trades nothing.
    pub(super) fn on_balance_deal(&mut self, input: &Record, deal: &DealEvent, out: &mut Outputs) {
        let ts = TimeNs(deal.ts_venue);
        let is_past = input.flags() & FLAG_SNAPSHOT != 0;
        if !self.loss.tells_flows() || is_past && ts <= self.orders.deals_forgotten_until(input.venue()) {
            return;
        }
        let amount = amounts_of(deal).total();
        let at = (input.venue(), input.instrument());
        match self.orders.deal(at.0, &self.as_told(deal, 0), self.now) {
            DealOutcome::Repeated => self.counts.deals_repeated += 1,
            DealOutcome::Amended => self.met_amended(at, deal, out),
            DealOutcome::OfOtherNumbers => self.met_other_numbers(at, deal, out),
            DealOutcome::Foreign | DealOutcome::Ours(_) => {
                let entry = Entry::of(deal.deal_type);
                self.explain(input, entry, amount, ts);
                if entry == Entry::Flow {
                    self.alert(AlertCode::MoneyMoved, at, deal.deal, amount.0, 0, out);
                }
            }
        }
    }
}
