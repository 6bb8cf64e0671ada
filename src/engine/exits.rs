//! Exits while the engine runs: what the rules want of each position, asked for by the ways that reductions and moves of stops go.
//!
//! What it is not: the rules (`order::exits`), or a judge of limits: nothing that holds entries back holds these back, neither
//! trading that is halted nor features that are stale. Only trailing by true ranges needs a feature.
//!
//! Invariant: nothing is kept here. What the rules look at follows from fills, quotes, reports and requests, in `step` and in
//! `recover` alike; a wish that could not be asked for is there again on the next tick.

use super::requests::Asked;
use super::{AlertCode, Engine, Hold, Outputs, Verdict};
use crate::order::exits::{ExitReason, Holding, Leave, Moment, MoveStop, Stops, Work, decide};
use crate::order::{Order, OrderState, Request, RequestStage, RetcodeClass, classify};
use crate::record::{self, Command, DealEvent, OrderEvent, PositionEvent, Record};
use crate::types::{InstrumentId, NS_PER_S, OrderAction, OrderId, Price, Side};

impl Engine {
    /// Every position that the exits look at.
    pub fn holdings(&self) -> &[Holding] {
        self.exits.all()
    }

    /// Asks for what the rules want of a strategy's positions. To be called on each tick of its instrument.
    #[inline]
    pub(super) fn run_exits(&mut self, at: usize, out: &mut Outputs) {
        let setup = &self.strategies[at].setup;
        if self.exits.has(setup.instrument) && setup.plan.exits.is_on() {
            self.exit_positions(at, out);
        }
    }

    #[inline(never)]
    fn exit_positions(&mut self, at: usize, out: &mut Outputs) {
        let (instrument, plan) = (self.strategies[at].setup.instrument, self.strategies[at].setup.plan.exits);
        let Some(spec) = self.spec(instrument).copied() else { return };
        let moment = self.exit_moment(at);
        for index in 0..self.exits.of(instrument).len() {
            let holding = self.exits.of(instrument)[index];
            let under_way = self.under_way(&holding);
            let wish = decide(&plan, &holding, &spec, &moment, under_way);
            if let Some(leave) = wish.leave {
                self.leave(at, &holding, leave, out);
            }
            if let Some(stops) = wish.stops {
                self.move_stop(&holding, &stops, moment.atr_ticks, out);
            }
        }
    }

    fn exit_moment(&self, at: usize) -> Moment {
        let strategy = &self.strategies[at];
        let (setup, plan) = (&strategy.setup, &strategy.setup.plan);
        // A past that is being told makes numbers that are none yet.
        let atr_ticks = plan.atr_feature.filter(|_| self.hold(at) != Some(Hold::Unready));
        let atr_ticks = atr_ticks.map_or(f64::NAN, |at| setup.features.exact_values()[usize::from(at)]);
        let asks_session = plan.exits.session_end_ns > 0;
        let server_s = if asks_session { self.context(at).server_s } else { None };
        let left_s = server_s.and_then(|server_s| setup.rule.session_left_s(server_s));
        Moment {
            quote: *self.market.quote(setup.instrument),
            atr_ticks,
            now: self.now,
            session_left_ns: left_s.map(|left_s| left_s.saturating_mul(NS_PER_S)),
        }
    }

    /// What is under way may still close of a position, steps.
    fn under_way(&self, holding: &Holding) -> i64 {
        if holding.ticket == 0 {
            return self.orders.reducing(holding.instrument, holding.side.opposite());
        }
        self.closing_of(holding.instrument, holding.ticket)
    }

    fn leave(&mut self, at: usize, holding: &Holding, leave: Leave, out: &mut Outputs) {
        let (qty, reason) = match leave {
            Leave::Close(reason) => (holding.qty, reason),
            Leave::Reduce { qty, reason } => (qty, reason),
        };
        // The lane keeps room for so many in one step; the others leave in the next.
        if self.asking.left == 0 {
            return;
        }
        // The last score was another tick's, and may be of a model that is gone.
        self.strategies[at].verdict = Verdict::NONE;
        if let Asked::Sent(id) = self.reduce(at, qty, holding.ticket, out) {
            self.asking.left -= 1;
            self.tell_exit(holding, id, (qty, Stops::NONE), (reason, f64::NAN), out);
            if reason == ExitReason::Unprotected {
                let at = (self.venue_of(holding.instrument), holding.instrument);
                let bare_ns = self.now.since(holding.bare_since);
                self.alert(AlertCode::Unprotected, at, holding.ticket, holding.qty, bare_ns, out);
            }
        }
    }

    fn move_stop(&mut self, holding: &Holding, to: &MoveStop, atr_ticks: f64, out: &mut Outputs) {
        let asked = self.request_stops(holding.instrument, holding.ticket, to.stop, to.take, out);
        if let Asked::Sent(id) = asked {
            let stops = Stops { stop: to.stop, take: to.take };
            self.tell_exit(holding, id, (0, stops), (to.reason, atr_ticks), out);
        }
    }

    fn tell_exit(
        &self,
        holding: &Holding,
        id: OrderId,
        (qty, stops): (i64, Stops),
        (reason, atr_ticks): (ExitReason, f64),
        out: &mut Outputs,
    ) {
        let exit = record::Exit {
            order_id: id.raw(),
            position: holding.ticket,
            qty,
            left: holding.qty,
            opened: holding.opened,
            stop_loss: stops.stop.0,
            take_profit: stops.take.0,
            best: holding.best.0,
            atr_bits: atr_ticks.to_bits(),
            since: holding.since.0,
            reason: reason as u32,
            reserved: 0,
        };
        self.emit(self.venue_of(holding.instrument), holding.instrument, &exit, out);
    }

    /// The name of a position for the exits: its identifier where positions stand side by side, zero where there is one.
    fn exit_ticket(&self, instrument: InstrumentId, identifier: u64) -> u64 {
        if self.is_hedging(instrument) { identifier } else { 0 }
    }

    /// A fill of ours.
    pub(super) fn exits_fill(&mut self, instrument: InstrumentId, deal: &DealEvent, side: Side) {
        let ticket = self.exit_ticket(instrument, deal.position);
        if ticket == 0 && self.is_hedging(instrument) {
            return;
        }
        let (qty, price, position) = (deal.qty, deal.price, deal.position);
        let work = Work { instrument, ticket, side, qty, price, order_id: deal.magic, position };
        self.exits.fill(&work, self.now);
    }

    /// A fill of ours is counted, and the position's stops are those that its order named: what was told counts more.
    pub(super) fn exits_filled(&mut self, instrument: InstrumentId, identifier: u64) {
        let ticket = self.exit_ticket(instrument, identifier);
        self.exits_agree(instrument, ticket);
    }

    /// An order of ours that opens, as the venue shows it.
    pub(super) fn exits_order(&mut self, event: &OrderEvent) {
        let opens = self.orders.order(event.magic).is_some_and(|order| !order.new.reduces);
        if opens {
            let stops = Stops { stop: Price(event.stop_loss), take: Price(event.take_profit) };
            self.exits.order_told(event.magic, stops, self.now);
            let of = self.exits.all().iter().find(|holding| holding.entry_id == event.magic);
            if let Some((instrument, ticket)) = of.map(|holding| (holding.instrument, holding.ticket)) {
                self.exits_agree(instrument, ticket);
            }
        }
    }

    /// What the exits were told of a position's stops is what requests start from.
    fn exits_agree(&mut self, instrument: InstrumentId, ticket: u64) {
        let holding = self.exits.of(instrument).iter().find(|holding| holding.ticket == ticket);
        let known = self.asking.stops.of(instrument, ticket).copied();
        if let (Some(told), Some(known)) = (holding.and_then(|holding| holding.stops), known) {
            let names = [known.identifier, known.ticket];
            self.asking.stops.told(instrument, names, told.stop, told.take);
        }
    }

    /// A position as the venue shows it.
    pub(super) fn exits_position(&mut self, instrument: InstrumentId, event: &PositionEvent) {
        let side = if event.qty > 0 { Side::Buy } else { Side::Sell };
        let ticket = self.exit_ticket(instrument, event.identifier);
        let stops = Stops { stop: Price(event.stop_loss), take: Price(event.take_profit) };
        self.exits.stops_told(instrument, (ticket, side), stops, self.now);
        // Told before the deals that made it: they stand once its order's fill is counted.
        let is_held = |holding: &Holding| (holding.ticket, holding.side) == (ticket, side);
        let opens = |order: &Order| order.new.instrument == instrument && !order.new.reduces;
        if !self.exits.of(instrument).iter().any(is_held) && self.orders.order(event.magic).is_some_and(opens)
        {
            self.exits.position_told(event.magic, event.identifier, stops);
        }
    }

    /// All positions of a venue's snapshot, once its deals are counted.
    pub(super) fn exits_listed(&mut self, venue_index: usize) {
        for index in 0..self.listings[venue_index].len() {
            let (instrument, position) = self.listings[venue_index].position(index);
            self.exits_position(instrument, &position);
        }
    }

    /// An order came to its end: one that was to close something and did not is asked for again a while later.
    pub(super) fn exits_ended(&mut self, order: &Order) {
        if order.new.reduces && order.state == OrderState::Rejected {
            let ticket = self.exit_ticket(order.new.instrument, order.new.position);
            self.exits.leave_refused(order.new.instrument, ticket, self.now);
        }
    }

    /// A request to move stops left us, now or before a restart.
    pub(super) fn exits_asked(&mut self, command: &Command, record: &Record) {
        if command.action == OrderAction::StopLevels.code() {
            let ticket = self.exit_ticket_of(record.instrument(), command.position);
            self.exits.stop_asked(record.instrument(), ticket, record.ts());
        }
    }

    /// A request to move stops came to a verdict.
    pub(super) fn exits_verdict(&mut self, request: &Request) {
        let new = &request.new;
        if new.action != OrderAction::StopLevels {
            return;
        }
        let ticket = self.exit_ticket_of(new.instrument, new.position);
        match request.stage {
            RequestStage::Done => {
                let stops = Stops { stop: new.asked.stop_loss, take: new.asked.take_profit };
                let side = new.kind.side().unwrap_or(Side::Buy);
                self.exits.stops_told(new.instrument, (ticket, side), stops, self.now);
            }
            // Wrong in itself or not allowed: asking again will not help.
            RequestStage::Refused
                if matches!(classify(request.retcode), RetcodeClass::Fix | RetcodeClass::Never) =>
            {
                self.exits.stop_refused(new.instrument, ticket);
            }
            _ => {}
        }
    }

    fn exit_ticket_of(&self, instrument: InstrumentId, position: u64) -> u64 {
        let identifier =
            self.asking.stops.of(instrument, position).map_or(position, |stops| stops.identifier);
        self.exit_ticket(instrument, identifier)
    }

    /// The operator's word changed what is ours.
    pub(super) fn exits_settle(&mut self, instrument: InstrumentId) {
        let positions = &self.positions;
        self.exits.settle(instrument, |ticket| match ticket {
            0 => positions.net(instrument).qty,
            _ => positions.tickets(instrument).find(|(open, _)| *open == ticket).map_or(0, |(_, qty)| qty),
        });
    }

    /// Time passed: what nobody told of stops is asked for, and of two pending entries one cancels the other.
    pub(super) fn exit_timers(&mut self, out: &mut Outputs) {
        for at in 0..self.strategies.len() {
            // No quote need come for a position that is too old, or bare, or held at a session's end.
            self.run_exits(at, out);
            let setup = &self.strategies[at].setup;
            let (instrument, plan) = (setup.instrument, setup.plan);
            let is_untold = |holding: &Holding| holding.stops.is_none();
            if plan.exits.moves_stops() && self.exits.of(instrument).iter().any(is_untold) {
                let (now, venue) = (self.now, usize::from(self.venue_of(instrument).0));
                if let Some(venue) = self.venues.get_mut(venue) {
                    venue.look_again(now);
                }
            }
            if plan.one_cancels_other && self.orders.open_of(instrument) > 0 {
                self.cancel_others(instrument, out);
            }
        }
    }

    /// Where a pending entry filled no other one may; and what is left of one does not outlive its position.
    fn cancel_others(&mut self, instrument: InstrumentId, out: &mut Outputs) {
        const ENTRIES_MAX: usize = 16;
        let mut entries = [0; ENTRIES_MAX];
        let held = self.exits.of(instrument);
        let is_held = !held.is_empty();
        for (entry, holding) in entries.iter_mut().zip(held) {
            *entry = holding.entry_id;
        }
        let is_meant = |order: &Order| {
            let id = order.new.id.raw();
            let is_entry = order.new.instrument == instrument && order.is_pending() && !order.new.reduces;
            let goes = if is_held { !entries.contains(&id) } else { order.qty_filled > 0 };
            is_entry && goes
        };
        if self.orders.open().any(is_meant) {
            self.cancel_where(is_meant, out);
        }
    }
}
