//! Orders in doubt, and the snapshots that know nothing of them.
//!
//! What it is not: the judgement of a link's health, or of what the venue answered for; whoever counts a snapshot has judged that.
//!
//! Invariant: two snapshots that count lie at least [`ABSENT_APART_NS`] of witnessed time apart, and so does the first from the doubt.

use super::OrderBook;
use crate::types::{NS_PER_S, TimeNs};

/// Between a doubt and the snapshots that may end it lies at least so much witnessed time.
pub(super) const ABSENT_APART_NS: i64 = NS_PER_S;

impl OrderBook {
    /// Notes that a snapshot knows the order.
    pub fn seen_in_snapshot(&mut self, id: u64, query_id: u64) {
        if let Some(order) = self.orders.get_mut(&id) {
            order.seen_in = query_id;
            order.absent_reads = 0;
        }
    }

    /// Notes the witnessed time at which an order came into doubt.
    pub fn doubted(&mut self, id: u64, witnessed: TimeNs) {
        if let Some(order) = self.orders.get_mut(&id) {
            (order.absent_reads, order.witnessed) = (0, witnessed);
        }
    }

    /// Counts a complete snapshot, asked for at `asked` on a healthy link, that does not know the order; the count so far.
    ///
    /// A snapshot that was asked for too soon after the doubt, or after the last one that counted, proves nothing new: a
    /// request may still be on its way to the server, and one that was handed over may wait there for `patience_ns`. "Soon" is
    /// witnessed time: a clock that leaps forward proves nothing.
    pub fn absent_in_snapshot(&mut self, id: u64, query_id: u64, asked: TimeNs, patience_ns: i64) -> u32 {
        match self.orders.get_mut(&id) {
            Some(order) if order.seen_in != query_id => {
                let is_known = order.witnessed != TimeNs::NEVER;
                let is_first = order.is_handed_over && order.absent_reads == 0;
                let apart_ns = if is_first { patience_ns.max(ABSENT_APART_NS) } else { ABSENT_APART_NS };
                if is_known && asked.since(order.witnessed) >= apart_ns {
                    order.absent_reads += 1;
                    order.witnessed = asked;
                }
                order.absent_reads
            }
            _ => 0,
        }
    }
}
