//! Trying again what the venue refused for its price: a new order, at a fresh price, within the decision's own deadline.
//!
//! What it is not: a second sending. The first order is proven not executed, and keeps its id and its end.
//!
//! Invariant: only a return code that allows it is tried again, at most so many times as the plan says, through the gate; the
//! record before the command names the order of the decision.

use super::decide::{OrderForm, filling, spread_of, stops, wish};
use super::{Engine, Outputs};
use crate::order::{DecisionOrigin, Order, OrderState, RetcodeClass, classify};
use crate::record;
use crate::types::{OrderAction, OrderKind, Price, Quote, Side, TimeInForce};

impl Engine {
    /// Tries an order again that this answer refused.
    pub(super) fn retry(&mut self, result: &record::CommandResult, out: &mut Outputs) {
        let allowed = classify(result.retcode) == RetcodeClass::Fresh;
        let Some(order) = self.orders.order(result.order_id).copied() else { return };
        let at = order.new.instrument.index().and_then(|index| self.strategy_of[index]);
        let Some(at) = at.map(usize::from).filter(|_| allowed) else { return };
        let plan = self.strategies[at].setup.plan;
        let is_late = self.now.since(order.origin.ts_decide) >= plan.decision_budget_ns;
        if self.asking.is_recovering
            || order.state != OrderState::Rejected
            || order.kind != OrderKind::market(order.new.side)
            || order.origin.attempt >= plan.entry.retries_max
            || is_late
        {
            return;
        }
        let Some(quote) = self.fresh_quote(&order, result) else { return };
        self.asking.retry_of = Some((order.origin.again(), order.new.id.raw(), result.retcode));
        if order.new.reduces {
            self.reduce(at, order.new.qty.0, order.new.position, out);
        } else {
            self.enter_again(at, &order, &quote, out);
        }
        // Nothing left: what comes next is no retry.
        self.asking.retry_of = None;
    }

    /// What a journal says of a retry.
    pub(super) fn origin_of(&self, retry: &record::Retry) -> Option<(DecisionOrigin, u64, u32)> {
        let refused = self.orders.order(retry.refused_id)?;
        Some((refused.origin.again(), retry.refused_id, retry.retcode))
    }

    /// A quote that came after the decision, or the one that the refusal names.
    fn fresh_quote(&self, order: &Order, result: &record::CommandResult) -> Option<Quote> {
        let quote = *self.market.quote(order.new.instrument);
        if quote.ts_recv > order.new.ts_decide {
            return Some(quote);
        }
        let named = result.bid > 0 && result.ask >= result.bid;
        named.then_some(Quote { bid: Price(result.bid), ask: Price(result.ask), ts_recv: self.now, ..quote })
    }

    fn enter_again(&mut self, at: usize, order: &Order, quote: &Quote, out: &mut Outputs) {
        let (instrument, side) = (order.new.instrument, order.new.side);
        let plan = self.strategies[at].setup.plan;
        let Some(spec) = self.spec(instrument).copied() else { return };
        let Some(filling) = filling(&spec) else { return };
        // What holds a first order back holds a retry; only what it repeats is itself, and not executed.
        let qty = match self.canary_qty(at, &spec, order.new.qty) {
            Ok(qty) => qty.0,
            Err(refusal) => return self.deny(at, &wish(instrument, side, 0, quote, false), refusal, out),
        };
        let intent = wish(instrument, side, qty, quote, false);
        if let Some(refusal) = self.held_by_venue(instrument) {
            return self.deny(at, &intent, refusal, out);
        }
        self.renew_room();
        // Whoever named the price: it is held against the market that we see.
        let market = *self.market.quote(instrument);
        if let Some(refusal) = self.self_trade_at_market(&intent, &spec, plan.deviation_points) {
            return self.deny(at, &intent, refusal, out);
        }
        let points = [plan.stop_loss_points, plan.take_profit_points];
        let levels = stops(&spec, intent.price, side, points, spread_of(&market));
        let judged = self.within_bounds(&intent, levels, &market);
        match judged.and_then(|()| self.gate.check(intent, &market, self.orders.open_count(), self.now)) {
            Err(refusal) => self.deny(at, &intent, refusal, out),
            Ok(approved) => {
                let form = OrderForm::deal(side, 0, filling, levels);
                self.send(at, &approved, &form, out);
            }
        }
    }
}

impl OrderForm {
    /// Trades at the market.
    pub(super) fn deal(
        side: Side,
        position: u64,
        filling: crate::types::Filling,
        [stop_loss, take_profit]: [Price; 2],
    ) -> OrderForm {
        OrderForm {
            action: OrderAction::Deal,
            kind: OrderKind::market(side),
            position,
            filling,
            terms: crate::order::Terms::stops(stop_loss, take_profit),
            life: (TimeInForce::GoodTillCancel, 0),
        }
    }
}
