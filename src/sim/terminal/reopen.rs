//! A swap that opens positions again: the ticket is another one, the identifier stays.
//!
//! What it is not: the swap itself (`triggers.rs`), which may be booked without this.
//!
//! Invariant: nothing but the ticket changes, and it is told as a change of the position that no deal made (`facts`: positions).

use super::broker::Broker;
use super::report;

impl Broker {
    /// Opens one of a hedging account's positions again.
    pub(in crate::sim) fn reopen(&mut self, draw: u64) {
        let count = self.account.positions.len() as u64;
        if !self.account.is_hedging() || count == 0 {
            return;
        }
        let ticket = self.account.ticket();
        let position = &mut self.account.positions[(draw % count) as usize];
        position.ticket = ticket;
        let wire = report::position_transaction(position, &self.symbols[position.symbol]);
        self.batch.push(wire);
        self.report();
    }
}
