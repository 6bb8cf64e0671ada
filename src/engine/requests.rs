//! Requests about what is there already: cancel an order, let it rest elsewhere, move a position's stops, close two positions by
//! each other.
//!
//! What it is not: what became of them (`evidence.rs`), or orders (`decide.rs`, `pending.rs`).
//!
//! Invariant: a request has an id of its own and leaves once. While one is under way, or in doubt, no second one of its kind about
//! the same order or position is made; a cancel waits for nothing but another cancel. While a journal is read nothing is asked.

mod state;

use super::pending::{kind_allowed, worst_of};
use super::{Engine, Outputs};
use crate::order::{
    DecisionOrigin, NewRequest, Order, OrderState, PositionStops, RequestBook, RequestStage, StopBook, Terms,
};
use crate::record::{self, AUX_REVISION_SHIFT, Record};
use crate::risk::{Approved, Ask, Levels, Reason, Refusal, RequestIntent};
use crate::types::{
    Filling, InstrumentId, InstrumentSpec, MarginMode, NS_PER_MS, NS_PER_S, OrderAction, OrderId, OrderKind,
    Price, Side, TimeInForce, TimeNs,
};

/// Requests and swept reductions of one step at most: the lane keeps room for so many.
pub(super) const REQUESTS_PER_STEP_MAX: u32 = 32;
/// What was refused, or never left, is asked for again after this at the earliest.
const AGAIN_NS: i64 = 250 * NS_PER_MS;
/// What is done, and the venue does not show yet, is asked for again after this.
const DONE_AGAIN_NS: i64 = NS_PER_S;
/// A request that waited for longer on its way is not to be sent any more: it is made anew.
const VALID_NS: i64 = NS_PER_S;
/// `SYMBOL_ORDER_MODE` bits of stops (`facts`: state enums).
const MODE_STOP_LOSS: u8 = 16;
const MODE_TAKE_PROFIT: u8 = 32;

/// What became of a wish to ask for something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// It leaves, under this id.
    Sent(OrderId),
    /// Not now: something is under way, or cannot leave yet. To be wished for again.
    Waits,
    /// It stands so already, or there is nothing left of it.
    Stands,
    /// Refused, by the gate or by the venue's own rules.
    Refused(Refusal),
}

impl Asked {
    /// Whether a command left.
    pub fn is_sent(self) -> bool {
        matches!(self, Asked::Sent(_))
    }
}

/// What the engine keeps for requests and retries.
#[derive(Clone, Debug, Default)]
pub(super) struct Asking {
    pub requests: RequestBook,
    pub stops: StopBook,
    /// A journal is read: what was asked for is in it.
    pub is_recovering: bool,
    /// Requests that this step may still make.
    pub left: u32,
    pub said: super::said::Said,
    /// The next order tries this one's decision again: with the refused order and its return code.
    pub retry_of: Option<(DecisionOrigin, u64, u32)>,
}

/// What a request's command says beside what was approved.
struct Parts {
    action: OrderAction,
    kind: OrderKind,
    ticket: u64,
    positions: [u64; 2],
    terms: Terms,
    qty: i64,
    life: (TimeInForce, u32),
    revision: u32,
}

impl Engine {
    /// Every request whose fate is open, and the latest final ones.
    pub fn requests(&self) -> &RequestBook {
        &self.asking.requests
    }

    /// Where the stops of our positions stand at the venue.
    pub fn stops(&self) -> &StopBook {
        &self.asking.stops
    }

    /// Asks that an order of ours goes.
    pub fn cancel(&mut self, order_id: u64, out: &mut Outputs) -> Asked {
        let Some(order) = self.orders.order(order_id).copied() else { return self.subject_is_missing() };
        if order.state.is_final() {
            return Asked::Stands;
        }
        let at_venue = order.is_pending() || matches!(order.state, OrderState::Working | OrderState::Partial);
        let is_asked = self.asking.requests.about_order(order_id, OrderAction::Remove).is_some();
        let is_gone = order.ticket == 0 || order.end.is_some();
        if is_gone || !at_venue || is_asked || self.was_just_asked(order_id, OrderAction::Remove) {
            return Asked::Waits;
        }
        let levels = Levels { price: order.terms.price, stop_loss: order.terms.stop_loss };
        let intent = RequestIntent {
            instrument: order.new.instrument,
            ask: Ask::Cancel,
            side: order.new.side,
            from: levels,
            to: levels,
        };
        self.ask(intent, about_order(&order, OrderAction::Remove, Terms::NONE), out)
    }

    /// Asks that a pending order of ours rests elsewhere; how long it lives stays.
    pub fn modify_pending(&mut self, order_id: u64, terms: Terms, out: &mut Outputs) -> Asked {
        let Some(order) = self.orders.order(order_id).copied() else { return self.subject_is_missing() };
        let instrument = order.new.instrument;
        if order.state.is_final() || order.terms == terms {
            return Asked::Stands;
        }
        let is_asked = [OrderAction::Remove, OrderAction::Modify]
            .iter()
            .any(|action| self.asking.requests.about_order(order_id, *action).is_some());
        let is_known = order.ticket != 0 && order.end.is_none();
        let rests = is_known && order.is_pending() && order.state == OrderState::Working;
        if !rests || is_asked || self.was_just_asked(order_id, OrderAction::Modify) {
            return Asked::Waits;
        }
        // What is killed is to go, not to rest elsewhere.
        if let Some(refusal) = instrument.index().and_then(|index| self.kills.closes(index)) {
            return self.refuse_request(instrument, order.new.side, refusal, out);
        }
        let Some(spec) = self.spec(instrument).copied() else { return instrument_is_unknown() };
        let quote = *self.market.quote(instrument);
        let side = order.new.side;
        let crossed = || self.self_trade(instrument, side, worst_of(order.kind, &terms));
        if let Some(refusal) = pending_refusal(&spec, &quote, order.kind, &terms).or_else(crossed) {
            return self.refuse_request(instrument, side, refusal, out);
        }
        let levels = |terms: &Terms| Levels { price: terms.price, stop_loss: terms.stop_loss };
        let intent = RequestIntent {
            instrument,
            ask: Ask::Modify,
            side: order.new.side,
            from: levels(&order.terms),
            to: levels(&terms),
        };
        self.ask(intent, about_order(&order, OrderAction::Modify, terms), out)
    }

    /// Asks that a position's stops stand elsewhere; `Price::NONE` takes a stop away. `position` is its identifier or ticket, or
    /// zero on a netting account.
    pub fn request_stops(
        &mut self,
        instrument: InstrumentId,
        position: u64,
        stop_loss: Price,
        take_profit: Price,
        out: &mut Outputs,
    ) -> Asked {
        let Some(stops) = self.position_stops(instrument, position) else { return self.subject_is_missing() };
        let Some(side) = self.position_side(&stops) else { return self.subject_is_missing() };
        if (stops.stop_loss, stops.take_profit) == (stop_loss, take_profit) {
            return Asked::Stands;
        }
        let is_asked = self.asking.requests.about_position(instrument, self.named(&stops)).is_some();
        if is_asked || self.is_too_soon(stops.ts_refused) {
            return Asked::Waits;
        }
        let Some(spec) = self.spec(instrument).copied() else { return instrument_is_unknown() };
        let terms = Terms::stops(stop_loss, take_profit);
        let quote = *self.market.quote(instrument);
        let market = if side == Side::Buy { quote.bid } else { quote.ask };
        let moved = Terms::stops(
            if stop_loss == stops.stop_loss { Price::NONE } else { stop_loss },
            if take_profit == stops.take_profit { Price::NONE } else { take_profit },
        );
        if let Some(refusal) = stops_refusal(&spec, market, side, &moved) {
            return self.refuse_request(instrument, side, refusal, out);
        }
        let level = |stop_loss| Levels { price: Price::NONE, stop_loss };
        let intent = RequestIntent {
            instrument,
            ask: Ask::Stops,
            side,
            from: level(stops.stop_loss),
            to: level(stop_loss),
        };
        let parts = Parts {
            action: OrderAction::StopLevels,
            kind: OrderKind::market(side),
            ticket: 0,
            positions: [stops.ticket, 0],
            terms,
            qty: 0,
            life: (TimeInForce::GoodTillCancel, 0),
            revision: stops.revision + 1,
        };
        self.ask(intent, parts, out)
    }

    /// Asks that two opposite positions of a hedging account close each other, by the volume that both have.
    pub fn close_by(
        &mut self,
        instrument: InstrumentId,
        [position, position_by]: [u64; 2],
        out: &mut Outputs,
    ) -> Asked {
        if !self.is_hedging(instrument) {
            let refusal = Refusal { reason: Reason::AccountNetting, limit: 2, got: 0 };
            return self.refuse_request(instrument, Side::Buy, refusal, out);
        }
        // What was never told is not taken for a no.
        let spec = self.spec(instrument).filter(|spec| spec.order_modes != 0);
        if let Some(Err(refusal)) = spec.map(|spec| kind_allowed(spec, OrderKind::CloseBy)) {
            return self.refuse_request(instrument, Side::Buy, refusal, out);
        }
        let both = [position, position_by].map(|position| self.position_stops(instrument, position));
        let [Some(first), Some(second)] = both else { return self.subject_is_missing() };
        let held = |stops: &PositionStops| self.position_qty(stops);
        let (qty, other) = (held(&first), held(&second));
        if qty == 0 || qty.signum() != -other.signum() {
            return self.subject_is_missing();
        }
        let is_busy = |stops: &PositionStops| {
            self.orders.closing(instrument, stops.identifier) > 0
                || self.asking.requests.about_position(instrument, stops.ticket).is_some()
                || self.is_too_soon(stops.ts_refused)
        };
        if is_busy(&first) || is_busy(&second) {
            return Asked::Waits;
        }
        let side = if qty > 0 { Side::Buy } else { Side::Sell };
        let levels = Levels { price: Price::NONE, stop_loss: Price::NONE };
        let intent = RequestIntent { instrument, ask: Ask::CloseBy, side, from: levels, to: levels };
        let parts = Parts {
            action: OrderAction::CloseBy,
            kind: OrderKind::CloseBy,
            ticket: 0,
            positions: [first.ticket, second.ticket],
            terms: Terms::NONE,
            qty: qty.abs().min(other.abs()),
            life: (TimeInForce::GoodTillCancel, 0),
            revision: first.revision.max(second.revision) + 1,
        };
        self.ask(intent, parts, out)
    }

    pub(super) fn is_hedging(&self, instrument: InstrumentId) -> bool {
        let venue = self.venues.get(usize::from(self.venue_of(instrument).0));
        venue.is_some_and(|venue| venue.margin_mode == MarginMode::Hedging)
    }

    /// The ticket by which requests about a position are told apart; zero where an instrument has one position.
    fn named(&self, stops: &PositionStops) -> u64 {
        if self.is_hedging(stops.instrument) { stops.ticket } else { 0 }
    }

    fn position_stops(&self, instrument: InstrumentId, position: u64) -> Option<PositionStops> {
        let is_named = position != 0 || !self.is_hedging(instrument);
        self.asking.stops.of(instrument, position).copied().filter(|_| is_named)
    }

    fn position_qty(&self, stops: &PositionStops) -> i64 {
        let mut tickets = self.positions.tickets(stops.instrument);
        tickets.find(|(identifier, _)| *identifier == stops.identifier).map_or(0, |(_, qty)| qty)
    }

    fn position_side(&self, stops: &PositionStops) -> Option<Side> {
        match self.position_qty(stops) {
            0 => None,
            qty => Some(if qty > 0 { Side::Buy } else { Side::Sell }),
        }
    }

    /// Whether the last such request about an order ended so lately that the venue's own word about the order may be on its way.
    fn was_just_asked(&self, order: u64, action: OrderAction) -> bool {
        let last = self.asking.requests.last_about_order(order, action);
        let shown = self.orders.order(order).map(|order| order.terms);
        last.filter(|request| request.stage != RequestStage::Done || shown != Some(request.new.asked))
            .is_some_and(|request| {
                let wait_ns = if request.stage == RequestStage::Done { DONE_AGAIN_NS } else { AGAIN_NS };
                self.now.since(request.ts_stage) < wait_ns
            })
    }

    fn is_too_soon(&self, ts_refused: TimeNs) -> bool {
        ts_refused != TimeNs::NEVER && self.now.since(ts_refused) < AGAIN_NS
    }

    /// Whether anything may leave for an instrument's venue in this step.
    pub(super) fn can_ask(&self, instrument: InstrumentId) -> bool {
        let venue = self.venues.get(usize::from(self.venue_of(instrument).0));
        !self.asking.is_recovering
            && self.asking.left > 0
            && self.asking.requests.has_room()
            && venue.is_some_and(|venue| venue.can_query())
    }

    fn ask(&mut self, intent: RequestIntent, parts: Parts, out: &mut Outputs) -> Asked {
        if !self.can_ask(intent.instrument) {
            return Asked::Waits;
        }
        let quote = *self.market.quote(intent.instrument);
        match self.judge_request(intent, &quote) {
            Err(refusal) => self.refuse_request(intent.instrument, intent.side, refusal, out),
            Ok(approved) => self.send_request(&approved, &parts, out),
        }
    }

    fn send_request(
        &mut self,
        approved: &Approved<RequestIntent>,
        parts: &Parts,
        out: &mut Outputs,
    ) -> Asked {
        let id = self.next_id();
        let instrument = approved.intent().instrument;
        let command = record::Command {
            order_id: id.raw(),
            ticket: parts.ticket,
            position: parts.positions[0],
            position_by: parts.positions[1],
            price: parts.terms.price.0,
            stop_limit: parts.terms.stop_limit.0,
            stop_loss: parts.terms.stop_loss.0,
            take_profit: parts.terms.take_profit.0,
            qty: parts.qty,
            ts_deadline: approved.ts_approved().plus_ns(VALID_NS).0,
            expiration_s: parts.life.1,
            deviation_points: 0,
            action: parts.action.code(),
            order_kind: parts.kind.code(),
            filling: Filling::Return.code(),
            time_in_force: parts.life.0.code(),
            score_e4: 0,
        };
        let venue = self.venue_of(instrument);
        let record = Record::new(record::Origin::Engine, self.now, venue, instrument, &command)
            .with_aux(parts.revision << AUX_REVISION_SHIFT);
        self.remember_request(&record, &command);
        self.asking.left -= 1;
        out.push(record);
        self.spend_request(venue, out);
        Asked::Sent(id)
    }

    /// Takes a command as a request of ours, from the gate or from the journal; `false` when it is an order.
    pub(super) fn remember_request(&mut self, record: &Record, command: &record::Command) -> bool {
        let (Ok(id), Some(action)) =
            (OrderId::from_raw(command.order_id), OrderAction::from_code(command.action))
        else {
            return false;
        };
        if matches!(action, OrderAction::Deal | OrderAction::Pending) {
            return false;
        }
        if id.epoch() == self.epoch {
            self.sequence = self.sequence.max(id.sequence());
        }
        let (instrument, revision) = (record.instrument(), record.aux() >> AUX_REVISION_SHIFT);
        let is_subject = |order: &&Order| {
            command.ticket != 0 && order.ticket == command.ticket && order.new.instrument == instrument
        };
        let order = self.orders.open().find(is_subject).map_or(0, |order| order.new.id.raw());
        self.orders.asked(order, revision);
        for position in [command.position, command.position_by].into_iter().filter(|ticket| *ticket != 0) {
            if let Some(stops) = self.asking.stops.of_mut(instrument, position) {
                stops.revision = stops.revision.max(revision);
            }
        }
        self.asking.requests.insert(NewRequest {
            id,
            action,
            instrument,
            order,
            ticket: command.ticket,
            position: command.position,
            position_by: command.position_by,
            kind: OrderKind::from_code(command.order_kind).unwrap_or(OrderKind::CloseBy),
            asked: Terms {
                price: Price(command.price),
                stop_limit: Price(command.stop_limit),
                stop_loss: Price(command.stop_loss),
                take_profit: Price(command.take_profit),
            },
            qty: command.qty,
            revision,
            ts_decide: record.ts(),
        });
        self.exits_asked(command, record);
        true
    }

    /// Counts a refusal, and journals it unless it was just said.
    pub(super) fn refuse_request(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        refusal: Refusal,
        out: &mut Outputs,
    ) -> Asked {
        if self.asking.is_recovering {
            return Asked::Waits;
        }
        self.counts.deny(refusal.reason);
        if self.is_news(refusal.reason, instrument) {
            let denied = record::Denied {
                reason: refusal.reason as u32,
                side: side as u8,
                opening: 0,
                reserved: [0; 2],
                qty: 0,
                price: Price::NONE.0,
                limit: refusal.limit,
                got: refusal.got,
            };
            self.emit(self.venue_of(instrument), instrument, &denied, out);
        }
        Asked::Refused(refusal)
    }
}

fn instrument_is_unknown() -> Asked {
    Asked::Refused(Refusal { reason: Reason::InstrumentUnknown, limit: 1, got: 0 })
}

fn about_order(order: &Order, action: OrderAction, terms: Terms) -> Parts {
    let is_modify = action == OrderAction::Modify;
    Parts {
        action,
        kind: order.kind,
        ticket: order.ticket,
        positions: [0; 2],
        terms,
        qty: if is_modify { order.remaining() } else { 0 },
        life: if is_modify { order.life } else { (TimeInForce::GoodTillCancel, 0) },
        revision: order.revision + 1,
    }
}

/// Where the venue does not let stops of a side stand that is worth `market` now (`facts`: checks before a send).
pub(super) fn stops_refusal(
    spec: &InstrumentSpec,
    market: Price,
    side: Side,
    terms: &Terms,
) -> Option<Refusal> {
    let least = spec.points_to_ticks(spec.stops_level_points).max(1);
    for (level, sign, bit) in
        [(terms.stop_loss, -1, MODE_STOP_LOSS), (terms.take_profit, 1, MODE_TAKE_PROFIT)]
    {
        if !level.is_some() {
            continue;
        }
        if spec.order_modes != 0 && spec.order_modes & bit == 0 {
            let got = i64::from(spec.order_modes);
            return Some(Refusal { reason: Reason::InstrumentOrderKind, limit: i64::from(bit), got });
        }
        let away = level.0.saturating_sub(market.0).saturating_mul(sign * side.sign());
        if market.is_some() && away < least {
            return Some(Refusal { reason: Reason::PriceLevel, limit: least, got: away });
        }
    }
    None
}

/// Where the venue does not let a pending order rest (`facts`: checks before a send).
pub(super) fn pending_refusal(
    spec: &InstrumentSpec,
    quote: &crate::types::Quote,
    kind: OrderKind,
    terms: &Terms,
) -> Option<Refusal> {
    let side = kind.side()?;
    let least = spec.points_to_ticks(spec.stops_level_points);
    let market = if side == Side::Buy { quote.ask } else { quote.bid };
    let level = |got: i64, least: i64| Some(Refusal { reason: Reason::PriceLevel, limit: least, got });
    if !terms.price.is_some() || !market.is_some() {
        return level(0, least);
    }
    // A limit waits on the better side of the market, a stop on the worse.
    let is_limit = matches!(kind, OrderKind::BuyLimit | OrderKind::SellLimit);
    let worse = (terms.price.0 - market.0) * side.sign();
    let away = if is_limit { -worse } else { worse };
    if away < least {
        return level(away, least);
    }
    let is_stop_limit = matches!(kind, OrderKind::BuyStopLimit | OrderKind::SellStopLimit);
    if !is_stop_limit {
        return stops_refusal(spec, terms.price, side, terms);
    }
    let better = terms.price.0.saturating_sub(terms.stop_limit.0).saturating_mul(side.sign());
    if !terms.stop_limit.is_some() || better < least.max(1) {
        return level(better, least.max(1));
    }
    stops_refusal(spec, terms.stop_limit, side, terms)
}
