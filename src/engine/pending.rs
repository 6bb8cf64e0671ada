//! Entries that wait at the venue for their price: how they look, when they follow the market, when they go again.
//!
//! What it is not: the wish (`decide.rs`), or what becomes of an order (`facts.rs`).
//!
//! Invariant: an entry of a kind, filling or expiration that the venue does not take is refused here, with the reason; one that
//! rests counts whole in every limit until the venue says that it is gone.

use super::decide::OrderForm;
use super::requests::{Asked, pending_refusal};
use super::setup::{EntryKind, EntryPlan};
use super::{Engine, Outputs};
use crate::order::{Order, OrderState, Terms};
use crate::risk::{Intent, Reason, Refusal};
use crate::types::{
    Filling, InstrumentSpec, NS_PER_S, OrderAction, OrderKind, Price, Qty, Quote, Side, TimeInForce, TimeNs,
};

/// `SYMBOL_EXPIRATION_MODE` bits (`facts`: time in force and expiry).
const LIFE_GTC: u8 = 1;
const LIFE_DAY: u8 = 2;
const LIFE_SPECIFIED: u8 = 4;

/// A pending order that is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PendingWish {
    /// Limit, stop or stop-limit of a side.
    pub kind: OrderKind,
    /// Volume, steps.
    pub qty: Qty,
    /// Where it is to rest, with the stops that ride with it.
    pub terms: Terms,
    /// It is gone after so long, nanoseconds; zero for never.
    pub expires_ns: i64,
}

impl Engine {
    /// Places a pending order for a strategy.
    pub fn place_pending(&mut self, at: usize, wish: &PendingWish, out: &mut Outputs) -> Asked {
        let instrument = self.strategies[at].setup.instrument;
        let Some(side) = wish.kind.side() else {
            return Asked::Refused(Refusal { reason: Reason::InstrumentOrderKind, limit: 14, got: 0 });
        };
        if !self.can_ask(instrument) {
            return Asked::Waits;
        }
        let intent = Intent { instrument, side, qty: wish.qty, price: wish.terms.price, reduces: false };
        let Some(spec) = self.spec(instrument).copied() else {
            let refusal = Refusal { reason: Reason::InstrumentUnknown, limit: 1, got: 0 };
            self.deny(at, &intent, refusal, out);
            return Asked::Refused(refusal);
        };
        let quote = *self.market.quote(instrument);
        let checked = pending_life(&spec, wish.expires_ns, self.now).and_then(|life| {
            kind_allowed(&spec, wish.kind)?;
            let misplaced = quote
                .is_two_sided()
                .then(|| pending_refusal(&spec, &quote, wish.kind, &wish.terms))
                .flatten();
            let crossed = || self.self_trade(instrument, side, worst_of(wish.kind, &wish.terms));
            misplaced.or_else(crossed).map_or(Ok(life), Err)
        });
        let approved = checked.and_then(|life| {
            let levels = [wish.terms.stop_loss, wish.terms.take_profit];
            Ok((life, self.judge_opening(&intent, levels, &quote, out)?))
        });
        match approved {
            Err(refusal) => {
                self.deny(at, &intent, refusal, out);
                Asked::Refused(refusal)
            }
            Ok((life, approved)) => {
                let form = OrderForm {
                    action: OrderAction::Pending,
                    kind: wish.kind,
                    position: 0,
                    // Whatever the execution: the rest of a pending order stays (`facts`: filling).
                    filling: Filling::Return,
                    terms: wish.terms,
                    life,
                };
                Asked::Sent(self.send(at, &approved, &form, out))
            }
        }
    }

    /// An entry that waits for its price, as the plan says.
    pub(super) fn enter_pending(&mut self, at: usize, side: Side, qty: Qty, out: &mut Outputs) {
        let plan = self.strategies[at].setup.plan;
        let instrument = self.strategies[at].setup.instrument;
        let Some(spec) = self.spec(instrument).copied() else { return };
        let quote = *self.market.quote(instrument);
        let Some(kind) = order_kind(plan.entry.kind, side) else { return };
        let levels = [plan.stop_loss_points, plan.take_profit_points];
        let terms = entry_terms(&spec, &quote, side, &plan.entry, levels);
        let wish = PendingWish { kind, qty, terms, expires_ns: plan.entry.expires_ns };
        self.place_pending(at, &wish, out);
    }

    /// Takes entries back whose signal is gone or reversed, and lets the others follow the market.
    pub(super) fn tend_pending(&mut self, at: usize, out: &mut Outputs) {
        let strategy = &self.strategies[at];
        let (instrument, entry) = (strategy.setup.instrument, strategy.setup.plan.entry);
        if entry.kind == EntryKind::Market || self.orders.open_of(instrument) == 0 {
            return;
        }
        let score = strategy.verdict.score;
        self.each_open(|engine, id| {
            let Some(order) = engine.orders.order(id).copied() else { return };
            if order.new.instrument != instrument || !waits_to_open(&order) {
                return;
            }
            if engine.strategies[at].setup.rule.has_left(score, order.new.side) {
                engine.cancel(id, out);
            } else if entry.follow_points > 0 && order.state == OrderState::Working {
                engine.follow(at, &order, out);
            }
        });
    }

    /// Nothing is known of the signal: nothing waits for it.
    pub(super) fn withdraw_pending(&mut self, at: usize, out: &mut Outputs) {
        let strategy = &self.strategies[at];
        let instrument = strategy.setup.instrument;
        if strategy.setup.plan.entry.kind != EntryKind::Market && self.orders.open_of(instrument) > 0 {
            self.cancel_where(|order| order.new.instrument == instrument && waits_to_open(order), out);
        }
    }

    /// The market went away from a resting entry: it is to rest where a new one would.
    fn follow(&mut self, at: usize, order: &Order, out: &mut Outputs) {
        let (instrument, plan) = (order.new.instrument, self.strategies[at].setup.plan);
        let quote = *self.market.quote(instrument);
        let Some(spec) = self.spec(instrument).copied().filter(|_| quote.is_two_sided()) else { return };
        if order_kind(plan.entry.kind, order.new.side) != Some(order.kind) || order.qty_filled > 0 {
            return;
        }
        let levels = [plan.stop_loss_points, plan.take_profit_points];
        let terms = entry_terms(&spec, &quote, order.new.side, &plan.entry, levels);
        let moved = terms.price.0.saturating_sub(order.terms.price.0).saturating_abs();
        if moved >= spec.points_to_ticks(plan.entry.follow_points) {
            self.modify_pending(order.new.id.raw(), terms, out);
        }
    }

    /// Whether an entry waits that no strategy tends: an earlier run placed it, under a plan by which entries rested.
    pub(super) fn is_orphan(&self, order: &Order) -> bool {
        let at = order.new.instrument.index().and_then(|index| self.strategy_of[index]);
        let is_tended = |at: u16| self.strategies[usize::from(at)].setup.plan.entry.kind != EntryKind::Market;
        waits_to_open(order) && order.new.id.epoch() != self.epoch && !at.is_some_and(is_tended)
    }

    /// Entries that waited for as long as the plan lets them: the venue's own clock may be another, or stand still.
    pub(super) fn expire_pending(&mut self, out: &mut Outputs) {
        for at in 0..self.strategies.len() {
            let setup = &self.strategies[at].setup;
            let (instrument, entry) = (setup.instrument, setup.plan.entry);
            if entry.kind == EntryKind::Market
                || entry.expires_ns == 0
                || self.orders.open_of(instrument) == 0
            {
                continue;
            }
            let now = self.now;
            let is_over = |order: &Order| {
                order.new.instrument == instrument
                    && waits_to_open(order)
                    && now.since(order.new.ts_decide) >= entry.expires_ns
            };
            self.cancel_where(is_over, out);
        }
    }
}

/// The price to which a pending order may trade.
pub(super) fn worst_of(kind: OrderKind, terms: &Terms) -> Price {
    let is_stop_limit = matches!(kind, OrderKind::BuyStopLimit | OrderKind::SellStopLimit);
    if is_stop_limit { terms.stop_limit } else { terms.price }
}

fn waits_to_open(order: &Order) -> bool {
    order.is_pending() && !order.new.reduces
}

fn order_kind(entry: EntryKind, side: Side) -> Option<OrderKind> {
    Some(match (entry, side) {
        (EntryKind::Market, _) => return None,
        (EntryKind::Limit, Side::Buy) => OrderKind::BuyLimit,
        (EntryKind::Limit, Side::Sell) => OrderKind::SellLimit,
        (EntryKind::Stop, Side::Buy) => OrderKind::BuyStop,
        (EntryKind::Stop, Side::Sell) => OrderKind::SellStop,
        (EntryKind::StopLimit, Side::Buy) => OrderKind::BuyStopLimit,
        (EntryKind::StopLimit, Side::Sell) => OrderKind::SellStopLimit,
    })
}

/// Where an entry rests at this quote: a limit on the better side of the market, a stop on the worse, its own limit behind.
fn entry_terms(
    spec: &InstrumentSpec,
    quote: &Quote,
    side: Side,
    entry: &EntryPlan,
    [stop_loss_points, take_profit_points]: [u32; 2],
) -> Terms {
    let ticks = |points: u32| spec.points_to_ticks(points.max(spec.stops_level_points));
    let market = if side == Side::Buy { quote.ask } else { quote.bid };
    let away = if entry.kind == EntryKind::Limit { -side.sign() } else { side.sign() };
    let price = market.plus(away * ticks(entry.offset_points));
    let (stop_limit, opens_at) = match entry.kind {
        EntryKind::StopLimit => {
            let limit = price.plus(-side.sign() * ticks(entry.stop_limit_offset_points).max(1));
            (limit, limit)
        }
        _ => (Price::NONE, price),
    };
    let [stop_loss, take_profit] =
        super::decide::stops(spec, opens_at, side, [stop_loss_points, take_profit_points], 0);
    Terms { price, stop_limit, stop_loss, take_profit }
}

/// Whether the venue takes a kind of order (`facts`: SYMBOL_ORDER_MODE).
pub(super) fn kind_allowed(spec: &InstrumentSpec, kind: OrderKind) -> Result<(), Refusal> {
    let bit = match kind {
        // What was never told of market orders is not taken for a no.
        OrderKind::Buy | OrderKind::Sell if spec.order_modes == 0 => return Ok(()),
        OrderKind::Buy | OrderKind::Sell => 1,
        OrderKind::BuyLimit | OrderKind::SellLimit => 2,
        OrderKind::BuyStop | OrderKind::SellStop => 4,
        OrderKind::BuyStopLimit | OrderKind::SellStopLimit => 8,
        OrderKind::CloseBy => 64,
    };
    let (limit, got) = (i64::from(bit), i64::from(spec.order_modes));
    if spec.order_modes & bit != 0 {
        Ok(())
    } else {
        Err(Refusal { reason: Reason::InstrumentOrderKind, limit, got })
    }
}

/// How long an order lives that is to be gone after a while, or never, as the venue allows it.
fn pending_life(spec: &InstrumentSpec, expires_ns: i64, now: TimeNs) -> Result<(TimeInForce, u32), Refusal> {
    let modes = spec.expiration_modes;
    if expires_ns > 0 {
        let at_s = now.plus_ns(expires_ns).plus_ns(NS_PER_S - 1).0 / NS_PER_S;
        if let (true, Ok(at_s)) = (modes & LIFE_SPECIFIED != 0, u32::try_from(at_s)) {
            return Ok((TimeInForce::Specified, at_s));
        }
    } else if modes & LIFE_GTC != 0 {
        return Ok((TimeInForce::GoodTillCancel, 0));
    } else if modes & LIFE_DAY != 0 {
        return Ok((TimeInForce::Day, 0));
    }
    let limit = if expires_ns > 0 { LIFE_SPECIFIED } else { LIFE_GTC | LIFE_DAY };
    let (limit, got) = (i64::from(limit), i64::from(modes));
    Err(Refusal { reason: Reason::InstrumentExpiration, limit, got })
}
