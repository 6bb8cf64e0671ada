//! What happens because time passed.
//!
//! What it is not: a clock; time is the newest input's.
//!
//! Invariant: timers run at most once every [`EVERY_NS`] of input time, so their cost does not grow with the tick rate. However far
//! two runs lie apart, what is due once a period is told once for it.

use super::{AlertCode, Engine, Outputs};
use crate::order::{Fact, Order, OrderState, Verdict};
use crate::types::{NS_PER_MS, NS_PER_S, TimeNs};

/// Granularity of all time-outs.
const EVERY_NS: i64 = 10 * NS_PER_MS;
/// A fill that an order's end named is asked for when it is so late.
const FILL_LATE_NS: i64 = NS_PER_S;

impl Engine {
    pub(super) fn on_timers(&mut self, out: &mut Outputs) {
        let before = self.timer_due.plus_ns(-EVERY_NS);
        self.timer_due = self.now.plus_ns(EVERY_NS);
        if self.orders.open_count() > 0 {
            self.each_open(|engine, id| engine.order_timer(id, before, out));
        }
        if self.next_query_due() <= self.now || self.venues.iter().any(|venue| venue.query != 0) {
            for venue_index in 0..self.venues.len() {
                self.ask_if_due(venue_index, out);
            }
        }
        self.request_timers(before, out);
        self.exit_timers(out);
        self.sweep_openings(out);
        self.expire_pending(out);
        self.account_timers();
        self.sweep_news(out);
        self.breaker_timers(out);
        self.history_timers(out);
    }

    /// Whether a period of what began at `since` ended between the last run of the timers and this one.
    pub(super) fn period_ended(&self, since: TimeNs, period_ns: i64, before: TimeNs) -> bool {
        let ended = |now: TimeNs| now.since(since).max(0).checked_div(period_ns).unwrap_or(0);
        ended(self.now) > ended(before)
    }

    /// `before` is when the timers ran last.
    fn order_timer(&mut self, id: u64, before: TimeNs, out: &mut Outputs) {
        let Some(order) = self.orders.order(id).copied() else { return };
        if self.is_orphan(&order) {
            self.cancel(id, out);
        }
        self.look_for_fills(&order);
        let limits = self.gate.limits();
        match order.state {
            // A fill that an end named and nobody told of is a doubt like another.
            state
                if (order.end.is_some() && state != OrderState::Unknown
                    || matches!(state, OrderState::Sent | OrderState::Acked))
                    && self.now.since(order.ts_state) > limits.unknown_after_ns =>
            {
                let change = self.orders.learn(id, Fact::Doubt, Verdict::Timer, self.now);
                self.changed(change, out);
            }
            OrderState::Unknown if self.period_ended(order.ts_unknown, limits.page_after_ns, before) => {
                let at = (self.venue_of(order.new.instrument), order.new.instrument);
                self.alert(AlertCode::UnknownOverdue, at, id, order.qty_filled, order.new.qty.0, out);
            }
            _ => {}
        }
    }

    /// Asks once for fills that an order's end named and that are late. Mostly they come right behind it, and nothing is asked.
    fn look_for_fills(&mut self, order: &Order) {
        if order.end.is_none() || order.state == OrderState::Unknown {
            return;
        }
        let late = order.ts_state.plus_ns(FILL_LATE_NS);
        let venue_index = usize::from(self.venue_of(order.new.instrument).0);
        if let Some(venue) = self.venues.get_mut(venue_index)
            && late <= self.now
            && venue.query_asked < late
        {
            venue.query_due = venue.query_due.min(self.now);
        }
    }
}
