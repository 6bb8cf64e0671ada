//! Ticks: quote, features, model, signal, gate, command.
//!
//! What it is not: it learns nothing of orders; `facts.rs` does.
//!
//! Invariant: at most one opening order of an instrument is under way; a reduction is never larger than what our fills say
//! there is.

use super::author::Author;
use super::pending::kind_allowed;
use super::requests::Asked;
use super::setup::EntryKind;
use super::{Engine, Hold, Outputs, StrategySetup};
use crate::order::{NewOrder, Terms};
use crate::record::{self, AUX_REDUCES, FLAG_REFILL, Record};
use crate::risk::{Approved, Intent, Reason, Refusal};
use crate::signal::{Signal, State};
use crate::types::{
    Execution, Filling, InstrumentId, InstrumentSpec, NS_PER_S, OrderAction, OrderId, OrderKind, Price, Qty,
    Quote, Side, TimeInForce, TimeNs,
};

/// A refusal that repeats is journalled this often.
const DENIED_AGAIN_NS: i64 = NS_PER_S;

impl Engine {
    #[inline]
    pub(super) fn on_tick(&mut self, input: &Record, out: &mut Outputs) {
        let Some(tick) = input.payload::<record::Tick>() else { return };
        if input.flags() & FLAG_REFILL != 0 {
            return self.on_past_tick(input, &tick);
        }
        self.take_quote(input, &tick, out);
        let instrument = input.instrument();
        let is_learnt = self.learn_tick(instrument, &tick);
        let Some(at) = instrument.index().and_then(|index| self.strategy_of[index]) else { return };
        self.run_exits(usize::from(at), out);
        let strategy = &mut self.strategies[usize::from(at)];
        strategy.ticks_since += 1;
        let StrategySetup { features, models, evaluate_every_ticks, .. } = &mut strategy.setup;
        models.update(features.values(), features.changed());
        features.clear_changed();
        if strategy.ticks_since < *evaluate_every_ticks {
            return;
        }
        let hold = if is_learnt { self.hold(usize::from(at)) } else { Some(Hold::Unready) };
        if let Some(hold) = hold {
            self.counts.hold(hold);
            return self.withdraw_pending(usize::from(at), out);
        }
        let strategy = &mut self.strategies[usize::from(at)];
        (strategy.ticks_since, strategy.was_ready) = (0, true);
        strategy.verdict = strategy.setup.models.evaluate();
        self.counts.decisions += 1;
        self.decided = Some(at);
        self.act(usize::from(at), out);
    }

    /// The quote and what floats with it; recovery needs no more of a tick than this.
    #[inline]
    pub(super) fn take_quote(&mut self, input: &Record, tick: &record::Tick, out: &mut Outputs) {
        let instrument = input.instrument();
        let quote = Quote {
            bid: Price(tick.bid),
            ask: Price(tick.ask),
            last: Price(tick.last),
            ts_venue: TimeNs(tick.ts_venue),
            ts_recv: input.ts(),
        };
        self.watch_quote(instrument, &quote);
        self.market.apply(instrument, quote);
        self.gate.on_quote(instrument, &quote);
        self.exits.quote(instrument, &quote);
        self.note_venue_time(quote.ts_venue, input.ts());
        self.compare_clocks(quote.ts_venue, input.ts());
        self.counts.ticks += 1;
        self.counts.coalesced += u64::from(input.aux());
        self.float(instrument, &quote, out);
    }

    fn float(&mut self, instrument: InstrumentId, quote: &Quote, out: &mut Outputs) {
        let position = self.positions.net(instrument);
        let Some(index) = instrument.index() else { return };
        if position.qty == 0 || !quote.is_two_sided() {
            return;
        }
        let Some(spec) = &self.specs[index] else { return };
        let price = if position.qty > 0 { quote.bid } else { quote.ask };
        self.loss.float(index, spec.value_of(position.open_move(price.0), Qty(1)));
        self.judge_reckoning(out);
    }

    fn act(&mut self, at: usize, out: &mut Outputs) {
        let context = self.context(at);
        let strategy = &mut self.strategies[at];
        let instrument = strategy.setup.instrument;
        let position = self.positions.net(instrument).qty;
        let quote = *self.market.quote(instrument);
        let state = State { position: position.signum(), quote, now: self.now };
        let signal = strategy.setup.rule.decide_in(strategy.verdict.score, &state, &context);
        self.tend_pending(at, out);
        match signal {
            Signal::None => {}
            Signal::Exit => self.exit(at, out),
            Signal::Enter(side) if position != 0 && position.signum() != side.sign() => {
                self.exit(at, out);
            }
            Signal::Enter(side) => self.enter(at, side, &quote, out),
        }
    }

    fn enter(&mut self, at: usize, side: Side, quote: &Quote, out: &mut Outputs) {
        if self.orders.open_of(self.strategies[at].setup.instrument) > 0 {
            self.counts.waits_in_flight += 1;
            return;
        }
        self.open(at, side, quote, out);
    }

    /// Sizes an opening and lets it pass every control, or says why not.
    pub(super) fn open(&mut self, at: usize, side: Side, quote: &Quote, out: &mut Outputs) {
        let strategy = &self.strategies[at];
        let (instrument, plan) = (strategy.setup.instrument, strategy.setup.plan);
        let Some(spec) = self.spec(instrument).copied() else {
            let refusal = Refusal { reason: Reason::InstrumentUnknown, limit: 1, got: 0 };
            return self.deny(at, &wish(instrument, side, 0, quote, false), refusal, out);
        };
        self.renew_room();
        let sized = self.size(at, side, &spec);
        let qty = match sized.and_then(|qty| self.canary_qty(at, &spec, qty)) {
            Ok(qty) => qty.0,
            Err(refusal) => return self.deny(at, &wish(instrument, side, 0, quote, false), refusal, out),
        };
        let intent = wish(instrument, side, qty, quote, false);
        if let Some(refusal) = self.held_back(&intent) {
            return self.deny(at, &intent, refusal, out);
        }
        if plan.entry.kind != EntryKind::Market {
            return self.enter_pending(at, side, intent.qty, out);
        }
        if let Err(refusal) = kind_allowed(&spec, OrderKind::market(side)) {
            return self.deny(at, &intent, refusal, out);
        }
        let Some(filling) = filling(&spec) else {
            let refusal =
                Refusal { reason: Reason::InstrumentFilling, limit: 3, got: i64::from(spec.filling_modes) };
            return self.deny(at, &intent, refusal, out);
        };
        if let Some(refusal) = self.self_trade_at_market(&intent, &spec, plan.deviation_points) {
            return self.deny(at, &intent, refusal, out);
        }
        let points = [plan.stop_loss_points, plan.take_profit_points];
        let levels = stops(&spec, intent.price, side, points, spread_of(quote));
        match self.judge_opening(&intent, levels, quote, out) {
            Err(refusal) => self.deny(at, &intent, refusal, out),
            Ok(approved) => {
                self.watch_budget(instrument, out);
                let form = OrderForm::deal(side, 0, filling, levels);
                self.send(at, &approved, &form, out);
            }
        }
    }

    pub(super) fn send(
        &mut self,
        at: usize,
        approved: &Approved,
        form: &OrderForm,
        out: &mut Outputs,
    ) -> OrderId {
        let author = self.author(Some(at));
        self.send_by(&author, approved, form, out)
    }

    pub(super) fn send_by(
        &mut self,
        author: &Author,
        approved: &Approved,
        form: &OrderForm,
        out: &mut Outputs,
    ) -> OrderId {
        let id = self.next_id();
        let intent = *approved.intent();
        let ts_decide = self.asking.retry_of.map_or(approved.ts_approved(), |(origin, ..)| origin.ts_decide);
        let command = record::Command {
            order_id: id.raw(),
            ticket: 0,
            position: form.position,
            position_by: 0,
            price: intent.price.0,
            stop_limit: form.terms.stop_limit.0,
            stop_loss: form.terms.stop_loss.0,
            take_profit: form.terms.take_profit.0,
            qty: intent.qty.0,
            ts_deadline: ts_decide.plus_ns(author.budget_ns).0,
            expiration_s: form.life.1,
            deviation_points: author.deviation_points,
            action: form.action.code(),
            order_kind: form.kind.code(),
            filling: form.filling.code(),
            time_in_force: form.life.0.code(),
            score_e4: (author.verdict.score.clamp(0.0, 400_000.0) * 10_000.0) as u32,
        };
        let venue = self.venue_of(intent.instrument);
        let agreement = &author.verdict.agreement;
        let decision = record::Decision {
            order_id: id.raw(),
            score_bits: author.verdict.score.to_bits(),
            revision: author.revision,
            long_count: agreement.long_count,
            short_count: agreement.short_count,
            member_count: agreement.member_count,
            reserved: [0; 5],
            digests: author.digests,
        };
        self.emit(venue, intent.instrument, &decision, out);
        if let Some((origin, refused_id, retcode)) = self.asking.retry_of {
            let (order_id, first_id, attempt) = (id.raw(), origin.first, origin.attempt);
            let retry = record::Retry { order_id, first_id, refused_id, retcode, attempt };
            self.emit(venue, intent.instrument, &retry, out);
        }
        self.exposure.canary.decided(&decision.digests);
        // The header's `aux` tells recovery what the bytes of the command do not: that this one reduces.
        let record = Record::new(record::Origin::Engine, self.now, venue, intent.instrument, &command)
            .with_aux(u32::from(intent.reduces));
        let is_last = self.remember_command(&record, &command);
        self.counts.orders += 1;
        out.push(record);
        self.spend(venue, out);
        if is_last {
            self.tell_disabled(intent.instrument, out);
        }
        if !intent.reduces {
            self.try_breakers(id.raw(), out);
        }
        id
    }

    /// Takes a command as an order of ours, from the gate or from the journal; `true` when its instrument is disabled by it.
    pub(super) fn remember_command(&mut self, record: &Record, command: &record::Command) -> bool {
        let Ok(id) = OrderId::from_raw(command.order_id) else { return false };
        let side = OrderKind::from_code(command.order_kind).and_then(OrderKind::side);
        let Some(side) = side else { return false };
        let instrument = record.instrument();
        self.sequence =
            if id.epoch() == self.epoch { self.sequence.max(id.sequence()) } else { self.sequence };
        // Where no stamp is known, history need not be asked for from before the order.
        let known = |ts: TimeNs| if ts == TimeNs::NEVER { record.ts() } else { ts };
        self.orders.insert(NewOrder {
            id,
            instrument,
            side,
            qty: Qty(command.qty),
            reduces: record.aux() & AUX_REDUCES != 0,
            position: self.identifier_of(instrument, command.position),
            ts_decide: record.ts(),
            ts_venue: known(self.market.quote(instrument).ts_venue).min(known(self.ts_venue)),
        });
        let kind = OrderKind::from_code(command.order_kind).unwrap_or(OrderKind::market(side));
        let terms = Terms {
            price: if command.action == OrderAction::Pending.code() {
                Price(command.price)
            } else {
                Price::NONE
            },
            stop_limit: Price(command.stop_limit),
            stop_loss: Price(command.stop_loss),
            take_profit: Price(command.take_profit),
        };
        self.orders.rests(id.raw(), kind, terms);
        let time_in_force = TimeInForce::from_code(command.time_in_force);
        let life = (time_in_force.unwrap_or(TimeInForce::GoodTillCancel), command.expiration_s);
        let origin = self.asking.retry_of.take().map(|(origin, ..)| origin);
        self.orders.commanded(id.raw(), life, origin);
        let opens = instrument.index().filter(|_| record.aux() & AUX_REDUCES == 0);
        if let Some(index) = opens {
            self.note_opening(index, side, command.qty, record.ts());
        }
        let is_last = opens.is_some_and(|index| self.executions.count(index, record.ts()));
        self.prepare(instrument);
        is_last
    }

    pub(super) fn deny(&mut self, at: usize, intent: &Intent, refusal: Refusal, out: &mut Outputs) {
        self.counts.deny(refusal.reason);
        let now = self.now;
        let last = &mut self.strategies[at].last_denied;
        if let Some((reason, side, ts)) = *last
            && reason == refusal.reason
            && side == intent.side
            && now.since(ts) < DENIED_AGAIN_NS
        {
            return;
        }
        *last = Some((refusal.reason, intent.side, now));
        let denied = record::Denied {
            reason: refusal.reason as u32,
            side: intent.side as u8,
            opening: u8::from(!intent.reduces),
            reserved: [0; 2],
            qty: intent.qty.0,
            price: intent.price.0,
            limit: refusal.limit,
            got: refusal.got,
        };
        self.emit(self.venue_of(intent.instrument), intent.instrument, &denied, out);
    }

    /// A request about what is not ours, or not there.
    pub(super) fn subject_is_missing(&mut self) -> Asked {
        self.counts.deny(Reason::RequestSubject);
        Asked::Refused(Refusal { reason: Reason::RequestSubject, limit: 1, got: 0 })
    }
}

pub(super) fn wish(instrument: InstrumentId, side: Side, qty: i64, quote: &Quote, reduces: bool) -> Intent {
    let price = if side == Side::Buy { quote.ask } else { quote.bid };
    Intent { instrument, side, qty: Qty(qty), price, reduces }
}

/// The filling that the venue accepts for a market order (`facts`: filling by execution mode); `None` when there is none.
pub(super) fn filling(spec: &InstrumentSpec) -> Option<Filling> {
    match spec.execution {
        Execution::Request | Execution::Instant | Execution::Exchange => Some(Filling::Return),
        Execution::Market if spec.filling_modes & 1 != 0 => Some(Filling::FillOrKill),
        Execution::Market if spec.filling_modes & 2 != 0 => Some(Filling::ImmediateOrCancel),
        Execution::Market => None,
    }
}

/// How far from its price an order's stop loss lies, ticks, zero for none: as wished, but never nearer than the venue allows to what
/// the position is worth then, which is `spread` behind that price.
pub(super) fn stop_ticks(spec: &InstrumentSpec, points: u32, spread: i64) -> i64 {
    let least = spec.points_to_ticks(spec.stops_level_points).saturating_add(spread);
    if points == 0 { 0 } else { spec.points_to_ticks(points).max(least).max(1) }
}

/// What an order at the market opens behind what it is worth at once, ticks.
pub(super) fn spread_of(quote: &Quote) -> i64 {
    quote.spread().unwrap_or(0).max(0)
}

/// Stop loss and take profit of an order that opens at `price`, and is worth `spread` less then.
pub(super) fn stops(
    spec: &InstrumentSpec,
    price: Price,
    side: Side,
    points: [u32; 2],
    spread: i64,
) -> [Price; 2] {
    let at = |points: u32, sign: i64, spread: i64| match stop_ticks(spec, points, spread) {
        0 => Price::NONE,
        ticks => price.plus(sign * side.sign() * ticks),
    };
    [at(points[0], -1, spread), at(points[1], 1, -spread)]
}

/// What a command says beside what was approved.
pub(super) struct OrderForm {
    pub(super) action: OrderAction,
    pub(super) kind: OrderKind,
    /// The ticket, as the venue has it now, of the position that it closes on a hedging account, or zero.
    pub(super) position: u64,
    pub(super) filling: Filling,
    /// Where it rests, and the stops that ride with it.
    pub(super) terms: Terms,
    pub(super) life: (TimeInForce, u32),
}
